package otp

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"rsc.io/qr"

	"github.com/cartkeep/cartkeep/internal/seal"
)

func TestNothingShowsItself(t *testing.T) {
	s, _ := ParseSecret([]byte("12345678901234567890"))
	c, _ := ParseCode("code", "424242")
	r, _ := ParseRecovery("code", "ABCD-EFGH-JKMN-PQRS-TVWX-YZ01")
	all := struct {
		Secret   Secret
		Code     Code
		Recovery Recovery
		hidden   []any
	}{s, c, r, []any{s, c, r}}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%o", "%U", "%t", "%e"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+"\n", s, c, r, all)
	}
	j, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	x, err := xml.Marshal([]any{s, c, r})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	out.Write(x)
	slog.New(slog.NewTextHandler(&out, nil)).Info("signed in", "secret", s, "code", c, "recovery", r, "all", all)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("signed in", "secret", s, "code", c, "recovery", r, "all", all)
	for _, leak := range []string{"12345678901234567890", "GEZDGNBV", "3132333435", "49 50 51", "424242", "52 50 52", "343234", "ABCD", "65 66 67", "41424344"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q shows in %s", leak, out.String())
		}
	}
}

func TestTheAddressNamesTheShopAndLittleElse(t *testing.T) {
	s, _ := ParseSecret([]byte("12345678901234567890"))
	for _, row := range []struct{ issuer, account, want string }{
		{"Paper & Ink", "main", "otpauth://totp/Paper%20%26%20Ink:main?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Paper%20%26%20Ink&algorithm=SHA1&digits=6&period=30"},
		{"Evil: shop?secret=A&x=", "a\nb", "otpauth://totp/Evil%20shop%3Fsecret%3DA%26x%3D:a%20b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Evil%20shop%3Fsecret%3DA%26x%3D&algorithm=SHA1&digits=6&period=30"},
	} {
		got := s.URI(row.issuer, row.account)
		if got != row.want {
			t.Errorf("got %s, want %s", got, row.want)
		}
		u, err := url.Parse(got)
		if err != nil || u.Query().Get("secret") != "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" || len(u.Query()["secret"]) != 1 || len(u.Query()) != 5 {
			t.Errorf("%s does not read back: %v", got, err)
		}
	}
	if got, want := s.Typed(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestThePictureIsTheCode reads the modules back from the drawing.
func TestThePictureIsTheCode(t *testing.T) {
	s := NewSecret()
	svg, err := s.Picture("Paper & Ink", "main", `Code "for" <your> app`)
	if err != nil {
		t.Fatal(err)
	}
	code, err := qr.Encode(s.URI("Paper & Ink", "main"), qr.M)
	if err != nil {
		t.Fatal(err)
	}
	side := code.Size + 2*quietZone
	black := make([][]bool, side)
	for i := range black {
		black[i] = make([]bool, side)
	}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(svg, -1) {
		var x, y, n, back int
		fmt.Sscan(m[1], &x)
		fmt.Sscan(m[2], &y)
		fmt.Sscan(m[3], &n)
		fmt.Sscan(m[4], &back)
		if n != back {
			t.Fatalf("%s does not close", m[0])
		}
		for i := range n {
			black[y][x+i] = true
		}
	}
	for y := range side {
		for x := range side {
			if got, want := black[y][x], code.Black(x-quietZone, y-quietZone); got != want {
				t.Fatalf("module %d,%d: got %v, want %v", x, y, got, want)
			}
		}
	}
	if err := xml.Unmarshal([]byte(svg), new(struct{ XMLName xml.Name })); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"style", "<script", "href", "onload", `"for"`, "<your>", "url("} {
		if strings.Contains(svg, bad) {
			t.Errorf("the picture holds %q", bad)
		}
	}
	for _, want := range []string{"<title>Code &#34;for&#34; &lt;your&gt; app</title>", `role="img"`, `shape-rendering="crispEdges"`} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture does not hold %q", want)
		}
	}
	if strings.Count(svg, "<path") != 1 || len(svg) > 24<<10 {
		t.Errorf("got %d paths in %d bytes", strings.Count(svg, "<path"), len(svg))
	}
	long, err := s.Picture(strings.Repeat("ß", 500), strings.Repeat("語", 500), "")
	if err != nil || len(long) > 40<<10 {
		t.Errorf("long names: %d bytes, %v", len(long), err)
	}
}

func TestRecoveryCodesAreReadAsPeopleTypeThem(t *testing.T) {
	macKey, err := seal.NewMacKey(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	other, _ := seal.NewMacKey(seal.NewKey())
	seen := map[string]bool{}
	for _, r := range NewRecoveries() {
		shown := r.Shown()
		if !regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(shown) || seen[shown] {
			t.Fatal("a code is of another form or there twice")
		}
		seen[shown] = true
		kept := r.Hash(macKey, "ada")
		if bytes.Contains(kept, []byte(shown[:4])) || len(kept) != 32 {
			t.Error("what is kept is no hash")
		}
		for _, typed := range []string{
			shown, strings.ToLower(shown), strings.ReplaceAll(shown, "-", ""), strings.ReplaceAll(shown, "-", " "), " " + shown + "\n",
			strings.ReplaceAll(strings.ReplaceAll(shown, "0", "o"), "1", "l"), strings.ReplaceAll(strings.ReplaceAll(shown, "0", "O"), "1", "I"),
			strings.ReplaceAll(shown, "-", " – "),
		} {
			got, err := ParseRecovery("code", typed)
			if err != nil || !bytes.Equal(got.Hash(macKey, "ada"), kept) {
				t.Errorf("a typed form is refused: %v", err)
			}
			if bytes.Equal(got.Hash(macKey, "bob"), kept) || bytes.Equal(got.Hash(other, "ada"), kept) {
				t.Error("a code is good for another account or key")
			}
		}
	}
	var none Recovery
	if none.Hash(macKey, "ada") != nil {
		t.Error("no code at all has a hash")
	}
	for _, typed := range []string{"", "null", "[]", "ABCD", strings.Repeat("A", 25), strings.Repeat("A", 23) + "U", strings.Repeat("A", 23) + "é", strings.Repeat("A", 1<<20), strings.Repeat("A", 23) + "\x00", strings.Repeat("A", 23) + "ǁ"} {
		if _, err := ParseRecovery("code", typed); err == nil {
			t.Errorf("%.30q is taken for a recovery code", typed)
		}
	}
}

func FuzzParseRecovery(f *testing.F) {
	f.Add("ABCD-EFGH-JKMN-PQRS-TVWX-YZ01")
	f.Add("oOiIlL 0123 4567 89ab cdef g")
	f.Add("ＡＢＣＤ")
	f.Fuzz(func(t *testing.T, typed string) {
		r, err := ParseRecovery("code", typed)
		if err != nil {
			if r.at != nil {
				t.Fatal("a code came with an error")
			}
			return
		}
		again, err := ParseRecovery("code", r.Shown())
		if err != nil || **again.at != **r.at {
			t.Fatalf("%q does not read back as itself", typed)
		}
	})
}

func BenchmarkPicture(b *testing.B) {
	s := NewSecret()
	for b.Loop() {
		if _, err := s.Picture("Paper", "main", "x"); err != nil {
			b.Fatal(err)
		}
	}
}
