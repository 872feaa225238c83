package password

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func hashed(t testing.TB, h *Hasher, p Password) string {
	t.Helper()
	encoded, err := h.Hash(t.Context(), Known, p)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestOnlyTheRightPasswordPasses(t *testing.T) {
	h := NewHasher(1)
	p := parsed(t, "gr\u00fc\u00dfe aus dem sp\u00e4ten s\u00fcden")
	encoded := hashed(t, h, p)
	if !strings.HasPrefix(encoded, "ck1-nfc$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %s", encoded)
	}
	if encoded == hashed(t, h, p) {
		t.Error("two hashes of one password are the same")
	}
	for typed, want := range map[string]bool{
		"gru\u0308\u00dfe aus dem spa\u0308ten su\u0308den": true, // from another keyboard
		"gr\u00fc\u00dfe aus dem sp\u00e4ten s\u00fcden ":   false,
		"Gr\u00fc\u00dfe aus dem sp\u00e4ten s\u00fcden":    false,
		"gr\u00fc\u00dfe aus dem sp\u00e4ten s\u00fcde":     false,
	} {
		ok, old, err := h.Verify(t.Context(), Stranger, encoded, parsed(t, typed))
		if err != nil || ok != want || old {
			t.Errorf("%q: got %v %v %v, want %v", typed, ok, old, err, want)
		}
	}
	if ok, _, err := h.Verify(t.Context(), Known, encoded, Password{}); ok || err != nil {
		t.Errorf("no password: got %v %v", ok, err)
	}
	if _, err := h.Hash(t.Context(), Known, Password{}); err == nil {
		t.Error("no password is hashed")
	}
	if err := h.VerifyNobody(t.Context(), Stranger, p); err != nil {
		t.Error(err)
	}
}

func TestADamagedHashIsNeitherAFailedAttemptNorAPass(t *testing.T) {
	h := NewHasher(1)
	for _, encoded := range []string{"", "rubbish", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"} {
		ok, old, err := h.Verify(t.Context(), Known, encoded, parsed(t, "whatever it is"))
		if ok || old || err == nil {
			t.Errorf("%q: got %v %v %v, want an error", encoded, ok, old, err)
		}
	}
}

func TestWorkOnlyEverRises(t *testing.T) {
	h := NewHasher(1)
	p := parsed(t, "violet tram under seven clouds")
	before := hashed(t, h, p)
	for _, ignored := range []Params{{}, {Memory: 19 << 10, Passes: 1}, {Memory: 8 << 10, Passes: 9}, {Memory: 1 << 30, Passes: 3}, {Memory: 19 << 10, Passes: 99}} {
		if h.Raise(ignored); h.Present() != Floor {
			t.Fatalf("%+v made it %+v", ignored, h.Present())
		}
	}
	h.Raise(Params{Memory: Floor.Memory, Passes: 3})
	ok, old, err := h.Verify(t.Context(), Known, before, p)
	if !ok || !old || err != nil {
		t.Errorf("an old hash: got %v %v %v, want it right and old", ok, old, err)
	}
	h.Raise(Floor)
	if h.Present().Passes != 3 {
		t.Error("the work was lowered")
	}
	if ok, old, _ := h.Verify(t.Context(), Known, hashed(t, h, p), p); !ok || old {
		t.Error("a new hash is old")
	}
	// A hash from a faster machine makes everybody's work as long as its own.
	other := NewHasher(1)
	if ok, old, err := other.Verify(t.Context(), Known, hashed(t, h, p), p); !ok || old || err != nil || other.Present().Passes != 3 {
		t.Errorf("a dearer hash: got %v %v %v and %+v, want the work to rise", ok, old, err, other.Present())
	}
}

