package e2e

import (
	"bufio"
	"crypto/sha256"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// heap is how much of the server's memory its objects take up, with what is
// not yet collected, in MiB.
func (s *shop) heap(t testing.TB) float64 {
	t.Helper()
	res, err := http.Get(s.private + "/metrics")
	if err != nil {
		t.Error(err)
		return 0
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "go_memstats_heap_alloc_bytes "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Error(err)
			}
			return n / (1 << 20)
		}
	}
	t.Error("the metrics do not tell the heap")
	return 0
}

// highest carries out do and returns the largest heap meanwhile.
func (s *shop) highest(t testing.TB, do func()) (most float64) {
	t.Helper()
	done, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		for {
			most = max(most, s.heap(t))
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	do()
	close(done)
	<-told
	return most
}

// TestALargeFileIsNeverWholeInMemory seals and loads a file six times as
// large as what the heap may grow by: 8 MiB. The long tests take 200 MiB, and
// allow no more. The shop collects its garbage early here: left to itself, a heap
// may double with what nobody holds any longer, and whether it has just done so
// would decide.
func TestALargeFileIsNeverWholeInMemory(t *testing.T) {
	const grows = 8.0 // MiB
	size := 48 << 20
	if soak() {
		size = 200 << 20
	}
	h := newHome(t, "")
	h.env = append(h.env, "GOGC=20")
	s := h.start(t)
	name := filepath.Join(t.TempDir(), "film.bin")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	sent := sha256.New()
	block := make([]byte, 1<<20)
	for n := range size >> 20 {
		for i := range block {
			block[i] = byte(i*7 + n)
		}
		sent.Write(block)
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	film := s.sellsKnots(t, "a small file", "KNOT-AAAA-1")
	before := s.heap(t)
	began := time.Now()
	sealing := s.highest(t, func() { s.must(t, "files", "add", "--variant", "KNOTS", name) })
	t.Logf("sealing %d MiB took %v: heap %.0f MiB before, %.0f at most", size>>20, time.Since(began).Round(time.Millisecond), before, sealing)

	c := s.cart(film.ID, 1)
	placed := s.place(c, ada(), "k")
	s.bankSays(*placed.Payment.RedirectURL, "approved")
	b := &browserless{shop: s, cookies: map[string]string{"__Host-order-" + placed.Order.Number: placed.Order.Token}}
	path := ""
	eventually(t, 15*time.Second, "the film on the order page", func() bool {
		until, _, found := strings.Cut(b.get("/orders/"+placed.Order.Number).body, "film.bin")
		if all := downloadLink.FindAllStringSubmatch(until, -1); found && len(all) > 0 {
			path = all[len(all)-1][1]
		}
		return path != ""
	})
	got, read := sha256.New(), 0
	began = time.Now()
	loading := s.highest(t, func() {
		r, err := http.NewRequest("POST", s.origin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", s.origin)
		res, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		for { // a line that is slower than the shop
			n, err := io.CopyN(got, res.Body, 512<<10)
			read += int(n)
			if err != nil {
				if err != io.EOF {
					t.Errorf("after %d bytes: %v", read, err)
				}
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	t.Logf("loading it took %v: heap %.0f MiB at most", time.Since(began).Round(time.Millisecond), loading)
	if read != size || string(got.Sum(nil)) != string(sent.Sum(nil)) {
		t.Errorf("got %d bytes, want the %d of the file", read, size)
	}
	if sealing > before+grows || loading > before+grows {
		t.Errorf("the heap went from %.0f MiB to %.0f while sealing and %.0f while loading; want at most %.0f more", before, sealing, loading, grows)
	}
	if sealing == 0 || loading == 0 {
		t.Error("nothing was measured")
	}
}
