package abuse

import "slices"

// Act is something that anybody may do and that is worth abusing.
type Act int

// The acts.
const (
	// Proofs of something secret.
	SignIn       Act = iota + 1
	SecondFactor     // of a sign-in
	Register         // an account asked for, and the code that its mailbox got
	Reset            // a lost password or factor
	StepUp           // again, before something delicate
	LookUp           // the code of a letter: of an order, or to pay for one
	Discount         // a discount code or a gift card

	// What costs the shop or somebody else something.
	NewCart     // a cart is made
	Place       // an order is placed: it holds goods and asks a provider for a page to pay on
	Pay         // an order is tried to be paid again
	Hold        // goods are held for longer
	OwnOrder    // an order is cancelled, printed, or its letter sent again
	Letter      // the shop writes to an address or a phone that somebody typed
	PayCode     // a code is mailed to a guest who is about to pay
	FindOrder   // an order is looked for, and a code mailed to whom it belongs
	Passkey     // a passkey is asked for, or answers
	NewPassword // a password is hashed
	Weigh       // a new password is weighed
	Report      // a browser says what it blocked

	acts
)

// Rule is how one act is held.
type Rule struct {
	Name    string
	Buckets []Bucket // that it may fill, beside General and Misses
	// Where something secret is proved: the failures of one source, and of all
	// strangers together.
	Mine, All Bucket
	Tallied   bool   // failures are counted for each identity too, over restarts; see package tries
	Kept      []Kept // decide on friction; see Judge
	Work      bool   // under attack, strangers do a short sum first, or wait
}

// rules is the one list.
var rules = [acts]Rule{
	SignIn:       {Name: "sign-in", Buckets: []Bucket{Proofs, AllProofs, Waits, SignIns}, Mine: Proofs, All: AllProofs, Tallied: true, Work: true},
	SecondFactor: {Name: "second factor", Buckets: []Bucket{Proofs, AllProofs}, Mine: Proofs, All: AllProofs, Tallied: true},
	Register:     {Name: "register", Buckets: []Bucket{Proofs, AllProofs, Waits, Lookups}, Mine: Proofs, All: AllProofs, Tallied: true, Work: true},
	Reset:        {Name: "reset", Buckets: []Bucket{Proofs, AllProofs, Waits, Lookups}, Mine: Proofs, All: AllProofs, Tallied: true, Work: true},
	StepUp:       {Name: "step-up", Buckets: []Bucket{Proofs, AllProofs}, Mine: Proofs, All: AllProofs, Tallied: true},
	LookUp:       {Name: "look-up", Buckets: []Bucket{Proofs, AllProofs}, Mine: Proofs, All: AllProofs, Tallied: true},
	Discount:     {Name: "discount", Buckets: []Bucket{Discounts, AllDiscounts}, Mine: Discounts, All: AllDiscounts},

	NewCart:     {Name: "new cart", Buckets: []Bucket{Carts}},
	Place:       {Name: "place", Buckets: []Bucket{Orders, Waits}, Kept: []Kept{CartDeclines, SourceDeclines, MailboxDeclines, AccountDeclines, AllDeclines, Paused, Demanded}, Work: true},
	Pay:         {Name: "pay", Buckets: []Bucket{Orders, Waits}, Kept: []Kept{CartDeclines, SourceDeclines, MailboxDeclines, AccountDeclines, AllDeclines, Paused, Demanded}, Work: true},
	Hold:        {Name: "hold", Buckets: []Bucket{Orders}},
	OwnOrder:    {Name: "own order", Buckets: []Bucket{Orders}},
	Letter:      {Name: "letter", Buckets: []Bucket{Lookups}},
	PayCode:     {Name: "pay code", Buckets: []Bucket{Lookups}},
	FindOrder:   {Name: "find order", Buckets: []Bucket{Lookups, Codes}},
	Passkey:     {Name: "passkey", Buckets: []Bucket{Ceremonies}},
	NewPassword: {Name: "new password", Buckets: []Bucket{SignIns}},
	Weigh:       {Name: "weigh a password", Buckets: []Bucket{Meters}},
	Report:      {Name: "report", Buckets: []Bucket{Reports, AllReports}},
}

// Acts lists every act.
func Acts() []Act {
	var out []Act
	for a := Act(1); a < acts; a++ {
		out = append(out, a)
	}
	return out
}

// Known reports whether there is such an act.
func (a Act) Known() bool { return a > 0 && a < acts }

// Rule is how the act is held.
func (a Act) Rule() Rule { return rules[a] }

// String names the act, as in docs/routes.md.
func (a Act) String() string { return rules[a].Name }

// Fills reports whether the act may fill a bucket.
func (a Act) Fills(b Bucket) bool { return slices.Contains(rules[a].Buckets, b) }

// Proof reports that something secret is proved.
func (a Act) Proof() bool { return rules[a].All != 0 }
