package privacy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	// CoolOff is how long an erasure waits before it begins: an erasure that
	// somebody else asked for can be stopped meanwhile.
	CoolOff = 48 * time.Hour
	// RightsEvery is how often requests that may go on are looked for.
	RightsEvery = time.Minute
	// LookAgain is how often it is looked whether what a request waits for is over.
	LookAgain = time.Hour
	// usualOver is over how many days the usual number of erasures is taken.
	usualOver = 30
)

// The kinds of requests.
const (
	KindErase    = "erase"    // GDPR Art. 17, Civ. Code 1798.105
	KindRestrict = "restrict" // GDPR Art. 18
)

// ErrHeld means that nothing was erased: an hour's erasures are more than go
// without a second person.
var ErrHeld = errors.New("this erasure waits for a second person")

// ErrNobody means that no index leads from this e-mail to anybody, and that
// nobody with it was erased.
var ErrNobody = fault.Missing("There is nothing here about this e-mail address.")

// AlreadyErased tells that nobody is left under an e-mail since an erasure.
type AlreadyErased struct{ References []string }

func (e *AlreadyErased) Error() string {
	return fmt.Sprintf("this person was erased already, see %s", store.SpellReference(e.References[0]))
}

// Shredder closes the living epoch at once, so that what was erased is beyond
// everybody, whatever copies they kept; keylife is one.
type Shredder interface {
	Shred(ctx context.Context, who ledger.Actor) error
}

// Officer carries out what people ask for under their rights. It is safe for
// concurrent use. Of several nodes each may have one.
type Officer struct {
	db    *store.DB
	log   *slog.Logger
	shred Shredder

	busy   sync.Mutex // held by whoever brings the copies of the journal up to date
	beside Copy
	places []Copy
}

// NewOfficer makes one. The erasure journal is kept beside the key file and in
// the places of backups.
func NewOfficer(db *store.DB, log *slog.Logger, shred Shredder, beside Copy, places ...Copy) *Officer {
	return &Officer{db: db, log: log, shred: shred, beside: beside, places: places}
}

// Options of a request.
type Options struct {
	Now   bool // without the cool-off, and nothing else
	Shred bool // close the living epoch too
	// Unseen says that nobody can tell for sure who asks: then nobody can be told to
	// be the second person either.
	Unseen bool
}

// Ask keeps a request about everybody that an e-mail leads to. It does not begin
// it: Run does, at once where it was asked for, else once the cool-off is over.
func (o *Officer) Ask(ctx context.Context, who ledger.Actor, kind string, e contact.Email, opt Options) (store.Request, error) {
	r := store.Request{Reference: store.NewReference(), Kind: kind, State: store.Waiting, Shred: opt.Shred, Email: e, AskedAt: o.db.Now(), AskedBy: who.String()}
	if opt.Unseen {
		r.AskedBy = ""
	}
	if r.DueAt = r.AskedAt; kind == KindErase && !opt.Now {
		r.DueAt = r.DueAt.Add(CoolOff)
	}
	var err error
	if r.Subjects, err = o.find(ctx, e); err != nil {
		return r, err
	}
	if len(r.Subjects) == 0 {
		var before []string
		err := o.db.View(ctx, func(v *store.View) (err error) {
			before, err = v.Forgotten(e)
			return err
		})
		if err == nil && len(before) > 0 {
			err = &AlreadyErased{before}
		} else if err == nil {
			err = ErrNobody
		}
		return r, err
	}
	return r, o.db.InTx(ctx, who, func(t *store.Tx) error { return t.NewRequest(r) })
}

// find names every subject of an e-mail.
func (o *Officer) find(ctx context.Context, e contact.Email) (out []string, err error) {
	err = o.db.View(ctx, func(v *store.View) error {
		out, err = v.PersonOf(e)
		return err
	})
	if err != nil {
		return nil, err
	}
	typed, err := o.db.TypedBy(ctx, e)
	return append(out, typed...), err
}

