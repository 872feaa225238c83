package personal

import (
	"slices"
	"strings"
	"testing"
)

// TestWhoGetsWhat: each recipient of the register is told with what it gets, and
// who is not set up is not told at all.
func TestWhoGetsWhat(t *testing.T) {
	for _, c := range []struct {
		set  Parties
		want []Recipient
	}{
		{nil, []Recipient{Courier, PaymentProvider, TaxOffice}},
		{Parties{MailProvider: {"mail.example"}}, []Recipient{Courier, PaymentProvider, MailProvider, TaxOffice}},
		{Parties{SMSProvider: {"Twilio", "sms.example"}}, []Recipient{Courier, PaymentProvider, SMSProvider, TaxOffice}},
		{Everybody(), []Recipient{Courier, PaymentProvider, MailProvider, SMSProvider, TaxOffice}},
	} {
		var got []Recipient
		for _, r := range c.set.Receivers() {
			got = append(got, r.Recipient)
			if len(r.Gets) == 0 || !slices.Equal(r.Names, c.set[r.Recipient]) {
				t.Errorf("%s is named %v and gets %v", r.Recipient, r.Names, r.Gets)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: told %v, want %v", c.set, got, c.want)
		}
	}
	known := map[Recipient]bool{}
	for _, r := range Everybody().Receivers() {
		known[r.Recipient] = true
		all := strings.Join(r.Gets, "; ")
		if r.Recipient == SMSProvider && (strings.Contains(all, "assword") || !strings.Contains(all, "Phone number")) {
			t.Errorf("the sender of texts gets %s", all)
		}
	}
	for _, f := range All() {
		for _, to := range f.Recipients {
			if !known[to] {
				t.Errorf("%s goes to %s, whom nobody is told of", f.Name(), to)
			}
		}
		for to := range f.Part {
			if !slices.Contains(f.Recipients, to) {
				t.Errorf("a part of %s goes to %s, who gets nothing of it", f.Name(), to)
			}
		}
	}
}
