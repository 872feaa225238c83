package statement

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const ref = "RF90K7Q2M9F3XA1"

func read(t *testing.T, text string) Statement {
	t.Helper()
	s, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tell writes lines for a comparison.
func tell(s Statement) (out []string) {
	for _, l := range s.Lines {
		out = append(out, fmt.Sprintf("%s %s %s %v", l.Place, l.Account, l.Amount.Format(), l.References))
	}
	return out
}

// A statement with all that banks write: a plain transfer, one with a structured
// reference, one whose text a bank has broken up, a bundle, a debit, one that is
// only announced, one that was taken back.
func TestCAMT053IsRead(t *testing.T) {
	for _, name := range []string{"testdata/camt.053.001.02.xml", "testdata/camt.053.001.08.xml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := read(t, string(text))
		want := []string{
			"entry 1 DE89370400440532013000 €48.00 [RF90K7Q2M9F3XA1]",
			"entry 2 DE89370400440532013000 €48.00 [RF90K7Q2M9F3XA1]",
			"entry 3 DE89370400440532013000 €1,234.50 [RF90K7Q2M9F3XA1]",
			"entry 7, payment 1 DE89370400440532013000 €10.00 [RF90K7Q2M9F3XA1]",
			"entry 7, payment 2 DE89370400440532013000 €20.00 []",
			"entry 8 DE89370400440532013000 CHF\u00a05.00 []",
		}
		if got := tell(s); !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if s.Skipped != 3 {
			t.Errorf("%s: got %d left out, want the debit, the announced and the reversed", name, s.Skipped)
		}
		marks := map[string]bool{}
		for _, l := range s.Lines {
			marks[l.Mark] = true
		}
		if len(marks) != len(s.Lines) {
			t.Errorf("%s: two lines have one mark", name)
		}
		if again := read(t, string(text)); !slices.EqualFunc(again.Lines, s.Lines, func(a, b Line) bool { return a.Mark == b.Mark }) {
			t.Errorf("%s: another reading has other marks", name)
		}
		for _, someone := range []string{"Ada", "Lovelace", "GB29", "thank you"} {
			if strings.Contains(fmt.Sprintf("%+v", s), someone) {
				t.Errorf("%s: what was read still tells %q", name, someone)
			}
		}
	}
}

func TestCSVIsRead(t *testing.T) {
	const dots = "Date,Amount,Currency,Reference,Name\n2026-03-02,48.00,EUR,RF90 K7Q2 M9F3 XA1,Ada\n2026-03-02,-12.00,EUR,rent,Bob\n2026-03-02,7,EUR,\"a gift, \"\"really\"\"\",Eve\n2026-03-03,48.00,EUR,RF90 K7Q2 M9F3 XA1,Ada\n"
	const commas = "\ufeffdate;amount;currency;reference;account\r\n2026-03-02;48,00;EUR;order RF90K7Q2M9F3XA1;DE89 3704 0044 0532 0130 00\r\n"
	if got, want := tell(read(t, dots)), []string{"line 2  €48.00 [RF90K7Q2M9F3XA1]", "line 4  €7.00 []", "line 5  €48.00 [RF90K7Q2M9F3XA1]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := tell(read(t, commas)), []string{"line 2 DE89370400440532013000 €48.00 [RF90K7Q2M9F3XA1]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// Two payments that are alike in everything are two all the same.
	twins := read(t, "amount,currency,reference\n48.00,EUR,"+ref+"\n48.00,EUR,"+ref+"\n")
	if len(twins.Lines) != 2 || twins.Lines[0].Mark == twins.Lines[1].Mark {
		t.Errorf("got %+v", twins)
	}
}

// What can't be read says where, and nothing of what stands there.
func TestBrokenStatementsAreRefused(t *testing.T) {
	const head = "amount,currency,reference\n"
	camt := func(inner string) string {
		return "<Document><BkToCstmrStmt><Stmt>" + inner + "</Stmt></BkToCstmrStmt></Document>"
	}
	entry := func(amount string) string {
		return camt("<Ntry>" + amount + "<CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts></Ntry>")
	}
	for name, text := range map[string]string{
		"nothing":            "",
		"spaces":             " \n ",
		"a letter":           "Dear shop, Ada has paid",
		"a page":             "<html><body>Ada</body></html>",
		"an end":             "<Document><BkToCstmrStmt><Stmt><Ntry>Ada",
		"two roots":          camt("") + "<Document>Ada",
		"another message":    "<Document><BkToCstmrAcctRpt></BkToCstmrAcctRpt></Document>",
		"entities":           `<!DOCTYPE d [<!ENTITY a "Ada">]><Document><BkToCstmrStmt>&a;</BkToCstmrStmt></Document>`,
		"an entity":          camt("&ada;"),
		"depth":              camt(strings.Repeat("<a>", maxDepth) + strings.Repeat("</a>", maxDepth)),
		"no amount":          entry(""),
		"a word":             entry(`<Amt Ccy="EUR">Ada</Amt>`),
		"no currency":        entry(`<Amt>48.00</Amt>`),
		"a foreign currency": entry(`<Amt Ccy="ADA">48.00</Amt>`),
		"a third decimal":    entry(`<Amt Ccy="EUR">48.001</Amt>`),
		"below nothing":      entry(`<Amt Ccy="EUR">-48.00</Amt>`),
		"an exponent":        entry(`<Amt Ccy="EUR">48e2</Amt>`),
		"a great number":     entry(`<Amt Ccy="EUR">999999999999999</Amt>`),
		"no head":            "48.00,EUR," + ref,
		"half a head":        "amount,currency\n48.00,EUR\n",
		"a head twice":       "amount,currency,reference,amount\n1,EUR,Ada,2\n",
		"a short row":        head + "48.00,Ada\n",
		"a quote":            head + "48.00,EUR,\"Ada\n",
		"thousands":          head + "\"1,048.00\",EUR,Ada\n",
		"a comma":            head + "\"48,00\",EUR,Ada\n",
		"letters":            head + "Ada,EUR," + ref + "\n",
	} {
		s, err := Read(strings.NewReader(text))
		if !errors.Is(err, ErrFormat) || len(s.Lines) > 0 {
			t.Errorf("%s: got %+v, %v, want ErrFormat", name, s, err)
			continue
		}
		if strings.Contains(strings.ToLower(err.Error()), "ada") {
			t.Errorf("%s: the error repeats the file: %v", name, err)
		}
	}
}

func TestStatementsAreBounded(t *testing.T) {
	if _, err := Read(endless{}); !errors.Is(err, ErrFormat) {
		t.Errorf("a file without an end: got %v", err)
	}
	many := "amount,currency,reference\n" + strings.Repeat("1,EUR,x\n", MaxLines+1)
	if _, err := Read(strings.NewReader(many)); !errors.Is(err, ErrFormat) {
		t.Errorf("too many lines: got %v", err)
	}
	long := read(t, "amount,currency,reference\n1,EUR,"+strings.Repeat("x", 1<<20)+ref+"\n")
	if len(long.Lines) != 1 || len(long.Lines[0].References) != 0 {
		t.Errorf("a text without an end was searched: %+v", long)
	}
	if s := read(t, "amount,currency,reference\n0.00,EUR,x\n"); len(s.Lines) != 0 || s.Skipped != 1 {
		t.Errorf("an amount of nothing: got %+v", s)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '<'
	}
	return len(p), nil
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"testdata/camt.053.001.02.xml", "testdata/camt.053.001.08.xml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("amount,currency,reference\n48.00,EUR,RF90K7Q2M9F3XA1\n")
	f.Add("amount;currency;reference\n48,00;JPY;\"x\n\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Read(strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("got %v", err)
			}
			return
		}
		seen := map[string]bool{}
		for _, l := range s.Lines {
			if l.Amount.Minor() <= 0 || seen[l.Mark] {
				t.Errorf("got %+v", l)
			}
			seen[l.Mark] = true
		}
		again, err := Read(strings.NewReader(text))
		if err != nil || !slices.EqualFunc(again.Lines, s.Lines, func(a, b Line) bool { return a.Mark == b.Mark && a.Amount == b.Amount }) {
			t.Errorf("read again it is another: %v", err)
		}
	})
}
