package bucket

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest/s3"
)

// fault is what goes wrong with a question; nil lets it pass.
type fault func(w http.ResponseWriter, r *http.Request, pass http.Handler)

// troubled stands before a gateway and does what it is told to those questions
// that are picked.
type troubled struct {
	*httptest.Server
	mu    sync.Mutex
	pick  func(*http.Request) bool
	do    fault
	times int
	met   int
}

func trouble(t *testing.T, s *s3.Server) *troubled {
	t.Helper()
	behind, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(behind)
		p.Out.Host = p.In.Host // it is signed
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) }}
	d := &troubled{pick: func(*http.Request) bool { return false }}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		hit := d.times > 0 && d.pick(r)
		if hit {
			d.times--
			d.met++
		}
		do := d.do
		d.mu.Unlock()
		if hit {
			do(w, r, pass)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	// A connection that an earlier trouble has left half closed is another one.
	d.Config.SetKeepAlivesEnabled(false)
	t.Cleanup(d.Close)
	return d
}

// next says what happens to the next so many questions of a kind.
func (d *troubled) next(times int, pick func(*http.Request) bool, do fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.times, d.pick, d.do, d.met = times, pick, do, 0
}

func answers(status int, code string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		io.WriteString(w, `<?xml version="1.0"?><Error><Code>`+code+`</Code><Message>told to</Message></Error>`)
	}
}

// cut breaks the connection in the middle of what is sent.
func cut(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	io.CopyN(io.Discard, r.Body, 1<<20)
	panic(http.ErrAbortHandler)
}

