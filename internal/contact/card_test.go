package contact

import (
	"strings"
	"testing"
)

func TestACardNumberIsSeenHoweverItIsGrouped(t *testing.T) {
	for _, s := range []string{
		"4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111.1111.1111.1111", "4111\u00a01111\u20091111\u202f1111",
		"my card is 5555555555554444, thanks", "378282246310005", "６０１１１１１１１１１１１１１７", "4222222222222", "6304000000000000",
		"first line\n4111 1111 1111 1111\nlast line", "30569309025904", "x4111111111111111y",
	} {
		if !CardNumber(s) {
			t.Errorf("no card number was seen in a text of %d bytes", len(s))
		}
		left := WithoutCard(s)
		if CardNumber(left) {
			t.Error("a card number stays after it was taken out")
		}
		if strings.ContainsAny(left, "456") {
			t.Errorf("got %q left, want the number gone", left)
		}
	}
	if got := WithoutCard("Ring twice. 4111 1111 1111 1111 Thanks"); got != "Ring twice.  Thanks" {
		t.Errorf("got %q, want the words around it kept", got)
	}
}

func TestOrdinaryNumbersAreNoCards(t *testing.T) {
	for _, s := range []string{
		"", "12 Analytical Way", "10115", "4111111111111112", "0000000000000000", "41111111111111111111111111", "+49 30 1234567",
		"4111 1111 11", "4111  1111  1111  1111", "1234567890123", "Order K7Q2M-9F3XA",
	} {
		if CardNumber(s) {
			t.Errorf("%q is taken for a card number", s)
		}
	}
	// Fifteen digits with a right check digit, and yet a telephone.
	for _, s := range []string{"+371449635398431", "00371449635398431"} {
		if CardInPhone(s) {
			t.Errorf("%q is taken for a card number", s)
		}
	}
	for _, s := range []string{"371449635398431", "4111 1111 1111 1111", "+4111 1111 1111 1111"} {
		if !CardInPhone(s) {
			t.Errorf("%q is not seen in a phone field", s)
		}
	}
}

func FuzzCardNumber(f *testing.F) {
	for _, s := range []string{"4111 1111 1111 1111", "a1", "１２３", "4111-\xff1111"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		left := WithoutCard(s)
		if CardNumber(left) || len(left) > len(s) {
			t.Error("a card number is left")
		}
		if !CardNumber(s) && left != s {
			t.Error("something was taken out of a text without a card number")
		}
	})
}
