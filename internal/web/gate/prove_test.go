package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/tries"
)

// tallies keeps counts in memory. down makes it a database that is away.
type tallies struct {
	mu   sync.Mutex
	now  func() time.Time
	rows map[[3]string]tries.Tally
	down atomic.Bool
}

var errDown = errors.New("the database is away")

func (c *tallies) Tally(_ context.Context, who, factor, device string, fn func(time.Time, *tries.Tally)) error {
	if c.down.Load() {
		return errDown
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [3]string{who, factor, device}
	t := c.rows[key]
	fn(c.now(), &t)
	c.rows[key] = t
	return nil
}

// door is a gate with one form behind it: what is tried at it, and how it ends,
// the test says.
type door struct {
	*Gate
	clock    *clock
	counters *tallies
	alarms   []abuse.Alarm
}

func newDoor() *door {
	d := &door{clock: newClock()}
	d.counters = &tallies{now: d.clock.now, rows: map[[3]string]tries.Tally{}}
	d.Gate = New(Config{Now: d.clock.now, Counters: d.counters, Alarm: func(a abuse.Alarm) { d.alarms = append(d.alarms, a) }, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	return d
}

// try makes an attempt from an address, and tells whether fn ran.
func (d *door) try(from string, a Attempt, outcome error, also ...func(*http.Request)) (ran bool, err error) {
	h := d.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		err = d.Prove(r, a, func() error { ran = true; return outcome })
	}))
	r := httptest.NewRequest("POST", "https://shop.test/sign-in", nil)
	r.RemoteAddr = from
	for _, fn := range also {
		fn(r)
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
	return ran, err
}

var (
	errWrong = fault.Field("password", "No.")
	ada      = Attempt{Act: abuse.SignIn, Who: "ada", Factor: "password"}
)

func TestFourFailuresAreFreeAndThenTheWaitDoubles(t *testing.T) {
	d := newDoor()
	for range tries.Free + 1 {
		if ran, err := d.try("192.0.2.1:1", ada, errWrong); !ran || !fault.Is(err, fault.Invalid) {
			t.Fatalf("ran %t, %v", ran, err)
		}
	}
	for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
		ran, err := d.try("198.51.100.1:1", ada, nil)
		if f := fault.Of(err); ran || f == nil || f.Kind != fault.RateLimited || f.RetryAfter != wait {
			t.Fatalf("ran %t, %v, want a wait of %s", ran, err, wait)
		}
		d.clock.move(wait)
		if ran, _ := d.try("198.51.100.1:1", ada, errWrong); !ran {
			t.Fatalf("not let in after %s", wait)
		}
	}
}

func TestAThousandParallelTriesAreFiveGuesses(t *testing.T) {
	d := newDoor()
	var guesses atomic.Int64
	var all sync.WaitGroup
	h := d.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		d.Prove(r, Attempt{Act: abuse.StepUp, Who: "ada", Factor: "password"}, func() error { guesses.Add(1); return errWrong })
	}))
	for i := range 1000 {
		all.Go(func() { knock(h, fmt.Sprintf("10.%d.%d.1:1", i/250, i%250)) })
	}
	all.Wait()
	if got := guesses.Load(); got != tries.Free+1 {
		t.Errorf("%d guesses, want %d", got, tries.Free+1)
	}
}

// TestAKnownAndAnUnknownNameAreAnsweredAlike: nothing here asks whether there is
// an account, so the answers can only differ if somebody makes them.
func TestAKnownAndAnUnknownNameAreAnsweredAlike(t *testing.T) {
	d := newDoor()
	nobody := ada
	nobody.Who = "nobody"
	for i := range 20 {
		_, one := d.try("192.0.2.1:1", ada, errWrong)
		_, other := d.try("198.51.100.1:1", nobody, errWrong)
		if fmt.Sprint(one) != fmt.Sprint(other) || fault.Of(one).RetryAfter != fault.Of(other).RetryAfter {
			t.Fatalf("try %d: %v and %v", i, one, other)
		}
		d.clock.move(7 * time.Second)
	}
}

