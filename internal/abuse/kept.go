package abuse

import "time"

// Kept is a bucket that outlives a start and is one for all processes of a
// shop: the database keeps the moment at which it will be empty, and nothing
// else. How full it is, is how far that moment lies ahead.
type Kept string

// The kept buckets. Declines are payments that a provider has refused.
const (
	CartDeclines    Kept = "declines of a cart"
	SourceDeclines  Kept = "declines of a source"
	MailboxDeclines Kept = "declines of a mailbox"
	AccountDeclines Kept = "declines of an account"
	CardDeclines    Kept = "declines of a card" // by the provider's fingerprint
	AllDeclines     Kept = "declines of everybody"

	// Letters to a mailbox that somebody else may have caused, whatever they say.
	Letters Kept = "letters to a mailbox"

	// What staff have asked for: full until the moment they named.
	Paused   Kept = "guests wait"
	Demanded Kept = "guests do work"
)

// Weight is what one thing adds to a kept bucket, and how much goes in at most:
// that is also the longest anybody can be held up by it.
//
// A source remembers a decline for ten minutes: thieves who come back to each of
// their networks after a minute would find it clean, and a guest who shares one
// with them gets through by a code.
type Weight struct{ One, Most time.Duration }

var weights = map[Kept]Weight{
	CartDeclines:    {time.Minute, 30 * time.Minute},
	SourceDeclines:  {10 * time.Minute, 3 * time.Hour},
	MailboxDeclines: {5 * time.Minute, 2 * time.Hour},
	AccountDeclines: {5 * time.Minute, 2 * time.Hour},
	CardDeclines:    {10 * time.Minute, 24 * time.Hour},
	AllDeclines:     {10 * time.Second, 30 * time.Minute},
	Letters:         {45 * time.Minute, 15 * time.Hour}, // twenty at once, 32 in a day of each day that follows
	Paused:          {0, 12 * time.Hour},
	Demanded:        {0, 12 * time.Hour},
}

// Weight tells what one thing adds.
func (k Kept) Weight() Weight { return weights[k] }

// From where on friction begins, in how full a bucket is. Of a cart, four
// declines are free, as four wrong passwords are; of a source three; of
// everybody fifteen that no approvals outweigh. What is met with a count lies
// half-way to it from the one before, since buckets empty while they fill; what is
// met beyond a count lies on it, so that whoever keeps to it never does.
const (
	cartFree     = 4 * time.Minute                 // beyond the fourth
	sourceWork   = 25 * time.Minute                // with the third
	sourceProve  = 100 * time.Minute               // beyond the tenth
	mailboxWork  = 12*time.Minute + 30*time.Second // with the third
	mailboxProve = 30 * time.Minute                // beyond the sixth
	mailboxWait  = 40 * time.Minute                // beyond the eighth
	accountWait  = 40 * time.Minute                // beyond the eighth
	allWork      = 145 * time.Second               // with the fifteenth
	allProve     = 595 * time.Second               // with the sixtieth
	cardMany     = 20 * time.Minute
)

const (
	many    = 3 // how much more a decline weighs when its card was declined before
	small   = 2 // and for everybody, when the amount is one that cards are tested with
	relieve = 3 // declines of everybody that one approval outweighs in quiet times
)

// SmallAmount is up to what amount, in the smallest units of any currency, cards are
// tested with: €5.00, ¥500 or 0.500 KWD. Nobody notices it on a statement. An approval
// of so little says nothing good.
const SmallAmount = 500

// Decline tells what one decline adds to each bucket. card is how full its
// card's bucket was.
func Decline(card time.Duration, isSmall bool) map[Kept]time.Duration {
	times := time.Duration(1)
	if card >= cardMany {
		times = many
	}
	all := weights[AllDeclines].One * times
	if isSmall {
		all *= small
	}
	return map[Kept]time.Duration{
		CartDeclines: weights[CartDeclines].One * times, SourceDeclines: weights[SourceDeclines].One * times,
		MailboxDeclines: weights[MailboxDeclines].One, AccountDeclines: weights[AccountDeclines].One * times, CardDeclines: weights[CardDeclines].One, AllDeclines: all,
	}
}

// Approval tells what one approval takes out of each bucket. all is how full
// AllDeclines is: in quiet times an approval outweighs several declines, so that
// a busy shop stays calm; once the breaker has gone off it outweighs a fifth
// of one, or honest buyers would hold the door open for thieves.
func Approval(isSmall bool, all time.Duration) map[Kept]time.Duration {
	if isSmall {
		return nil
	}
	less := relieve * weights[AllDeclines].One
	if StageOf(all) > Calm {
		less = weights[AllDeclines].One / 5
	}
	return map[Kept]time.Duration{SourceDeclines: weights[SourceDeclines].One, AllDeclines: less}
}

// Stage is how far the breaker for the whole shop has gone.
type Stage int

// The stages.
const (
	Calm   Stage = iota
	Uneasy       // guests do work
	Alert        // and prove their mailbox, where anything was declined before
)

// StageOf tells the stage from how full AllDeclines is.
func StageOf(all time.Duration) Stage {
	switch {
	case all >= allProve:
		return Alert
	case all >= allWork:
		return Uneasy
	}
	return Calm
}

// String names the stage.
func (s Stage) String() string { return [...]string{"calm", "uneasy", "alert"}[s] }