// Request reads a request.
func (o *Officer) Request(ctx context.Context, reference string) (r store.Request, err error) {
	err = o.db.View(ctx, func(v *store.View) (err error) {
		r, err = v.Request(reference)
		return err
	})
	return r, err
}

// Stop ends a request that has not begun.
func (o *Officer) Stop(ctx context.Context, who ledger.Actor, reference string) error {
	return o.db.InTx(ctx, who, func(t *store.Tx) error {
		r, err := t.Request(reference)
		if err != nil {
			return err
		}
		if r.State != store.Waiting && r.State != store.Held {
			return fault.New(fault.Conflict, "This request has begun, or has ended; it can't be stopped.")
		}
		r.State, r.DoneAt = store.Stopped, t.Now()
		if err := t.EndRequest(r); err != nil {
			return err
		}
		return t.Event("request.stopped", "", reference, "")
	})
}

// Allow lets an erasure go on that waits for a second person. Whoever entered it
// is not that person.
func (o *Officer) Allow(ctx context.Context, who ledger.Actor, reference string) error {
	return o.db.InTx(ctx, who, func(t *store.Tx) error {
		r, err := t.Request(reference)
		if err != nil {
			return err
		}
		if r.State != store.Held {
			return fault.New(fault.Conflict, "This request does not wait for a second person.")
		}
		if r.AskedBy == "" {
			return fault.New(fault.Conflict, "This request was entered while no shop ran, so nobody can tell by whom. Please stop it, and enter it again beside the running shop.")
		}
		if r.AskedBy == who.String() {
			return fault.New(fault.Conflict, "Whoever entered a request can't be the second person.")
		}
		r.AllowedBy = who.String()
		if err := t.SaveRequest(r); err != nil {
			return err
		}
		return t.Event("request.allowed", "", reference, "")
	})
}

// Lift ends a restriction: what it restricted is open again. The person is told
// before (GDPR Art. 18(3)); that is for whoever calls this.
func (o *Officer) Lift(ctx context.Context, who ledger.Actor, reference string) error {
	r, err := o.Request(ctx, reference)
	if err != nil {
		return err
	}
	if r.Kind != KindRestrict || r.State != store.Done {
		return fault.New(fault.Conflict, "This is no restriction that holds.")
	}
	for _, s := range r.Subjects {
		err := o.db.InTx(ctx, who, func(t *store.Tx) error {
			// What an erasure has left is not for a restriction to open.
			if erased, err := t.ErasedSubject(s); err != nil || erased {
				return err
			}
			list, err := t.DossiersOf(s)
			if err != nil {
				return err
			}
			for _, d := range list {
				if d.Restricted {
					if err := t.Unrestrict(d.DueDossier); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return o.db.InTx(ctx, who, func(t *store.Tx) error {
		r.State, r.DoneAt = store.Stopped, t.Now()
		if err := t.EndRequest(r); err != nil {
			return err
		}
		return t.Event("restriction.lifted", "", reference, "")
	})
}

// RunDue goes on with every request that may: those whose cool-off is over, and
// those that waited for an order to finish. One that fails keeps no other back.
func (o *Officer) RunDue(ctx context.Context) error {
	var due []string
	err := o.db.View(ctx, func(v *store.View) (err error) {
		due, err = v.DueRequests()
		return err
	})
	for _, reference := range due {
		one := o.Run(ctx, ledger.System("rights"), reference)
		if errors.Is(one, ErrHeld) {
			o.log.WarnContext(ctx, "an erasure waits for a second person: cartkeep privacy allow", "request", reference)
			one = nil
		}
		if errors.Is(one, store.ErrReads) {
			o.log.InfoContext(ctx, "an erasure waits for a backup that reads the database", "request", reference)
			one = nil
		}
		err = errors.Join(err, one)
	}
	return errors.Join(err, o.Spread(ctx))
}
