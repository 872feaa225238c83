package gate

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash"
	"math"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Class is a kind of act that is limited for each neighbourhood of clients.
type Class int

// The classes, from the widest to the narrowest.
const (
	General      Class = iota // every request
	Carts                     // making carts
	Orders                    // placing orders and trying to pay again
	Lookups                   // acts that can make the shop write to an address somebody typed
	Codes                     // codes about one thing; see AllowFor
	Misses                    // look-ups by id and token that found nothing: guesses
	Discounts                 // discount codes that give nothing: guesses in a space that people choose words from
	SignIns                   // trying to sign in, whoever as
	Ceremonies                // beginning and ending with a passkey
	Meters                    // asking what a new password is worth
	AllDiscounts              // the same by everybody together, so that many networks are not many guesses
	Proofs                    // passwords and codes that are wrong
	AllProofs                 // the same by all strangers together
	Waits                     // forms that waited instead of doing work, see Gate.Work
	classes
)

// limits says how fast each class may go. failure marks a counter of failures,
// from which nobody is exempt.
var limits = [classes]struct {
	name    string
	every   rate.Limit // a second
	burst   int
	failure bool
	all     bool // one bucket for everybody
}{
	General:    {name: "general", every: 100, burst: 1000},
	Carts:      {name: "carts", every: 5, burst: 200},
	Orders:     {name: "orders", every: 5, burst: 150},
	Lookups:    {name: "lookups", every: 0.1, burst: 20},
	SignIns:    {name: "sign-ins", every: 1, burst: 60},
	Meters:     {name: "meters", every: 5, burst: 100},
	Codes:      {name: "codes", every: rate.Limit(1.0 / (4 * 3600)), burst: 4, failure: true},
	Ceremonies: {name: "ceremonies", every: 1, burst: 60},
	Misses:     {name: "misses", every: 5, burst: 300, failure: true},

	Discounts:    {name: "discounts", every: 0.1, burst: 30, failure: true},
	AllDiscounts: {name: "all discounts", every: 5, burst: 1000, failure: true, all: true},

	Proofs:    {name: "proofs", every: 0.1, burst: 60, failure: true},
	AllProofs: {name: "all proofs", every: 5, burst: 1000, failure: true, all: true},
	Waits:     {name: "waits", every: rate.Limit(1.0 / 15), burst: 10, failure: true},
}

// String names the class, as in docs/api.md.
func (c Class) String() string { return limits[c].name }

// PerSecond and Burst tell how fast a class may go.
func (c Class) PerSecond() float64 { return float64(limits[c].every) }

// Burst tells how many may come at once.
func (c Class) Burst() int { return limits[c].burst }

const limitedText = "That was more than this shop answers at once. Please wait a moment and try again."

// Allow counts one act of the class for the request's client. Its error is
// RateLimited and says when to try again. Exempt clients are not counted,
// except for failures.
func (g *Gate) Allow(r *http.Request, class Class) error {
	if v := visitOf(r); v != nil && !v.declared(class) {
		return undeclared(class)
	}
	bucket := g.bucket(r, class)
	if bucket == nil {
		return nil
	}
	now := g.cfg.Now()
	if bucket.AllowN(now, 1) {
		return nil
	}
	return fault.Limited(limitedText, wait(bucket, now, class))
}

// undeclared refuses a count that the table of routes does not tell about: the
// table must be true.
func undeclared(class Class) error {
	return fmt.Errorf("gate: this route counts as %s, and its line in the table does not say so", class)
}

// AllowFor is Allow for one thing: what is counted is this client's acts about
// it. The name of the thing is kept as a keyed hash, like the client.
func (g *Gate) AllowFor(r *http.Request, class Class, thing string) error {
	v := visitOf(r)
	if v != nil && !v.declared(class) {
		return undeclared(class)
	}
	if v == nil || (v.exempt && !limits[class].failure) {
		return nil
	}
	now := g.cfg.Now()
	bucket := g.rates.bucket(class, v.client, thing)
	if bucket.AllowN(now, 1) {
		return nil
	}
	return fault.Limited(limitedText, wait(bucket, now, class))
}

