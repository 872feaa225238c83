package shoptest

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestTheSearchFindsEverySpelling(t *testing.T) {
	const text = "Zyrqvalith"
	wide := utf16.Encode([]rune("dear " + text))
	var le, be []byte
	for _, u := range wide {
		le, be = append(le, byte(u), byte(u>>8)), append(be, byte(u>>8), byte(u))
	}
	for name, content := range map[string]string{
		"plain": "x" + text + "y", "lower": "zyrqvalith", "upper": "ZYRQVALITH", "hex": hex.EncodeToString([]byte("a" + text)),
		"HEX": strings.ToUpper(hex.EncodeToString([]byte(text))), "base64 at 0": base64.StdEncoding.EncodeToString([]byte(text + "!")),
		"base64 at 1": base64.StdEncoding.EncodeToString([]byte("x" + text + "!")), "base64 at 2": base64.URLEncoding.EncodeToString([]byte("?\xff" + text)),
		"UTF-16LE": string(le), "UTF-16BE": string(be),
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if found, _ := Search(t, []string{path}, text); len(found) == 0 {
			t.Errorf("%s: got nothing, want a hit", name)
		}
		if found, _ := Search(t, []string{path}, "Qwertzuiop"); len(found) != 0 {
			t.Errorf("%s: got %v, want nothing for another text", name, found)
		}
	}
}
