// Package abuse knows what strangers could do to a shop with what it offers to
// everybody, and how each such act is held. It is one list (rules.go), and every
// road to an act (a form, the API, a page of another site) takes its rule from
// there:
//
//	act ─▶ buckets that it fills ─▶ how full they are ─▶ friction
//
// A bucket counts acts, failures or something else of one source, one cart, one
// mailbox or everybody, and empties by itself with time. Friction rises with
// what is in it: first nothing, then a wait or a short sum, then a code from the
// mailbox, and a pause at the very end. So whoever is honest finds a way
// through, and who tries a thousand times pays for each of them.
//
// It knows no clock, no database and no HTTP. web/gate keeps the buckets that
// live in memory and knows the sources, store keeps those that outlive a start,
// and checkout asks before an order is placed or paid. Where something secret is
// proved, package tries counts each identity for itself.
package abuse

// By is whose acts a bucket counts.
type By string

// Whom buckets are kept for. A source is a network: a /24 of IPv4, a /64 of IPv6.
const (
	BySource    By = "source"
	ByThing     By = "source and thing" // one source's acts about one thing
	ByEverybody By = "everybody"
)

// Counts is what a bucket counts.
type Counts string

// What buckets count. Nobody is exempt from a bucket of failures.
const (
	OfActs     Counts = "acts"
	OfFailures Counts = "failures"
)

// Bucket is something that is counted together. It is named in docs/api.md.
type Bucket int

// The buckets that live in the memory of a process, from the widest to the
// narrowest.
const (
	General      Bucket = iota // every request
	Carts                      // making carts
	Orders                     // placing orders, trying to pay again, acts on one's own order
	Lookups                    // acts that can make the shop write to an address somebody typed
	Codes                      // codes about one thing
	Misses                     // look-ups by id and token that found nothing: guesses
	Discounts                  // discount codes and gift cards that give nothing: guesses
	SignIns                    // trying to sign in, whoever as
	Ceremonies                 // beginning and ending with a passkey
	Meters                     // asking what a new password is worth
	AllDiscounts               // wrong discount codes of everybody together, so that many networks are not many guesses
	Proofs                     // passwords and codes that are wrong
	AllProofs                  // the same of all strangers together
	Reports                    // what browsers say that they blocked
	AllReports                 // the same by everybody together: each is written down
	Waits                      // forms that waited instead of doing work
	buckets
)

// size says how fast a bucket empties and how much goes in.
type size struct {
	name  string
	by    By
	of    Counts
	every float64 // how much goes out in a second
	burst int     // how much goes in
}

var sizes = [buckets]size{
	General:    {"general", BySource, OfActs, 100, 1000},
	Carts:      {"carts", BySource, OfActs, 5, 200},
	Orders:     {"orders", BySource, OfActs, 5, 150},
	Lookups:    {"lookups", BySource, OfActs, 0.1, 20},
	SignIns:    {"sign-ins", BySource, OfActs, 1, 60},
	Meters:     {"meters", BySource, OfActs, 5, 100},
	Codes:      {"codes", ByThing, OfFailures, 1.0 / (4 * 3600), 4},
	Ceremonies: {"ceremonies", BySource, OfActs, 1, 60},
	Reports:    {"reports", BySource, OfActs, 0.2, 20},
	AllReports: {"all reports", ByEverybody, OfActs, 5, 100},
	Misses:     {"misses", BySource, OfFailures, 5, 300},

	Discounts:    {"discounts", BySource, OfFailures, 0.1, 30},
	AllDiscounts: {"all discounts", ByEverybody, OfFailures, 5, 1000},

	Proofs:    {"proofs", BySource, OfFailures, 0.1, 60},
	AllProofs: {"all proofs", ByEverybody, OfFailures, 5, 1000},
	Waits:     {"waits", BySource, OfFailures, 1.0 / 15, 10},
}

// Buckets lists the buckets that live in memory.
func Buckets() []Bucket {
	out := make([]Bucket, buckets)
	for i := range out {
		out[i] = Bucket(i)
	}
	return out
}

// String names the bucket, as in docs/api.md.
func (b Bucket) String() string { return sizes[b].name }

// By tells whose acts it counts.
func (b Bucket) By() By { return sizes[b].by }

// Counts tells what it counts.
func (b Bucket) Counts() Counts { return sizes[b].of }

// Failures reports that it counts failures, from which nobody is exempt.
func (b Bucket) Failures() bool { return sizes[b].of == OfFailures }

// PerSecond tells how much goes out in a second.
func (b Bucket) PerSecond() float64 { return sizes[b].every }

// Burst tells how much goes in.
func (b Bucket) Burst() int { return sizes[b].burst }