// TestNobodyTakesAsLongAsSomebody compares an account that does not exist with
// one whose hash is new and one whose hash is old. What takes the time is the
// blocks written, and those can be counted; BenchmarkVerify prints the times.
func TestNobodyTakesAsLongAsSomebody(t *testing.T) {
	h := NewHasher(1)
	var work uint64
	h.derive = func(p Password, salt []byte, params Params) []byte {
		work += params.work()
		return derive(p, salt, params)
	}
	for name, act := range asked(t, h) {
		work = 0
		act()
		if work != h.Present().work() {
			t.Errorf("%s: %d KiB written, want %d", name, work, h.Present().work())
		}
	}
}

// asked is each kind of comparison that somebody outside can cause.
func asked(t testing.TB, h *Hasher) map[string]func() {
	p, wrong := parsed(t, "violet tram under seven clouds"), parsed(t, "violet tram under seven cloud5")
	old := hashed(t, h, p)
	h.Raise(Params{Memory: Floor.Memory, Passes: 4})
	present := hashed(t, h, p)
	return map[string]func(){
		"nobody":  func() { h.VerifyNobody(t.Context(), Known, wrong) },
		"present": func() { h.Verify(t.Context(), Known, present, wrong) },
		"old":     func() { h.Verify(t.Context(), Known, old, wrong) },
		"right":   func() { h.Verify(t.Context(), Known, old, p) },
	}
}

// BenchmarkVerify prints how long each kind takes: they are to be alike.
func BenchmarkVerify(b *testing.B) {
	for name, act := range asked(b, NewHasher(1)) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				act()
			}
		})
	}
}

func TestCalibratingStaysWithinBounds(t *testing.T) {
	for budget, want := range map[time.Duration]uint32{0: 2, time.Nanosecond: 2, time.Hour: calibrated} {
		h := NewHasher(1)
		start := time.Now()
		got, err := h.Calibrate(t.Context(), budget)
		if err != nil || got != (Params{Memory: 19 << 10, Passes: want}) || h.Present() != got {
			t.Errorf("budget %v: got %+v %v, want %d passes", budget, got, err, want)
		}
		t.Logf("calibrated in %v", time.Since(start))
	}
}

func TestPlacesFollowTheMachine(t *testing.T) {
	const mib = 1 << 20
	for _, row := range []struct {
		cores int
		ram   uint64
		want  int
	}{{1, 1 << 30, 1}, {2, 1 << 30, 1}, {8, 8 << 30, 7}, {64, 256 * mib, 6}, {64, 20 * mib, 1}, {64, 0, 1}, {0, 1 << 30, 1}} {
		if got := places(row.cores, row.ram); got != row.want {
			t.Errorf("%d cores, %d bytes: got %d, want %d", row.cores, row.ram, got, row.want)
		}
	}
	files := map[string]string{"/proc/meminfo": "MemTotal:        4026532 kB\nMemFree: 1 kB\n"}
	read := func(name string) ([]byte, error) {
		if s, ok := files[name]; ok {
			return []byte(s), nil
		}
		return nil, os.ErrNotExist
	}
	if got := memory(read); got != 4026532<<10 {
		t.Errorf("without a group: got %d", got)
	}
	files["/sys/fs/cgroup/memory.max"] = "max\n"
	if got := memory(read); got != 4026532<<10 {
		t.Errorf("with a group without a limit: got %d", got)
	}
	files["/sys/fs/cgroup/memory.max"] = "268435456\n"
	if got := memory(read); got != 268435456 {
		t.Errorf("with a limit: got %d", got)
	}
	clear(files)
	if got := memory(read); got != 1<<30 {
		t.Errorf("when nothing is known: got %d", got)
	}
}