// Missed counts a look-up by id and token that opened nothing, and returns what
// to answer: err as it is, or RateLimited once there were too many. Only the
// look-up that failed is refused. Asking before it would let a stranger's junk
// lock out the neighbours whose tokens are good; and nobody ever owes more than
// the wait for one token.
func (g *Gate) Missed(r *http.Request, err error) error {
	if limited := g.Allow(r, Misses); limited != nil {
		return limited
	}
	return err
}

func (g *Gate) bucket(r *http.Request, class Class) *rate.Limiter {
	v := visitOf(r)
	if v == nil || (v.exempt && !limits[class].failure) {
		return nil
	}
	if limits[class].all {
		return g.rates.everybody[class]
	}
	return g.rates.bucket(class, v.client, "")
}

// wait tells how long until one token is there.
func wait(bucket *rate.Limiter, now time.Time, class Class) time.Duration {
	missing := 1 - bucket.TokensAt(now)
	seconds := math.Ceil(missing / float64(limits[class].every))
	return time.Duration(max(1, seconds)) * time.Second
}

// rates holds the buckets. Clients are known by an HMAC of their prefix under
// a key that lives in memory for a day, so that a picture of the memory does
// not list visitors and two days can't be joined.
type rates struct {
	max int
	now func() time.Time
	day atomic.Pointer[day]

	everybody [classes]*rate.Limiter // of the classes that count everybody together
}

const shards = 16

// day is one key and everything counted under it.
type day struct {
	until  time.Time
	macs   sync.Pool // hash.Hash, keyed
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	buckets map[bucketKey]*rate.Limiter
}

type bucketKey struct {
	class  Class
	client [16]byte
}

func newRates(max int, now func() time.Time) *rates {
	r := &rates{max: max, now: now}
	r.day.Store(newDay(now()))
	for class, l := range limits {
		if l.all {
			r.everybody[class] = rate.NewLimiter(l.every, l.burst)
		}
	}
	return r
}

func newDay(now time.Time) *day {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	d := &day{until: now.Add(24 * time.Hour)}
	d.macs.New = func() any { return hmac.New(sha256.New, key) }
	for i := range d.shards {
		d.shards[i].buckets = map[bucketKey]*rate.Limiter{}
	}
	return d
}

// today returns the buckets in force. A new day forgets the old one whole.
func (r *rates) today(now time.Time) *day {
	d := r.day.Load()
	if now.Before(d.until) {
		return d
	}
	r.day.CompareAndSwap(d, newDay(now)) // of several, the first one wins
	return r.day.Load()
}

func (d *day) name(client netip.Addr, thing string) [16]byte {
	p := neighbours(client)
	bytes := p.Addr().As16()
	mac := d.macs.Get().(hash.Hash)
	defer d.macs.Put(mac)
	mac.Reset()
	mac.Write(bytes[:])
	mac.Write([]byte{byte(p.Bits())})
	mac.Write([]byte(thing)) // what comes before has a fixed length
	var sum [32]byte
	mac.Sum(sum[:0])
	return [16]byte(sum[:16])
}

func (r *rates) bucket(class Class, client netip.Addr, thing string) *rate.Limiter {
	now := r.now()
	d := r.today(now)
	key := bucketKey{class, d.name(client, thing)}
	s := &d.shards[key.client[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if bucket, ok := s.buckets[key]; ok {
		return bucket
	}
	if len(s.buckets) >= max(1, r.max/shards) {
		s.evict(now)
	}
	bucket := rate.NewLimiter(limits[class].every, limits[class].burst)
	s.buckets[key] = bucket
	return bucket
}

// evict forgets the fullest of a few buckets: a full one costs nothing to
// forget, and one that is being punished stays while others come and go.
func (s *shard) evict(now time.Time) {
	var victim bucketKey
	fullest, seen := -1e18, 0
	for key, bucket := range s.buckets {
		if fill := bucket.TokensAt(now) / float64(bucket.Burst()); fill > fullest {
			victim, fullest = key, fill
		}
		if seen++; seen == 8 || fullest >= 1 {
			break
		}
	}
	delete(s.buckets, victim)
}

// size counts the buckets.
func (r *rates) size() int {
	n := 0
	d := r.day.Load()
	for i := range d.shards {
		d.shards[i].mu.Lock()
		n += len(d.shards[i].buckets)
		d.shards[i].mu.Unlock()
	}
	return n
}
