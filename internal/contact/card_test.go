package contact

import (
	"strings"
	"testing"
	"unicode"
)

func TestACardNumberIsSeenHoweverItIsGrouped(t *testing.T) {
	for _, s := range []string{
		"4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111.1111.1111.1111", "4111\u00a01111\u20091111\u202f1111",
		"my card is 5555555555554444, thanks", "378282246310005", "６０１１１１１１１１１１１１１７", "٤١١١ ١١١١ ١١١١ ١١١١", "𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏", "४१११११११११११११११", "4222222222222", "6304000000000000",
		"4242\t4242\t4242\t4242", "4242_4242_4242_4242", "4242\u30004242\u30004242\u30004242", "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2", "2223003122003222", "6011111111111117", "3530111333300000", "6200000000000005",
		"first line\n4111 1111 1111 1111\nlast line", "30569309025904", "x4111111111111111y",
	} {
		if !CardNumber(s) {
			t.Errorf("no card number was seen in a text of %d bytes", len(s))
		}
		left := WithoutCard(s)
		if CardNumber(left) {
			t.Error("a card number stays after it was taken out")
		}
		if strings.ContainsAny(left, "456٤४𝟒") {
			t.Errorf("got %q left, want the number gone", left)
		}
	}
	if got := WithoutCard("Ring twice. 4111 1111 1111 1111 Thanks"); got != "Ring twice.  Thanks" {
		t.Errorf("got %q, want the words around it kept", got)
	}
}

func TestACardNumberIsSeenBesideOtherNumbers(t *testing.T) {
	for _, c := range []struct{ text, left string }{
		{"4111 1111 1111 1111 12/27", " 12/27"}, {"4111 1111 1111 1111 12/27 123", " 12/27 123"}, {"4111111111111111 12 27", " 12 27"},
		{"4111-1111-1111-1111 123", " 123"}, {"3782 822463 10005 12/27", " 12/27"}, {"12 4111 1111 1111 1111", "12 "}, {"No. 7. 4111111111111111. 123", "No. 7. . 123"},
		{"5555 5555 5555 4444 4111 1111 1111 1111", " "}, {"4222222222222 4222222222222", " "}, {"4222 222 222 222 01/30", " 01/30"},
		{"4111  1111  1111  1111", ""}, {"4111\u200d1111\u200d1111\u200d1111", ""}, {"4111 - 1111 - 1111 - 1111", ""}, {"41111111 11111111 123", " 123"},
	} {
		if !CardNumber(c.text) {
			t.Errorf("no card number was seen in %d characters", len(c.text))
		}
		if got := WithoutCard(c.text); got != c.left {
			t.Errorf("got %q left, want %q", got, c.left)
		}
	}
	many := strings.Repeat("4222222222222x", 4000)
	if got := WithoutCard(many); got != "" {
		t.Errorf("got %d bytes of a text of thousands of card numbers", len(got))
	}
	if got := WithoutCard(strings.Repeat("4222222222222x", maxCards)); got != strings.Repeat("x", maxCards) {
		t.Errorf("got %q", got)
	}
}

func TestOrdinaryNumbersAreNoCards(t *testing.T) {
	for _, s := range []string{
		"", "12 Analytical Way", "10115", "4111111111111112", "0000000000000000", "41111111111111111111111111", "+49 30 1234567",
		"4111 1111 11", "1234 5678 9012 34", "030 1234 5678 9012", "2026 11 26 2026 12 24", "12 34 56 78 90 12 34", "4111     1111     1111     1111", "1234567890123", "4006381333931", "4006381333023", "refund to DK50 0040 0440 1162 43 please", "DK5000400440116243", "9780201379624", "7613035974685", "1111111111111117", "8888888888888888888", "Order K7Q2M-9F3XA",
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

// What digitOf relies on.
func TestDigitsOfEveryScriptStandInRowsOfTen(t *testing.T) {
	for c := rune(0); c <= unicode.MaxRune; c++ {
		d, ok := digitOf(c)
		if ok != unicode.Is(unicode.Nd, c) {
			t.Fatalf("%U: got a digit: %v", c, ok)
		}
		if !ok {
			continue
		}
		if before, ok := digitOf(c - 1); d > 0 && (!ok || before != d-1) {
			t.Errorf("%U is read as %d after %d", c, d, before)
		}
	}
}
