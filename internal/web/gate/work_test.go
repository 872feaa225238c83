package gate

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// attacked is a door at which many networks are wrong with many names.
func attacked(t testing.TB) *door {
	t.Helper()
	d := newDoor()
	for i := range attackSome {
		d.try(fmt.Sprintf("10.0.%d.1:1", i), Attempt{Act: abuse.SignIn, Who: fmt.Sprint(i), Factor: "password"}, errWrong)
	}
	if !d.UnderAttack() {
		t.Fatal("this is no attack")
	}
	return d
}

// form asks for the work of a form, from an address.
func (d *door) form(from string, act abuse.Act) (w Work) {
	h := d.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { w, _ = d.Work(r, act) }))
	r := httptest.NewRequest("GET", "https://shop.test/sign-in", nil)
	r.RemoteAddr = from
	h.ServeHTTP(httptest.NewRecorder(), r)
	return w
}

// solve does what the script of the page does.
func solve(w Work) string {
	for n := range int64(w.Max) + 1 {
		if sum(w.Salt, n) == w.Challenge {
			return payload(w, w.Salt, n)
		}
	}
	return ""
}

func payload(w Work, salt string, n int64) string {
	b, _ := json.Marshal(map[string]any{"algorithm": w.Algorithm, "challenge": w.Challenge, "number": n, "salt": salt, "signature": w.Signature})
	return base64.StdEncoding.EncodeToString(b)
}

func numberIn(t testing.TB, work string) (n int64) {
	t.Helper()
	raw, _ := base64.StdEncoding.DecodeString(work)
	var s struct{ Number int64 }
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s.Number
}

func TestAnAttackAsksStrangersForWorkAndEndsByItself(t *testing.T) {
	d := newDoor()
	if w := d.form("192.0.2.1:1", abuse.SignIn); w != (Work{}) {
		t.Error("work is asked for in quiet times")
	}
	d = attacked(t)
	if ran, err := d.try("192.0.2.1:1", ada, nil); ran || !errors.Is(err, ErrWork) {
		t.Errorf("a stranger without work: ran %t, %v", ran, err)
	}
	known := ada
	known.Device = "hers"
	if ran, err := d.try("192.0.2.1:1", known, nil); !ran || err != nil {
		t.Errorf("a known browser: ran %t, %v", ran, err)
	}
	if ran, _ := d.try("192.0.2.1:1", Attempt{Act: abuse.StepUp, Who: "ada", Factor: "password"}, nil); !ran {
		t.Error("work is asked for on a road that leads nowhere from outside")
	}
	d.clock.move(attackLook + time.Minute)
	if d.UnderAttack() {
		t.Error("the attack does not end")
	}
	if ran, err := d.try("192.0.2.1:1", ada, nil); !ran {
		t.Errorf("after the attack: %v", err)
	}
	kinds := []string{}
	for _, a := range d.alarms {
		kinds = append(kinds, a.Kind)
	}
	if want := []string{abuse.AttackBegins, abuse.AttackEnds}; !slices.Equal(kinds, want) || d.alarms[0].Wrong != attackSome {
		t.Errorf("got alarms %v, want %v", d.alarms, want)
	}
}

// TestAnAttackThatGoesOnWithoutWorkDoesNotEnd: who is refused is still there.
func TestAnAttackThatGoesOnWithoutWorkDoesNotEnd(t *testing.T) {
	d := attacked(t)
	for i := range 200 {
		d.clock.move(10 * time.Second)
		d.try(fmt.Sprintf("10.1.%d.1:1", i), Attempt{Act: abuse.SignIn, Who: fmt.Sprint(i), Factor: "password"}, errWrong)
	}
	if !d.UnderAttack() || len(d.alarms) != 1 {
		t.Errorf("under attack %t, alarms %v", d.UnderAttack(), d.alarms)
	}
}

// TestABusyDayIsNoAttack: many are right, some mistype.
func TestABusyDayIsNoAttack(t *testing.T) {
	d := newDoor()
	for i := range 1500 {
		outcome := error(nil)
		if i%5 == 0 {
			outcome = errWrong
		}
		d.try(fmt.Sprintf("10.%d.%d.1:1", i/250, i%250), Attempt{Act: abuse.SignIn, Who: fmt.Sprint(i), Factor: "password"}, outcome)
		d.clock.move(time.Second)
	}
	if len(d.alarms) != 0 {
		t.Errorf("got alarms %v", d.alarms)
	}
}

func TestAClockThatIsPutBackDoesNotKeepAnAttack(t *testing.T) {
	d := attacked(t)
	d.clock.move(-time.Hour)
	if d.UnderAttack() {
		t.Error("failures of the future count")
	}
}

