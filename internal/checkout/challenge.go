package checkout

import (
	"context"
	"strings"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

// A code that is mailed comes back from the browser that asked for it: that browser
// holds a ticket, "ID.TOKEN". What a code is about, and what the right one opens, is
// told in lookup.go and paycode.go.

var errWrongCode = fault.Field("code", "That is not the code, or it has ended. Please look at the newest mail from us.")

// mailChallenge keeps the challenge that choose makes of an empty one, and returns the
// ticket to it. Where it has a code of its own, that is mailed by the job, and the
// ledger has it beside what choose names. choose may run twice.
func (d *Desk) mailChallenge(ctx context.Context, purpose challenge.Purpose, job string,
	choose func(*store.Tx, store.Challenge) (c store.Challenge, about string, err error)) (ticket string, err error) {
	id, token, mailed := store.NewID(), newToken(), false
	err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		mailed = false
		c, about, err := choose(t, store.Challenge{ID: id, Purpose: purpose})
		if err != nil {
			return err
		}
		if err := t.NewChallenge(c, token); err != nil || c.Object == "" || c.CodeOf != "" {
			return err
		}
		mailed = true
		if err := t.Event("code.sent", c.Subject, about, ""); err != nil {
			return err
		}
		return t.Enqueue(job, c.ID, c.ID, t.Now())
	})
	if err != nil {
		return "", err
	}
	if mailed {
		d.wake()
	}
	return id + "." + token, nil
}

// tryChallenge reads a ticket and a typed code and lets try hold one against the other.
// What try answers is for whoever typed, and the try counts; with an error it was none.
// try may run twice.
func (d *Desk) tryChallenge(ctx context.Context, purpose challenge.Purpose, ticket, typed string,
	try func(t *store.Tx, id, token string, code challenge.Code) (answer, err error)) error {
	code, err := purpose.Parse(typed)
	if err != nil {
		return err
	}
	id, token, _ := strings.Cut(ticket, ".")
	var answer error
	err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) (err error) {
		answer, err = try(t, id, token, code)
		return err
	})
	if err != nil {
		return err
	}
	return answer
}

// SweepChallenges forgets old challenges.
func (d *Desk) SweepChallenges(ctx context.Context) error {
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.SweepChallenges() })
}
