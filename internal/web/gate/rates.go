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
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
)

const limitedText = "That was more than this shop answers at once. Please wait a moment and try again."

// Allow counts one act of the class for the request's client. Its error is
// RateLimited and says when to try again. Exempt clients are not counted,
// except for failures.
func (g *Gate) Allow(r *http.Request, class abuse.Bucket) error {
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

// Begin counts an act, before it is carried out, in each bucket of acts that its
// rule names. What counts failures is filled by Prove, or by whoever finds one.
func (g *Gate) Begin(r *http.Request, act abuse.Act) error {
	if v := visitOf(r); v != nil && v.route != nil && !slices.Contains(v.route.Does, act) {
		return fmt.Errorf("gate: this route does %q, and its line in the table does not say so", act)
	}
	for _, b := range act.Rule().Buckets {
		if b.Failures() {
			continue
		}
		if err := g.Allow(r, b); err != nil {
			g.figures.note(act, abuse.Blocked)
			return err
		}
	}
	if !act.Proof() { // Prove counts those
		g.figures.note(act, abuse.Tried)
	}
	return nil
}

// undeclared refuses a count that the table of routes does not tell about: the
// table must be true.
func undeclared(class abuse.Bucket) error {
	return fmt.Errorf("gate: this route fills the bucket %q, and no act in its line of the table does", class)
}

// AllowFor is Allow for one thing: what is counted is this client's acts about
// it. The name of the thing is kept as a keyed hash, like the client.
func (g *Gate) AllowFor(r *http.Request, class abuse.Bucket, thing string) error {
	v := visitOf(r)
	if v != nil && !v.declared(class) {
		return undeclared(class)
	}
	if v == nil || (v.exempt && !class.Failures()) {
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
	if limited := g.Allow(r, abuse.Misses); limited != nil {
		return limited
	}
	return err
}

func (g *Gate) bucket(r *http.Request, class abuse.Bucket) *rate.Limiter {
	v := visitOf(r)
	if v == nil || (v.exempt && !class.Failures()) {
		return nil
	}
	if class.By() == abuse.ByEverybody {
		return g.rates.everybody[class]
	}
	return g.rates.bucket(class, v.client, "")
}

// wait tells how long until one token is there.
func wait(bucket *rate.Limiter, now time.Time, class abuse.Bucket) time.Duration {
	missing := 1 - bucket.TokensAt(now)
	seconds := math.Ceil(missing / class.PerSecond())
	return time.Duration(max(1, seconds)) * time.Second
}

// rates holds the buckets. Clients are known by an HMAC of their prefix under
// a key that lives in memory for a day, so that a picture of the memory does
// not list visitors and two days can't be joined.
type rates struct {
	max int
	now func() time.Time
	day atomic.Pointer[day]

	everybody map[abuse.Bucket]*rate.Limiter // of what counts everybody together; never changes
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
	class  abuse.Bucket
	client [16]byte
}

func newRates(max int, now func() time.Time) *rates {
	r := &rates{max: max, now: now, everybody: map[abuse.Bucket]*rate.Limiter{}}
	r.day.Store(newDay(now()))
	for _, class := range abuse.Buckets() {
		if class.By() == abuse.ByEverybody {
			r.everybody[class] = newBucket(class)
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

func newBucket(class abuse.Bucket) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(class.PerSecond()), class.Burst())
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

func (r *rates) bucket(class abuse.Bucket, client netip.Addr, thing string) *rate.Limiter {
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
	bucket := newBucket(class)
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