func TestWorkOpensItsOwnRoadOnce(t *testing.T) {
	d := attacked(t)
	w := d.form("192.0.2.1:1", abuse.SignIn)
	a := ada
	a.Work = solve(w)
	elsewhere := a
	elsewhere.Act = abuse.Reset
	if ran, err := d.try("192.0.2.1:1", elsewhere, nil); ran || !errors.Is(err, ErrWork) {
		t.Errorf("on another road: ran %t, %v", ran, err)
	}
	n := numberIn(t, a.Work)
	for name, forged := range map[string]string{
		"nothing": "", "junk": "!!", "null": base64.StdEncoding.EncodeToString([]byte("null")), "array": base64.StdEncoding.EncodeToString([]byte("[]")),
		"large":            strings.Repeat("A", 1<<20),
		"another number":   payload(w, w.Salt, (n+1)%workMax),
		"a longer life":    payload(w, strings.Replace(w.Salt, "expires=1", "expires=9", 1), n),
		"no end":           payload(w, strings.TrimSuffix(w.Salt, "&"), n),
		"a signature less": payload(Work{Algorithm: w.Algorithm, Challenge: w.Challenge}, w.Salt, n),
		"a digit moved":    payload(w, w.Salt+fmt.Sprint(n)[:1], n%1000),
	} {
		b := a
		b.Work = forged
		if ran, err := d.try("192.0.2.1:1", b, nil); ran || !errors.Is(err, ErrWork) {
			t.Errorf("%s: ran %t, %v", name, ran, err)
		}
	}
	if ran, err := d.try("198.51.100.1:1", a, nil); !ran || err != nil {
		t.Fatalf("the work: ran %t, %v", ran, err)
	}
	if ran, _ := d.try("192.0.2.1:1", a, nil); ran {
		t.Error("the same work opens twice")
	}
	again := a
	again.Work = strings.Replace(a.Work, "=", "", 1)
	raw, _ := base64.StdEncoding.DecodeString(a.Work)
	again.Work = base64.StdEncoding.EncodeToString(append([]byte(" "), raw...))
	if ran, _ := d.try("192.0.2.1:1", again, nil); ran {
		t.Error("the same work, written otherwise, opens twice")
	}
	late := ada
	late.Work = solve(d.form("192.0.2.1:1", abuse.SignIn))
	d.clock.move(workLife)
	for i := range attackSome {
		d.try(fmt.Sprintf("10.2.%d.1:1", i), Attempt{Act: abuse.SignIn, Who: fmt.Sprint(i), Factor: "password"}, errWrong)
	}
	if ran, _ := d.try("192.0.2.1:1", late, nil); ran {
		t.Error("work opens after its end")
	}
}

// TestWhoCannotDoSumsWaits: the ticket of the form opens after a minute, once,
// on its road and from its network.
func TestWhoCannotDoSumsWaits(t *testing.T) {
	d := attacked(t)
	a := ada
	a.Ticket = d.form("192.0.2.1:1", abuse.SignIn).Ticket
	refused := func(what, from string, a Attempt) {
		t.Helper()
		if ran, err := d.try(from, a, nil); ran || !fault.Is(err, fault.RateLimited) {
			t.Errorf("%s: ran %t, %v", what, ran, err)
		}
	}
	refused("too soon", "192.0.2.1:1", a)
	d.clock.move(TicketWait)
	elsewhere := a
	elsewhere.Act = abuse.Register
	refused("on another road", "192.0.2.1:1", elsewhere)
	refused("from another network", "198.51.100.1:1", a)
	forged := a
	forged.Ticket = "_" + a.Ticket[1:]
	refused("another moment", "192.0.2.1:1", forged)
	if ran, err := d.try("192.0.2.99:1", a, nil); !ran || err != nil {
		t.Fatalf("after the wait: ran %t, %v", ran, err)
	}
	refused("again", "192.0.2.1:1", a)
}

// TestANetworkHasFewTickets: nobody waits with a thousand forms at once.
func TestANetworkHasFewTickets(t *testing.T) {
	d := attacked(t)
	var list []Attempt
	for i := range 100 {
		list = append(list, Attempt{Act: abuse.SignIn, Who: fmt.Sprint("user ", i), Factor: "password", Ticket: d.form("192.0.2.1:1", abuse.SignIn).Ticket})
	}
	d.clock.move(TicketWait)
	in := 0
	for _, a := range list {
		if ran, _ := d.try("192.0.2.1:1", a, errWrong); ran {
			in++
		}
	}
	if in != abuse.Waits.Burst() {
		t.Errorf("%d tickets of one network opened, want %d", in, abuse.Waits.Burst())
	}
}

// TestTooMuchWorkIsForgottenWithItsKey: what was used does not open again, and
// nobody is shut out for good.
func TestTooMuchWorkIsForgottenWithItsKey(t *testing.T) {
	w := newWorks()
	now := time.Unix(1_800_000_000, 0)
	key := w.key.Load()
	for i := range usedMax {
		if !w.once(fmt.Sprint(i), now) {
			t.Fatalf("%d was refused", i)
		}
	}
	if w.key.Load() == key {
		t.Error("what was signed before is good still")
	}
	if len(w.now)+len(w.old) != 0 || !w.once("one more", now) {
		t.Error("the memory is not free again")
	}
}

func BenchmarkWork(b *testing.B) {
	d := attacked(b)
	w := d.form("192.0.2.1:1", abuse.SignIn)
	work := solve(w)
	b.Run("solve", func(b *testing.B) {
		for b.Loop() {
			sum(w.Salt, 50_000)
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if _, ok := d.works.solved(work, "sign-in", d.clock.now()); !ok {
				b.Fatal("not solved")
			}
		}
	})
}

func FuzzWork(f *testing.F) {
	d := newDoor()
	w := Work{Algorithm: "SHA-256", Salt: "a?expires=9999999999&act=sign-in&"}
	w.Challenge = sum(w.Salt, 7)
	f.Add(payload(w, w.Salt, 7))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if _, ok := d.works.solved(text, "sign-in", d.clock.now()); ok {
			t.Errorf("%q opens, and is not signed", text)
		}
	})
}
