package app

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// TestAListOfStolenPasswordsIsAsked: a password on the operator's list is no
// new password here, and a shop without a list takes it.
func TestAListOfStolenPasswordsIsAsked(t *testing.T) {
	const stolen = "kestrel over quiet harbour"
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("%X:%d", sha1.Sum([]byte(fmt.Sprint("filler", i))), i+1))
	}
	lines = append(lines, fmt.Sprintf("%X:7", sha1.Sum([]byte(stolen))))
	slices.Sort(lines)
	file := filepath.Join(t.TempDir(), "stolen.txt")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\r\n")+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"", file} {
		s := openedWith(t, func(set *Settings) { set.BreachedList = list })
		_, err := s.keeper.Register(context.Background(), "ada@example.com", stolen)
		if list == "" && err != nil {
			t.Errorf("without a list: %v", err)
		}
		if list != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Problems[0].Detail, "stolen")) {
			t.Errorf("with a list: %v", err)
		}
	}
}

// TestAListThatIsNoneStopsTheStart: a setting that could not protect anybody is
// not silently without effect.
func TestAListThatIsNoneStopsTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(file, bytes.Repeat([]byte("password\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(*Settings){
		"a file of words":   func(s *Settings) { s.BreachedList = file },
		"no file":           func(s *Settings) { s.BreachedList = file + "x" },
		"a service by HTTP": func(s *Settings) { s.BreachedService = "http://example.com/range/" },
	} {
		if err := startWith(t, set); err == nil {
			t.Errorf("%s: the shop starts", name)
		}
	}
}
