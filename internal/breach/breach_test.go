package breach

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/password"
)

func parsed(t testing.TB, typed string) password.Password {
	t.Helper()
	p, err := password.Parse("password", typed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// listOf writes a list with the given passwords among many others.
func listOf(end string, others int, stolen ...string) string {
	var lines []string
	for _, s := range stolen {
		lines = append(lines, fmt.Sprintf("%X:%d", sha1.Sum([]byte(s)), 1+rand.IntN(9_999_999)))
	}
	for i := range others {
		lines = append(lines, fmt.Sprintf("%X:%d", sha1.Sum(fmt.Append(nil, "other ", i)), 1+rand.IntN(99)))
	}
	slices.Sort(lines)
	return strings.Join(lines, end)
}

// counting notes how much is read.
type counting struct {
	io.ReaderAt
	reads, bytes int
}

func (c *counting) ReadAt(b []byte, at int64) (int, error) {
	c.reads++
	c.bytes += len(b)
	return c.ReaderAt.ReadAt(b, at)
}

func TestAListIsSearchedAndNotRead(t *testing.T) {
	for _, end := range []string{"\n", "\r\n"} {
		for _, others := range []int{0, 1, 5, 200, 30_000} {
			text := listOf(end, others, "correct horse", "p\u00e4ssw\u00f6rd")
			for _, last := range []string{"", end} {
				file := &counting{ReaderAt: strings.NewReader(text + last)}
				list, err := NewList(file, int64(len(text+last)))
				if err != nil {
					t.Fatal(err)
				}
				asked := map[string]bool{"correct horse": true, "pa\u0308ssw\u00f6rd": true, "correct hors": false, "nobody has this": false}
				for i := range min(others, 300) {
					asked[fmt.Sprint("other ", others*i/min(others, 300))] = true
					asked[fmt.Sprint("no other ", i)] = false
				}
				file.reads, file.bytes = 0, 0
				for typed, want := range asked {
					if got, err := list.Breached(t.Context(), parsed(t, typed)); err != nil || got != want {
						t.Errorf("%q among %d: got %v %v, want %v", typed, others, got, err, want)
					}
				}
				if each := file.bytes / len(asked); each > 16<<10 || file.reads/len(asked) > 200 {
					t.Errorf("among %d: %d bytes in %d reads for a look-up", others, each, file.reads/len(asked))
				}
			}
		}
	}
}

// TestTheFirstAndTheLastLineAreFound: the edges are where a search goes wrong.
func TestTheFirstAndTheLastLineAreFound(t *testing.T) {
	text := listOf("\n", 5000)
	lines := strings.Split(text, "\n")
	list, err := NewList(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for i := range 5000 {
		sum := fmt.Sprintf("%X", sha1.Sum(fmt.Append(nil, "other ", i)))
		at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, sum) })
		if at > 3 && at < len(lines)-4 {
			continue
		}
		found++
		if got, err := list.Breached(t.Context(), parsed(t, fmt.Sprint("other ", i))); !got || err != nil {
			t.Errorf("line %d of %d is not found: %v", at, len(lines), err)
		}
	}
	if found != 8 {
		t.Errorf("tried %d lines, want 8", found)
	}
}

func TestAListInAnotherFormIsRefused(t *testing.T) {
	good := strings.Split(listOf("\n", 3000), "\n")
	byCount := slices.Clone(good)
	rand.Shuffle(len(byCount), func(i, j int) { byCount[i], byCount[j] = byCount[j], byCount[i] })
	for name, text := range map[string]string{
		"empty": "", "words": "password\n123456\n", "no counts": strings.Repeat(strings.Repeat("A", 40)+"\n", 100),
		"NTLM": strings.Repeat("B", 32) + ":4\n", "by prevalence": strings.Join(byCount, "\n"), "one long line": strings.Repeat("A", 1<<16),
		"a line that never ends": good[0] + "\n" + strings.Repeat("F", 1<<16),
	} {
		if _, err := NewList(strings.NewReader(text), int64(len(text))); err == nil {
			t.Errorf("%s is taken for a list", name)
		}
	}
	if _, err := OpenList(filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	name := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(name, []byte(listOf("\r\n", 2000, "correct horse")), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := OpenList(name)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := list.Breached(t.Context(), parsed(t, "correct horse")); !got || err != nil {
		t.Errorf("from a file: got %v %v", got, err)
	}
	if err := list.Close(); err != nil {
		t.Error(err)
	}
	if got, err := list.Breached(t.Context(), parsed(t, "correct horse")); got || err == nil {
		t.Error("a closed list answers")
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte(listOf("\n", 200, "correct horse")))
	f.Add([]byte(listOf("\r\n", 3)))
	f.Add([]byte(":\n:\n"))
	p := parsed(f, "correct horse")
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := NewList(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			return
		}
		stolen, err := list.Breached(context.Background(), p)
		if stolen && (err != nil || !bytes.Contains(bytes.ToUpper(text), []byte(sumHex(p)+":"))) {
			t.Fatal("found what is not there")
		}
	})
}