// unheard does what is asked, and breaks the connection before it says so.
func unheard(_ http.ResponseWriter, r *http.Request, pass http.Handler) {
	pass.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// silent takes the question and never answers.
func silent(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// broken sends half of an answer.
func broken(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	pass.ServeHTTP(&half{ResponseWriter: w, left: 3 << 20}, r)
	panic(http.ErrAbortHandler)
}

type half struct {
	http.ResponseWriter
	left int
}

func (h *half) Write(b []byte) (int, error) {
	if h.left < len(b) {
		h.ResponseWriter.Write(b[:h.left])
		http.NewResponseController(h.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	h.left -= len(b)
	return h.ResponseWriter.Write(b)
}

func isPart(r *http.Request) bool     { return r.Method == "PUT" && r.URL.Query().Has("partNumber") }
func isComplete(r *http.Request) bool { return r.Method == "POST" && r.URL.Query().Has("uploadId") }
func isBegin(r *http.Request) bool    { return r.Method == "POST" && r.URL.Query().Has("uploads") }
func isSingle(r *http.Request) bool   { return r.Method == "PUT" && !r.URL.Query().Has("partNumber") }
func isGet(r *http.Request) bool      { return r.Method == "GET" && strings.HasSuffix(r.URL.Path, "/file") }
func isList(r *http.Request) bool     { return r.Method == "GET" && r.URL.Query().Has("list-type") }

// TestTroubleThatPassesIsGotOver: what goes wrong once or twice is tried again.
func TestTroubleThatPassesIsGotOver(t *testing.T) {
	s := s3.Start(t, false)
	d := trouble(t, s)
	b := open(t, s, d.URL)
	long, short := random(2*b.part+99), random(1000)
	for name, c := range map[string]struct {
		pick func(*http.Request) bool
		do   fault
		text []byte
	}{
		"500 for a part":                  {isPart, answers(500, "InternalError"), long},
		"503 for a part":                  {isPart, answers(503, "SlowDown"), long},
		"a part cut off":                  {isPart, cut, long},
		"a part without an answer":        {isPart, silent, long},
		"500 at the begin":                {isBegin, answers(500, "InternalError"), long},
		"500 at the end":                  {isComplete, answers(500, "InternalError"), long},
		"the end is done and not heard":   {isComplete, unheard, long},
		"500 for a short file":            {isSingle, answers(500, "InternalError"), short},
		"a short file without an answer":  {isSingle, silent, short},
		"a short file is put and unheard": {isSingle, unheard, short},
		"500 for a list":                  {isList, answers(500, "InternalError"), short},
	} {
		t.Run(name, func(t *testing.T) {
			d.next(2, c.pick, c.do)
			put(t, b, "file", c.text)
			if d.met == 0 {
				t.Error("nothing went wrong")
			}
			if got := get(t, b, "file"); !bytes.Equal(got, c.text) {
				t.Errorf("got %d bytes, want %d, the same", len(got), len(c.text))
			}
			if err := b.Delete(t.Context(), "file"); err != nil || len(uploads(t, b)) > 0 {
				t.Errorf("got %v, uploads %v", err, uploads(t, b))
			}
		})
	}
	put(t, b, "file", long)
	for name, do := range map[string]fault{"500": answers(500, "InternalError"), "half an answer": broken, "no answer": silent} {
		d.next(2, isGet, do)
		if got := get(t, b, "file"); !bytes.Equal(got, long) || d.met == 0 {
			t.Errorf("%s: got %d bytes, want %d, the same; met %d times", name, len(got), len(long), d.met)
		}
	}
}

// TestTroubleThatStaysIsToldAndLeavesNoFile: the error says what the storage said,
// in bounded time, and half a file is none.
func TestTroubleThatStaysIsToldAndLeavesNoFile(t *testing.T) {
	s := s3.Start(t, false)
	d := trouble(t, s)
	b := open(t, s, d.URL)
	long := random(2*b.part + 99)
	for name, c := range map[string]struct {
		pick func(*http.Request) bool
		do   fault
		says string
	}{
		"403 at the begin": {isBegin, answers(403, "AccessDenied"), "403, AccessDenied"},
		"403 for a part":   {isPart, answers(403, "AccessDenied"), "403, AccessDenied"},
		"500 for a part":   {isPart, answers(500, "InternalError"), "500, InternalError"},
		"parts cut off":    {isPart, cut, ""},
		"403 at the end":   {isComplete, answers(403, "AccessDenied"), "403, AccessDenied"},
		"the disk is full": {isPart, answers(507, "InsufficientStorage"), "507, InsufficientStorage"},
	} {
		t.Run(name, func(t *testing.T) {
			d.next(1000, c.pick, c.do)
			err := b.Put(t.Context(), "file", writes(long))
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "s3://"+s3.Bucket) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), s.Secret) {
				t.Error("the error tells the secret key")
			}
			if names(t, b) != "" || len(uploads(t, b)) > 0 {
				t.Errorf("got files %q and uploads %v", names(t, b), uploads(t, b))
			}
		})
	}
	put(t, b, "file", long[:100])
	d.next(1000, isGet, answers(403, "AccessDenied"))
	if _, err := b.Get(t.Context(), "file"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("got %v", err)
	}
	d.next(1000, isList, silent)
	began := time.Now()
	if _, err := b.List(t.Context(), ""); err == nil {
		t.Error("a storage that never answers has a list")
	}
	t.Logf("given up after %v", time.Since(began).Round(time.Second))
	d.next(0, isGet, nil)
	wrong, err := Open("s3://"+s3.Bucket, Settings{Endpoint: s.Endpoint, AccessKey: s.Access, SecretKey: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.List(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("got %v with a wrong key", err)
	}
	nowhere, err := Open("s3://nothing-here", Settings{Endpoint: s.Endpoint, AccessKey: s.Access, SecretKey: s.Secret})
	if err != nil {
		t.Fatal(err)
	}
	if err := nowhere.Put(t.Context(), "file", writes(nil)); err == nil || !strings.Contains(err.Error(), "404, NoSuchBucket") {
		t.Errorf("got %v without a bucket", err)
	}
}

// TestAFileThatChangesWhileItIsReadIsNoMix: after a break the same file goes on, or
// none.
func TestAFileThatChangesWhileItIsReadIsNoMix(t *testing.T) {
	s := s3.Start(t, false)
	d := trouble(t, s)
	b := open(t, s, d.URL)
	put(t, b, "file", random(6<<20))
	d.next(1, isGet, broken)
	in, err := b.Get(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	direct := open(t, s, s.Endpoint)
	if err := direct.Delete(t.Context(), "file"); err != nil {
		t.Fatal(err)
	}
	put(t, direct, "file", random(6<<20))
	if _, err := io.ReadAll(in); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v, want half of one file and half of another refused", err)
	}
}
