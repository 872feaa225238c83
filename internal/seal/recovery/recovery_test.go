package recovery

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

func identity(t testing.TB) (recipient string, line []byte) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String(), []byte("# mine\n" + id.String() + "\n")
}

const keys = "cartkeep key file v1\nfor a test\n"

func sealed(t testing.TB, to ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Seal(&b, []byte(keys), to); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEachRecipientOpensTheFileAndNobodyElse(t *testing.T) {
	first, mine := identity(t)
	second, theirs := identity(t)
	_, other := identity(t)
	file := sealed(t, first, second)
	for _, id := range [][]byte{mine, theirs} {
		if got, err := Open(bytes.NewReader(file), id); err != nil || string(got) != keys {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := Open(bytes.NewReader(file), other); !errors.Is(err, ErrIdentity) {
		t.Errorf("a stranger: %v", err)
	}
	if _, err := Open(bytes.NewReader(file), []byte("AGE-SECRET-KEY-1NOTONE")); err == nil || strings.Contains(err.Error(), "NOTONE") {
		t.Errorf("no identity: %v", err)
	}
	for at := range file {
		broken := bytes.Clone(file)
		broken[at] ^= 1
		if got, err := Open(bytes.NewReader(broken), mine); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrIdentity) {
			t.Fatalf("byte %d changed: opened %q, %v", at, got, err)
		}
	}
	if _, err := Open(bytes.NewReader(file[:len(file)-1]), mine); !errors.Is(err, ErrDamaged) {
		t.Errorf("cut off: %v", err)
	}
}

func TestRecipientsAreRead(t *testing.T) {
	one, _ := identity(t)
	list, err := Recipients("# the owner\n\n  " + one + "\n")
	if err != nil || len(list) != 1 || list[0] != one {
		t.Errorf("got %v, %v", list, err)
	}
	for _, bad := range []string{"age1nothing", "AGE-SECRET-KEY-1", "ssh-ed25519 AAAA", one + "x"} {
		if _, err := Recipients(bad); !errors.Is(err, ErrRecipient) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := Seal(&bytes.Buffer{}, nil, nil); !errors.Is(err, ErrRecipient) {
		t.Errorf("nobody: %v", err)
	}
}

func TestEnoughSharesGiveTheIdentityBack(t *testing.T) {
	recipient, shares, err := Split(3, 5)
	if err != nil || len(shares) != 5 {
		t.Fatal(len(shares), err)
	}
	file := sealed(t, recipient)
	for a := range 5 {
		for b := range 5 {
			for c := range 5 {
				id, err := Join(shares[a], shares[b], shares[c])
				if distinct := a != b && b != c && a != c; !distinct {
					if !errors.Is(err, ErrFew) {
						t.Errorf("%d %d %d: %v", a, b, c, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%d %d %d: %v", a, b, c, err)
				}
				if got, err := Open(bytes.NewReader(file), id); err != nil || string(got) != keys {
					t.Errorf("%d %d %d: got %q, %v", a, b, c, got, err)
				}
			}
		}
	}
	if id, err := Join(shares...); err != nil || len(id) == 0 {
		t.Errorf("all of them: %v", err)
	}
	if _, err := Join(shares[:2]...); !errors.Is(err, ErrFew) {
		t.Errorf("two of three: %v", err)
	}
	if _, err := Join(); !errors.Is(err, ErrFew) {
		t.Errorf("none: %v", err)
	}
	_, others, err := Split(3, 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Join(shares[0], shares[1], others[2]); !errors.Is(err, ErrSet) || !strings.Contains(err.Error(), "share 3") {
		t.Errorf("of another set: %v", err)
	}
	// Paper and mail change the ends of lines.
	windows := bytes.ReplaceAll(shares[0], []byte("\n"), []byte("\r\n"))
	if _, err := Join(windows, append([]byte("\n"), shares[1]...), shares[2]); err != nil {
		t.Errorf("other line ends: %v", err)
	}
	for at := range shares[0] {
		broken := bytes.Clone(shares[0])
		broken[at] ^= 1
		if _, err := Join(shares[1], broken, shares[2]); err == nil || !strings.HasPrefix(err.Error(), "share 2: ") {
			t.Errorf("byte %d changed: %q, %v, want share 2 named", at, broken, err)
		}
	}
	for _, row := range [][2]int{{1, 3}, {4, 3}, {2, MaxShares + 1}, {0, 0}} {
		if _, _, err := Split(row[0], row[1]); err == nil {
			t.Errorf("%d of %d: split", row[0], row[1])
		}
	}
}

// TestTheAgeToolOpensARecoveryFile asks the tool that everybody has, where it is
// installed.
func TestTheAgeToolOpensARecoveryFile(t *testing.T) {
	tool, err := exec.LookPath("age")
	if err != nil {
		if os.Getenv("CARTKEEP_TEST_REQUIRE") != "" {
			t.Fatal("age is not installed, and this run must not skip")
		}
		t.Skip("the program age is not installed (Debian package age)")
	}
	recipient, id := identity(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "id"), id)
	write(t, filepath.Join(dir, "file"), sealed(t, recipient))
	got, err := exec.Command(tool, "--decrypt", "-i", filepath.Join(dir, "id"), filepath.Join(dir, "file")).Output()
	if err != nil || string(got) != keys {
		t.Errorf("got %q, %v", got, err)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzShare(f *testing.F) {
	_, shares, err := Split(2, 3)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(shares[0])
	f.Add([]byte(shareHead))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseShare(text)
		if err == nil && s.text() == nil {
			t.Error("read, and not written")
		}
		Join(text, shares[1])
	})
}

func FuzzOpen(f *testing.F) {
	recipient, id := identity(f)
	f.Add(sealed(f, recipient))
	f.Fuzz(func(t *testing.T, file []byte) { Open(bytes.NewReader(file), id) })
}
