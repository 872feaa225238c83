package store

import (
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// MayWrite counts a letter to a mailbox that strangers can cause, and reports
// whether it has not had enough of these yet. All of them count together,
// whichever form asked, or as many forms as there are would each fill a mailbox to
// their own bound. Letters that follow from a payment, or from what the owner of
// an account has done, are not asked about. However an address is spelled that leads
// to the mailbox, see [contact.Email.Counted], it counts as that.
//
// id is the letter's own: what is tried again counts once. The mailbox stands here
// under the key of the day alone.
func (t *Tx) MayWrite(to contact.Email, id string) (bool, error) {
	keys, err := t.limits()
	if err != nil {
		return false, err
	}
	letter := func(key seal.MacKey) []byte {
		mac := key.Sum("letter v1", []byte(id))
		return mac[:]
	}
	seen, _, err := t.readFill([]any{letter(keys.today), letter(keys.yesterday)}, Proof{})
	if err != nil || len(seen) > 0 {
		return err == nil, err
	}
	enough, err := t.hadEnough(keys, to)
	if err != nil || enough {
		return false, err
	}
	if _, err := t.added(abuse.Letters, bucketOf(keys.today, abuse.Letters, []byte(to.Counted())), abuse.Letters.Weight().One); err != nil {
		return false, err
	}
	if _, err := t.exec(`INSERT INTO abuse_buckets (bucket, kind, empty_at) VALUES ($1, 'letter', $2) ON CONFLICT (bucket) DO NOTHING`,
		letter(keys.today), ms(t.now.Add(limitKeysKept*24*time.Hour))); err != nil {
		return false, fmt.Errorf("count a letter: %w", err)
	}
	return true, nil
}

// hadEnough reports whether one letter more would be too many. The bucket's row is
// counted up by one statement, so of two at once one may be let in beyond the bound,
// and no more.
func (t *Tx) hadEnough(keys *limitKeys, to contact.Email) (bool, error) {
	whom := []byte(to.Counted())
	fill, _, err := t.readFill([]any{bucketOf(keys.today, abuse.Letters, whom), bucketOf(keys.yesterday, abuse.Letters, whom)}, Proof{})
	w := abuse.Letters.Weight()
	return fill[abuse.Letters]+w.One > w.Most, err
}