func TestStrangersNeverEndTheUseOfAKnownBrowser(t *testing.T) {
	d := newDoor()
	ran, err := false, error(nil)
	for i := 0; !errors.Is(err, ErrRebind); i++ {
		ran, err = d.try(fmt.Sprintf("10.0.%d.1:1", i%200), ada, errWrong)
		d.clock.move(time.Hour)
		if i > 2*tries.Limit {
			t.Fatal("strangers may try for ever")
		}
	}
	if ran {
		t.Error("the hundred and first was tried")
	}
	if len(d.alarms) != 1 || d.alarms[0] != (abuse.Alarm{Kind: abuse.FactorClosed, Wrong: tries.Limit}) {
		t.Errorf("got alarms %v", d.alarms)
	}
	known := ada
	known.Device = "her browser"
	if ran, err := d.try("192.0.2.1:1", known, nil); !ran || err != nil {
		t.Errorf("her own browser: ran %t, %v", ran, err)
	}
	if ran, err := d.try("192.0.2.1:1", Attempt{Act: abuse.SecondFactor, Who: "ada", Factor: "totp"}, nil); !ran || err != nil {
		t.Errorf("another factor: ran %t, %v", ran, err)
	}
	if ran, err := d.try("192.0.2.1:1", Attempt{Act: abuse.SignIn, Who: "ada", Factor: Passkey}, nil); !ran || err != nil {
		t.Errorf("a passkey: ran %t, %v", ran, err)
	}
	if _, err := d.try("192.0.2.1:1", ada, nil); !errors.Is(err, ErrRebind) {
		t.Errorf("the success of others has opened what was closed: %v", err)
	}
}

func TestWhatIsRightClearsItsOwnFactorOnly(t *testing.T) {
	d := newDoor()
	totp := Attempt{Act: abuse.SecondFactor, Who: "ada", Factor: "totp"}
	for range tries.Free {
		d.try("192.0.2.1:1", ada, errWrong)
		d.try("192.0.2.1:1", totp, errWrong)
	}
	d.try("192.0.2.1:1", ada, nil)
	if got := d.counters.rows[[3]string{"ada", "password", ""}].Failures; got != 0 {
		t.Errorf("%d failures after a success", got)
	}
	if got := d.counters.rows[[3]string{"ada", "totp", ""}].Failures; got != tries.Free {
		t.Errorf("the password has cleared the app's failures: %d", got)
	}
}

// TestWhatIsNoAnswerIsNeitherAFailureNorAPass: the store is away before, during
// and after; the caller leaves; fn panics.
func TestWhatIsNoAnswerIsNeitherAFailureNorAPass(t *testing.T) {
	d := newDoor()
	d.counters.down.Store(true)
	for range attackMany + 10 {
		if ran, err := d.try("192.0.2.1:1", ada, nil); ran || !errors.Is(err, errDown) {
			t.Fatalf("ran %t, %v: a pass without a count", ran, err)
		}
	}
	d.counters.down.Store(false)
	for range attackMany + 10 {
		if ran, err := d.try("192.0.2.1:1", ada, errDown); !ran || !errors.Is(err, errDown) {
			t.Fatalf("ran %t, %v", ran, err)
		}
	}
	func() {
		defer func() { recover() }()
		d.try("192.0.2.1:1", ada, context.Canceled, func(r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			cancel()
			*r = *r.WithContext(ctx)
		})
	}()
	h := d.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { d.Prove(r, ada, func() error { panic("x") }) }))
	knock(h, "192.0.2.1:1")
	if got := d.counters.rows[[3]string{"ada", "password", ""}]; got != (tries.Tally{}) {
		t.Errorf("counted %+v", got)
	}
	if d.UnderAttack() || len(d.alarms) != 0 {
		t.Errorf("a database that is away is an attack: %v", d.alarms)
	}
	for range abuse.Proofs.Burst() - 1 {
		a := ada
		a.Who = fmt.Sprint(a.Who, d.clock.now().UnixNano())
		d.clock.move(time.Nanosecond)
		if ran, err := d.try("192.0.2.1:1", a, errWrong); !ran {
			t.Fatalf("the network was charged for what was no try: %v", err)
		}
	}
}

