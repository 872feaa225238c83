package password

import (
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

var ada = Context{Alone: true, Words: []string{"Ada Byron", "ada.byron@analytical.example", "Paper & Ink"}}

func TestANewPasswordIsHeldToTheRules(t *testing.T) {
	beside := ada
	beside.Alone = false
	for _, row := range []struct {
		name, typed string
		c           Context
		want        string // part of what is said; nothing when it is good
	}{
		{"good words", "violet tram under seven clouds", ada, ""},
		{"random letters", "xkqvjwzrbnmtplq", ada, ""},
		{"no composition asked for", "onlysmallletterscanbefine", ada, ""},
		{"blanks and marks", "  ~~ so ein schöner tag ~~ ", ada, ""},
		{"twelve beside a factor", "tram clouds7", beside, ""},
		{"twelve alone", "tram clouds7", ada, "has 12 characters. Please use at least 15"},
		{"fourteen wide ones", strings.Repeat("語書", 7), ada, "has 14 characters"},
		{"one", "x", ada, "has 1 character."},
		{"common and long", "1qaz2wsx3edc4rfv", ada, "thieves try first"},
		{"common in capitals", "QWERTYUIOP123456789", ada, "thieves try first"},
		{"her name", "AdaByron-Ada-Byron", ada, "little more than a name"},
		{"her address", "ada.byron@analytical", ada, "little more than a name"},
		{"the shop", "paperinkpaperink1", ada, "little more than a name"},
		{"the program", "cartkeepcartkeep12", ada, "little more than a name"},
		{"one letter", strings.Repeat("a", 30), ada, "simple pattern"},
		{"a short part again and again", strings.Repeat("xy7", 8), ada, "simple pattern"},
		{"a common word twice", "passwordpassword", beside, "thieves try first"},
		{"a common word three times", "dragondragondragon", ada, "simple pattern"},
		{"up and down the alphabet", "abcdefghijklmnopq", ada, "simple pattern"},
		{"counting", "123456789012345678", ada, ""},
		{"rows of keys", "asdfghjklasdfghjkl", ada, "simple pattern"},
		{"one letter, the longest", strings.Repeat("z", Longest), ada, "simple pattern"},
	} {
		err := Check("password", parsed(t, row.typed), row.c)
		if row.name == "counting" {
			if err == nil {
				t.Errorf("%s is taken", row.name)
			}
			continue
		}
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%s: got %v, want it taken", row.name, err)
		case row.want != "" && err == nil:
			t.Errorf("%s is taken (%.1f bits)", row.name, guesses(parsed(t, row.typed), row.c.words()))
		case row.want != "":
			e := fault.Of(err)
			if !strings.Contains(e.Text, row.want) || len(e.Problems) != 1 || e.Problems[0].Field != "password" || e.Kind != fault.Invalid {
				t.Errorf("%s: got %q, want %q on the field", row.name, e.Text, row.want)
			}
			if strings.Contains(e.Text, row.typed) && len(row.typed) > 3 {
				t.Errorf("%s: the password shows in %q", row.name, e.Text)
			}
		}
	}
}

func TestRandomPasswordsAreAlwaysTaken(t *testing.T) {
	for range 2000 {
		typed := random(15)
		plain := string(newMeasure([]rune(typed), nil).plain)
		if isCommon(parsed(t, typed)) || isCommon(parsed(t, plain)) {
			continue // once in 65,536 each; the filter's own test counts them
		}
		if err := Check("password", parsed(t, typed), ada); err != nil {
			t.Fatalf("%q: %v", typed, err)
		}
	}
}

func TestTheMeterSaysWhatToDo(t *testing.T) {
	for _, row := range []struct {
		typed     string
		low, high int
	}{
		{"password", 0, 0}, {strings.Repeat("ab", 12), 0, 0}, {"tram clouds", 1, 1}, {"ada likes violet tram clouds", 0, 2},
		{"violet tram under seven clouds", 4, 4}, {"xkqvjwzrbnmtplq", 4, 4}, {"dragon2024monkey", 1, 3}, {"qwertyuiop1990dragon", 1, 3},
	} {
		got := Meter(parsed(t, row.typed), ada)
		if got.Score < row.low || got.Score > row.high || got.Text == "" {
			t.Errorf("%q: got %+v (%.1f bits), want %d to %d", row.typed, got, guesses(parsed(t, row.typed), ada.words()), row.low, row.high)
		}
	}
	if got := Meter(Password{}, ada); got.Score != 0 {
		t.Errorf("nothing typed: got %+v", got)
	}
}

// TestTheMeterLooksAtABoundedPart: the meter's time is bounded whatever is typed.
func TestTheMeterLooksAtABoundedPart(t *testing.T) {
	long := strings.Repeat("z", measured) + "violet tram under seven clouds"
	if got := guesses(parsed(t, long), nil); got >= trivial {
		t.Errorf("got %.1f bits for what begins with %d times the same letter", got, measured)
	}
	words := make([]string, 10_000)
	for i := range words {
		words[i] = strings.Repeat("w", 5000)
	}
	if got := len(Context{Words: words}.words()); got > ownWords {
		t.Errorf("got %d words, want at most %d", got, ownWords)
	}
}

func BenchmarkMeter(b *testing.B) {
	for name, typed := range map[string]string{
		"words": "violet tram under seven clouds", "longest": strings.Repeat("4@s5$1!0o", 28), "same": strings.Repeat("a", Longest), "pairs": strings.Repeat("ab", Longest/2),
	} {
		b.Run(name, func(b *testing.B) {
			p := parsed(b, typed)
			b.ReportAllocs()
			for b.Loop() {
				Meter(p, ada)
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	p := parsed(b, "violet tram under seven clouds")
	for b.Loop() {
		Check("password", p, ada)
	}
}