// service is a range service of our own that answers as told.
func service(t *testing.T, answer http.HandlerFunc) *Range {
	t.Helper()
	server := httptest.NewTLSServer(answer)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	r, err := NewRange(server.URL+"/range/", roots)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func padded(lines ...string) string {
	for i := range 900 {
		lines = append(lines, fmt.Sprintf("%X:%d", sha1.Sum(fmt.Append(nil, i)), i%3)[5:])
	}
	return strings.Join(lines, "\r\n")
}

func TestTheServiceLearnsFiveDigits(t *testing.T) {
	stolen, padding := parsed(t, "correct horse"), parsed(t, "padding only")
	var asked []string
	r := service(t, func(w http.ResponseWriter, q *http.Request) {
		asked = append(asked, q.Method+" "+q.URL.RequestURI())
		if q.Header.Get("Add-Padding") != "true" || q.Header.Get("Cookie") != "" || q.Header.Get("Referer") != "" || q.ContentLength > 0 {
			t.Errorf("got headers %v", q.Header)
		}
		io.WriteString(w, padded(sumHex(stolen)[5:]+":42", strings.ToLower(sumHex(padding)[5:])+":0"))
	})
	for typed, want := range map[string]bool{"correct horse": true, "padding only": false, "nobody has this": false} {
		if got, err := r.Breached(t.Context(), parsed(t, typed)); got != want || err != nil {
			t.Errorf("%q: got %v %v, want %v", typed, got, err, want)
		}
	}
	for _, a := range asked {
		if len(a) != len("GET /range/")+5 {
			t.Errorf("asked %q, want five digits and no more", a)
		}
	}
	if len(asked) != 3 {
		t.Errorf("asked %d times", len(asked))
	}
}

func TestAnAnswerThatCantBeHadIsNotKnown(t *testing.T) {
	p := parsed(t, "correct horse")
	rest := sumHex(p)[5:]
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, padded(rest+":42")) }))
	defer elsewhere.Close()
	for name, answer := range map[string]http.HandlerFunc{
		"broken":    func(w http.ResponseWriter, _ *http.Request) { http.Error(w, padded(rest+":42"), 500) },
		"busy":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) },
		"unknown":   func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) },
		"sent away": func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, elsewhere.URL, 302) },
		"empty":     func(http.ResponseWriter, *http.Request) {},
		"a page": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "<!doctype html><p>Sign in to the Wi-Fi")
		},
		"half a line": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, padded(rest+":42")+"\r\nABC") },
		"endless":     func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat(rest+":42\n", 60_000)) },
		"one line":    func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("A", 1<<20)) },
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			io.WriteString(w, padded(rest+":42"))
		},
	} {
		got, err := service(t, answer).Breached(t.Context(), p)
		if got || err == nil {
			t.Errorf("%s: got %v %v, want an error", name, got, err)
		} else if strings.Contains(strings.ToUpper(err.Error()), sumHex(p)[:5]) {
			t.Errorf("%s: %q tells the digits", name, err)
		}
	}
	slow := service(t, func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() })
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if got, err := slow.Breached(ctx, p); got || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: got %v %v", got, err)
	}
	if slow.client.Timeout != patience {
		t.Error("there is no bound on waiting")
	}
	strangers, err := NewRange(strings.Replace(elsewhere.URL, "http:", "https:", 1)+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := strangers.Breached(t.Context(), p); got || err == nil || strings.Contains(err.Error(), sumHex(p)[:5]) {
		t.Errorf("no TLS on the other side: got %v %v", got, err)
	}
}

func TestOnlyHTTPSIsTaken(t *testing.T) {
	for _, bad := range []string{"", "http://api.pwnedpasswords.com/range/", "api.pwnedpasswords.com/range/", "https://", "https://x/range", "https://u:p@x/", "https://x/?q=", "ftp://x/", "://"} {
		if _, err := NewRange(bad, nil); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := NewRange(Service, nil); err != nil {
		t.Error(err)
	}
}

type says struct {
	stolen bool
	err    error
}

func (s says) Breached(context.Context, password.Password) (bool, error) { return s.stolen, s.err }

func TestOneThatKnowsIsEnough(t *testing.T) {
	down := errors.New("down")
	for _, row := range []struct {
		all    All
		stolen bool
		err    error
	}{
		{nil, false, nil}, {All{says{}, says{}}, false, nil}, {All{says{err: down}, says{stolen: true}}, true, nil},
		{All{says{err: down}, says{}}, false, down}, {All{says{stolen: true, err: down}}, false, down},
	} {
		if got, err := row.all.Breached(t.Context(), parsed(t, "correct horse")); got != row.stolen || !errors.Is(err, row.err) {
			t.Errorf("%v: got %v %v", row.all, got, err)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add(padded("0018A45C4D1DEF81644B54AB7F969B88D65:1"))
	f.Add("\r\n:::")
	f.Fuzz(func(t *testing.T, body string) {
		const rest = "0018A45C4D1DEF81644B54AB7F969B88D65"
		if stolen, err := find(strings.NewReader(body), rest); stolen && (err != nil || !strings.Contains(strings.ToUpper(body), rest+":")) {
			t.Fatal("found what is not there")
		}
	})
}

func BenchmarkList(b *testing.B) {
	text := listOf("\n", 200_000)
	list, err := NewList(strings.NewReader(text), int64(len(text)))
	if err != nil {
		b.Fatal(err)
	}
	p := parsed(b, "correct horse")
	for b.Loop() {
		list.Breached(b.Context(), p)
	}
}
