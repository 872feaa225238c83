package password

import (
	"strings"
	"testing"
)

// fromElsewhere is a hash that the reference implementation made:
//
//	printf 'correct horse battery staple' | argon2 0123456789abcdef -id -v 13 -k 19456 -t 2 -p 1 -l 32 -e
const fromElsewhere = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gy5SuVm5Z7Vw7keB9se9p87QGcomaseB/S2U1OhTsM0"

func TestAHashFromTheReferenceImplementationIsRight(t *testing.T) {
	k, err := parseKept("ck1-nfc" + fromElsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if !k.is(derive, parsed(t, "correct horse battery staple")) {
		t.Error("the right password is refused")
	}
	if k.is(derive, parsed(t, "correct horse battery stapl")) || k.is(derive, Password{}) {
		t.Error("a wrong password passes")
	}
}

// TestAWrittenDatabaseCantMakeUsWork: what is stored is believed within bounds.
func TestAWrittenDatabaseCantMakeUsWork(t *testing.T) {
	good := "ck1-nfc" + fromElsewhere
	if k, err := parseKept(good); err != nil || k.String() != good {
		t.Fatalf("the good one: %v", err)
	}
	for name, change := range map[string][2]string{
		"a gigabyte":             {"m=19456", "m=1048576"},
		"more than 32 bits":      {"m=19456", "m=99999999999"},
		"next to no memory":      {"m=19456", "m=8"},
		"an hour":                {"t=2", "t=4294967295"},
		"seventeen passes":       {"t=2", "t=17"},
		"no pass":                {"t=2", "t=0"},
		"many lanes":             {"p=1", "p=255"},
		"a number with a sign":   {"m=19456", "m=+19456"},
		"a number with a nought": {"t=2", "t=02"},
		"another order":          {"m=19456,t=2", "t=2,m=19456"},
		"another kind":           {"argon2id", "argon2i"},
		"another version":        {"v=19", "v=16"},
		"no form":                {"ck1-nfc", "ck1"},
		"another form":           {"ck1-nfc", "ck1-nfkc"},
		"a short salt":           {"$MDEyMzQ1Njc4OWFiY2RlZg$", "$MDEyMzQ1Njc4OWFiY2Rl$"},
		"no salt":                {"$MDEyMzQ1Njc4OWFiY2RlZg$", "$$"},
		"loose base64":           {"$MDEyMzQ1Njc4OWFiY2RlZg$", "$MDEyMzQ1Njc4OWFiY2RlZh$"},
		"a line break":           {"$MDEyMzQ1", "$MDEy\nMzQ1"},
		"one part more":          {"$MDEy", "$x$MDEy"},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Fatalf("%s changed nothing", name)
		}
		if _, err := parseKept(text); err == nil {
			t.Errorf("%s is believed", name)
		}
	}
	for _, text := range []string{"", "$", "ck1-nfc", good + "A", good + "\n", " " + good, good[:len(good)-1], strings.Repeat("$", 1<<20), keptHead + strings.Repeat("A", 1<<20)} {
		if _, err := parseKept(text); err == nil {
			t.Errorf("%.40q is believed", text)
		}
	}
}

func FuzzParseKept(f *testing.F) {
	f.Add("ck1-nfc" + fromElsewhere)
	f.Add(keptHead + "m=8192,t=1,p=1$$")
	f.Add(strings.Repeat("$", 40))
	f.Fuzz(func(t *testing.T, text string) {
		k, err := parseKept(text)
		if err != nil {
			return
		}
		if k.String() != text || !k.params.sane() || len(k.salt) != saltSize || len(k.sum) != sumSize {
			t.Fatalf("%q reads as %+v", text, k.params)
		}
	})
}