// TestKnownDevicesGoFirst fills the desk and looks who is turned away and who
// is called.
func TestKnownDevicesGoFirst(t *testing.T) {
	d := newDesk(1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if err := d.enter(ctx, Stranger); err != nil {
		t.Fatal(err)
	}
	called := make(chan Priority, 1000)
	var waiting sync.WaitGroup
	wait := func(who Priority) {
		before := d.waiting()
		waiting.Go(func() {
			if d.enter(ctx, who) == nil {
				called <- who
			}
		})
		for d.waiting() == before {
			runtime.Gosched()
		}
	}
	for range strangersWaiting {
		wait(Stranger)
	}
	err := d.enter(ctx, Stranger)
	if e := fault.Of(err); !fault.Is(err, fault.Unavailable) || e.RetryAfter < time.Second {
		t.Fatalf("one stranger too many: got %v, want to be told when to come again", err)
	}
	for range knownWaiting {
		wait(Known) // gets in line although strangers are turned away
	}
	if err := d.enter(ctx, Known); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("one known device too many: got %v", err)
	}
	var order []Priority
	for range 40 {
		d.leave(time.Millisecond)
		order = append(order, <-called)
	}
	strangers := 0
	for _, who := range order {
		if who == Stranger {
			strangers++
		}
	}
	if strangers != 40/turn || order[0] != Known {
		t.Errorf("of the first 40 %d are strangers (%v), want each fourth", strangers, order)
	}
	stop()
	waiting.Wait()
	if n := d.waiting(); n != 0 {
		t.Errorf("%d still wait after everybody has gone", n)
	}
	d.leave(time.Millisecond)
	if d.free != 1 {
		t.Errorf("got %d places free, want 1", d.free)
	}
}

func (d *desk) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.queues[Stranger]) + len(d.queues[Known])
}

// TestPlacesAreNeverLost lets many come, wait and leave early.
func TestPlacesAreNeverLost(t *testing.T) {
	const slots = 3
	d := newDesk(slots)
	var inside, most atomic.Int64
	var all sync.WaitGroup
	for i := range 2000 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%7)*100*time.Microsecond)
			defer cancel()
			if err := d.enter(ctx, Priority(i%2)); err != nil {
				if !errors.Is(err, context.DeadlineExceeded) && !fault.Is(err, fault.Unavailable) {
					t.Errorf("got %v", err)
				}
				return
			}
			n := inside.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(50 * time.Microsecond)
			inside.Add(-1)
			d.leave(50 * time.Microsecond)
		})
	}
	all.Wait()
	if most.Load() > slots || d.free != slots || d.waiting() != 0 {
		t.Errorf("at most %d inside, then %d free and %d waiting; want %d, %d, 0", most.Load(), d.free, d.waiting(), slots, slots)
	}
}

// TestAThousandAtOnceStayWithinMemory is a wave of sign-ins: the memory is that
// of the places and not of the people.
func TestAThousandAtOnceStayWithinMemory(t *testing.T) {
	h := NewHasher(1)
	p := parsed(t, "violet tram under seven clouds")
	encoded := hashed(t, h, p)
	var peak atomic.Uint64
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapAlloc))
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	start := time.Now()
	var passed, later, other atomic.Int64
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			ok, _, err := h.Verify(context.Background(), Priority(i%10/9), encoded, p)
			switch {
			case err == nil && ok:
				passed.Add(1)
			case fault.Is(err, fault.Unavailable):
				later.Add(1)
			default:
				other.Add(1)
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	close(done)
	<-watched
	mib := fmt.Sprintf("%.0f MiB", float64(peak.Load())/(1<<20))
	t.Logf("1,000 at once, 1 place: %d passed, %d told to come again, in %v; peak heap %s", passed.Load(), later.Load(), took.Round(time.Millisecond), mib)
	if other.Load() != 0 || passed.Load() == 0 || later.Load() == 0 {
		t.Errorf("%d passed, %d told to come again, %d neither", passed.Load(), later.Load(), other.Load())
	}
	if peak.Load() > 160<<20 {
		t.Errorf("peak heap %s, want at most 160 MiB", mib)
	}
}

func BenchmarkHash(b *testing.B) {
	h := NewHasher(1)
	p := parsed(b, "violet tram under seven clouds")
	for b.Loop() {
		hashed(b, h, p)
	}
}