func TestATryWithoutSomebodyOrACounterIsNone(t *testing.T) {
	d := newDoor()
	for _, a := range []Attempt{{}, {Act: 99}, {Act: abuse.NewCart}, {Act: abuse.SignIn, Factor: "password"}, {Act: abuse.SignIn, Who: "ada"}} {
		if ran, err := d.try("192.0.2.1:1", a, nil); ran || err == nil {
			t.Errorf("%+v: ran %t, %v", a, ran, err)
		}
	}
	d.cfg.Counters = nil
	if ran, err := d.try("192.0.2.1:1", ada, nil); ran || err == nil {
		t.Errorf("without counters: ran %t, %v", ran, err)
	}
}

// TestAForgedAddressChangesNothing: who is no trusted proxy can name any client
// in X-Forwarded-For and counts as itself.
func TestAForgedAddressChangesNothing(t *testing.T) {
	d := newDoor()
	tried := 0
	for i := range 3 * abuse.Proofs.Burst() {
		ran, _ := d.try("192.0.2.1:1", Attempt{Act: abuse.StepUp, Who: fmt.Sprint("user ", i), Factor: "password"}, errWrong,
			func(r *http.Request) { r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.0.%d.1", i)) })
		if ran {
			tried++
		}
	}
	if tried != abuse.Proofs.Burst() {
		t.Errorf("%d got through under forged addresses, want %d", tried, abuse.Proofs.Burst())
	}
	if ran, err := d.try("127.0.0.1:1", Attempt{Act: abuse.StepUp, Who: "x", Factor: "password"}, errWrong,
		func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.9") }); ran {
		t.Errorf("the same network behind the proxy: %v", err)
	}
	if ran, _ := d.try("127.0.0.1:1", Attempt{Act: abuse.StepUp, Who: "x", Factor: "password"}, errWrong,
		func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.9, 203.0.113.7") }); !ran {
		t.Error("another network behind the proxy pays for it")
	}
}

// TestKnownBrowsersAreFreeOfTheStrangersBrakes: neither the neighbours' failures
// nor everybody's hold up somebody on a browser of their own.
func TestKnownBrowsersAreFreeOfTheStrangersBrakes(t *testing.T) {
	d := newDoor()
	for i := range 3000 {
		d.try(fmt.Sprintf("10.%d.%d.1:1", i/250, i%250), Attempt{Act: abuse.SecondFactor, Who: fmt.Sprint(i), Factor: "totp"}, errWrong)
	}
	if ran, _ := d.try("203.0.113.1:1", Attempt{Act: abuse.SecondFactor, Who: "ada", Factor: "totp"}, nil); ran {
		t.Error("the brake for all strangers does not hold")
	}
	if ran, err := d.try("10.0.1.1:1", Attempt{Act: abuse.SecondFactor, Who: "ada", Factor: "totp", Device: "hers"}, nil); !ran {
		t.Errorf("her own browser waits for strangers: %v", err)
	}
}

// TestBucketsUnderAnyMixOfTries holds the whole against a simple model: what is
// let in for a bucket depends on that bucket alone.
func TestBucketsUnderAnyMixOfTries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDoor()
		type bucket struct {
			failures int64
			until    time.Time
		}
		model := map[Attempt]*bucket{}
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			a := Attempt{Act: abuse.StepUp, Who: rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "who"),
				Factor: rapid.SampledFrom([]string{"password", "totp"}).Draw(t, "factor"), Device: rapid.SampledFrom([]string{"", "one"}).Draw(t, "device")}
			b := model[a]
			if b == nil {
				b = &bucket{}
				model[a] = b
			}
			outcome := rapid.SampledFrom([]error{errWrong, errWrong, errWrong, nil, errDown}).Draw(t, "outcome")
			ran, err := d.try(fmt.Sprintf("10.0.%d.1:1", i), a, outcome)
			if want := !d.clock.now().Before(b.until); ran != want {
				t.Fatalf("step %d, %+v: ran %t, want %t (%v)", i, a, ran, want, err)
			}
			if ran {
				if !errors.Is(err, outcome) {
					t.Fatalf("got %v, want %v", err, outcome)
				}
				switch outcome {
				case errWrong:
					b.failures++
					b.until = d.clock.now().Add(tries.Delay(b.failures))
				case nil:
					*b = bucket{}
				}
			}
			d.clock.move(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
		}
	})
}

func BenchmarkProve(b *testing.B) {
	d := newDoor()
	h := d.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for b.Loop() {
			d.Prove(r, ada, func() error { return nil })
		}
	}))
	b.ReportAllocs()
	knock(h, "192.0.2.1:1")
}
