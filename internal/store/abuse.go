package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// Payer is who tries to pay, as far as limits go.
type Payer struct {
	Cart    string
	Source  string // the network; "" when the shop itself acts
	Account string // that is signed in; "" for a guest
	Mailbox contact.Email
}

// bucketOf names a bucket under a day's key; nil where there is nobody to count.
func bucketOf(key seal.MacKey, k abuse.Kept, whom []byte) []byte {
	if len(whom) == 0 {
		return nil
	}
	mac := key.Sum("bucket v1", []byte(k), whom)
	return mac[:]
}

// openBucket names a bucket that is about nobody.
func openBucket(k abuse.Kept) []byte { return []byte(k) }

// whose lists what is known of a payer, by the bucket that it counts in.
func (p Payer) whose() map[abuse.Kept][]byte {
	out := map[abuse.Kept][]byte{abuse.CartDeclines: []byte(p.Cart), abuse.SourceDeclines: []byte(p.Source), abuse.AccountDeclines: []byte(p.Account)}
	if !p.Mailbox.IsZero() {
		out[abuse.MailboxDeclines] = []byte(p.Mailbox.Counted())
	}
	return out
}

// Proof is what shows that a guest reads the mailbox of an order: a code about an
// object, answered since a time. No object: nothing shows it.
type Proof struct {
	Object string
	Since  time.Time
}

// Fill reads, in one statement, how full the buckets are that count for a payer, and
// whether they have proved their mailbox.
func (t *Tx) Fill(p Payer, proof Proof) (fill abuse.Fill, proved bool, err error) {
	keys, err := t.limits()
	if err != nil {
		return nil, false, err
	}
	var buckets []any
	for k, whom := range p.whose() {
		for _, day := range []seal.MacKey{keys.today, keys.yesterday} {
			if b := bucketOf(day, k, whom); b != nil {
				buckets = append(buckets, b)
			}
		}
	}
	for _, k := range []abuse.Kept{abuse.AllDeclines, abuse.Paused, abuse.Demanded} {
		buckets = append(buckets, openBucket(k))
	}
	return t.readFill(buckets, proof)
}

// provedRow stands for the kind of a bucket where the row is about a proof.
const provedRow = "proved"

// readFill reads buckets by their names, and whether something is proved.
func (v *View) readFill(buckets []any, proof Proof) (fill abuse.Fill, proved bool, err error) {
	args := append([]any{ms(v.now), string(challenge.Pay), proof.Object, ms(proof.Since)}, buckets...)
	var names strings.Builder
	for i := range buckets {
		fmt.Fprintf(&names, ", $%d", len(args)-len(buckets)+i+1)
	}
	rows, err := v.rows(`SELECT kind, empty_at FROM abuse_buckets WHERE empty_at > $1 AND bucket IN (`+names.String()[2:]+`)
		UNION ALL SELECT '`+provedRow+`', max(used_at) FROM challenges WHERE purpose = $2 AND object = $3 AND object <> '' AND used_at > $4 HAVING count(*) > 0`, args...)
	if err != nil {
		return nil, false, fmt.Errorf("read buckets: %w", err)
	}
	defer rows.Close()
	fill = abuse.Fill{}
	for rows.Next() {
		var kind string
		var at int64
		if err := rows.Scan(&kind, &at); err != nil {
			return nil, false, err
		}
		if kind == provedRow {
			proved = true
			continue
		}
		fill[abuse.Kept(kind)] += when(at).Sub(v.now)
	}
	return fill, proved, rows.Err()
}

// Overall reads the buckets that are about nobody: the breaker's, and what staff
// have asked for.
func (v *View) Overall() (abuse.Fill, error) {
	fill, _, err := v.readFill([]any{openBucket(abuse.AllDeclines), openBucket(abuse.Paused), openBucket(abuse.Demanded)}, Proof{})
	return fill, err
}

// Measure puts a measure of the staff into force until a moment; one that has
// passed lifts it.
func (t *Tx) Measure(k abuse.Kept, until time.Time) error {
	if most := t.now.Add(k.Weight().Most); until.After(most) {
		until = most
	}
	_, err := t.exec(`INSERT INTO abuse_buckets (bucket, kind, empty_at) VALUES ($1, $2, $3) ON CONFLICT (bucket) DO UPDATE SET empty_at = excluded.empty_at`,
		openBucket(k), string(k), ms(until))
	if err != nil {
		return fmt.Errorf("put a measure into force: %w", err)
	}
	return t.Event("abuse.measure", "", "", fmt.Sprintf(`{"until":%d,"what":%q}`, ms(until), string(k)))
}

// Ease empties the breaker's bucket, which staff may do once they know better.
func (t *Tx) Ease() error {
	if _, err := t.exec(`DELETE FROM abuse_buckets WHERE bucket = $1`, openBucket(abuse.AllDeclines)); err != nil {
		return fmt.Errorf("empty a bucket: %w", err)
	}
	return t.Event("abuse.eased", "", "", "")
}

// Remember keeps who tries to pay, until the provider tells how it went.
func (t *Tx) Remember(payment string, p Payer) error {
	keys, err := t.limits()
	if err != nil {
		return err
	}
	who := p.whose()
	name := func(k abuse.Kept) []byte {
		if b := bucketOf(keys.today, k, who[k]); b != nil {
			return b
		}
		return []byte{}
	}
	return t.later("remember who pays", nil, `INSERT INTO abuse_tries (owner, payment, day, source, mailbox, account) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (owner, payment) DO NOTHING`,
		p.Cart, payment, keys.day, name(abuse.SourceDeclines), name(abuse.MailboxDeclines), bucketOf(keys.today, abuse.AccountDeclines, who[abuse.AccountDeclines]))
}

// Outcome is how a provider says that an attempt went.
type Outcome struct {
	Provider, Notice string // its name and the id of its notice
	Card             string // its fingerprint of the card; "" where it gives none
	Small            bool   // the amount is one that cards are tested with
}

// CountDecline counts a payment that was declined, once for each notice, and
// returns how full the breaker's bucket was and is. It stands in a transaction of
// its own: buckets are nobody's rows. When it is forgotten who tried, nothing is
// counted: nor would it be known any more that the notice was counted before.
func (t *Tx) CountDecline(p Payment, o Outcome) (was, is time.Duration, counted bool, err error) {
	keys, err := t.limits()
	if err != nil {
		return 0, 0, false, err
	}
	tried, there, err := t.remembered(keys, p)
	if err != nil || !there {
		return 0, 0, false, err
	}
	if first, err := t.firstNotice(keys, o); err != nil || !first {
		return 0, 0, false, err
	}
	card := bucketOf(keys.today, abuse.CardDeclines, []byte(o.Card))
	before, err := t.added(abuse.CardDeclines, card, abuse.CardDeclines.Weight().One)
	if err != nil {
		return 0, 0, false, err
	}
	adds := abuse.Decline(before-abuse.CardDeclines.Weight().One, o.Small)
	for _, b := range []struct {
		kind abuse.Kept
		name []byte
	}{{abuse.CartDeclines, bucketOf(keys.today, abuse.CartDeclines, []byte(p.Owner))}, {abuse.SourceDeclines, tried.source}, {abuse.MailboxDeclines, tried.mailbox}, {abuse.AccountDeclines, tried.account}, {abuse.AllDeclines, openBucket(abuse.AllDeclines)}} {
		if is, err = t.added(b.kind, b.name, adds[b.kind]); err != nil {
			return 0, 0, false, err
		}
	}
	return max(0, is-adds[abuse.AllDeclines]), is, true, nil
}

// attempted is who tried to pay, as buckets of the day it was on.
type attempted struct{ source, mailbox, account []byte }

// remembered finds who tried, while the key of that day is there.
func (t *Tx) remembered(keys *limitKeys, p Payment) (who attempted, there bool, err error) {
	err = t.row(`SELECT source, mailbox, account FROM abuse_tries WHERE owner = $1 AND payment = $2 AND day > $3`, p.Owner, p.ID, keys.day-limitKeysKept).
		Scan(&who.source, &who.mailbox, &who.account)
	if errors.Is(err, sql.ErrNoRows) {
		return attempted{}, false, nil
	}
	return who, err == nil, err
}

// added puts more into a bucket and returns how full it is then.
func (t *Tx) added(k abuse.Kept, name []byte, more time.Duration) (time.Duration, error) {
	if len(name) == 0 || more == 0 {
		return 0, nil
	}
	var empty int64
	err := t.row(`INSERT INTO abuse_buckets (bucket, kind, empty_at) VALUES ($1, $2, CAST($3 AS BIGINT) + CAST($4 AS BIGINT))
		ON CONFLICT (bucket) DO UPDATE SET empty_at = CASE
			WHEN abuse_buckets.empty_at <= CAST($3 AS BIGINT) THEN CAST($3 AS BIGINT) + CAST($4 AS BIGINT)
			WHEN abuse_buckets.empty_at + CAST($4 AS BIGINT) > CAST($5 AS BIGINT) THEN CAST($5 AS BIGINT)
			ELSE abuse_buckets.empty_at + CAST($4 AS BIGINT) END
		RETURNING empty_at`, name, string(k), ms(t.now), more.Milliseconds(), ms(t.now.Add(k.Weight().Most))).Scan(&empty)
	if err != nil {
		return 0, fmt.Errorf("fill a bucket: %w", err)
	}
	return when(empty).Sub(t.now), nil
}

// firstNotice reports that a provider's notice was not counted before: under the
// key of today, or of yesterday, since notices come again across midnight too.
func (t *Tx) firstNotice(keys *limitKeys, o Outcome) (bool, error) {
	name := func(key seal.MacKey) []byte {
		mac := key.Sum("notice v1", []byte(o.Provider), []byte(o.Notice))
		return mac[:]
	}
	n, err := t.exec(`INSERT INTO abuse_buckets (bucket, kind, empty_at) SELECT $1, 'notice', $3 WHERE NOT EXISTS (SELECT 1 FROM abuse_buckets WHERE bucket = $2) ON CONFLICT (bucket) DO NOTHING`,
		name(keys.today), name(keys.yesterday), ms(t.now.Add(limitKeysKept*24*time.Hour)))
	if err != nil {
		return false, fmt.Errorf("count a notice: %w", err)
	}
	return n == 1, nil
}

// Outweighs reports whether an approval of a payment would take anything out of
// a bucket. In quiet times it does not, and costs no change.
func (v *View) Outweighs(p Payment) (bool, error) {
	var n int64
	err := v.row(`SELECT count(*) FROM abuse_buckets WHERE empty_at > $1 AND (bucket = $2 OR bucket IN (SELECT source FROM abuse_tries WHERE owner = $3 AND payment = $4))`,
		ms(v.now), openBucket(abuse.AllDeclines), p.Owner, p.ID).Scan(&n)
	return n > 0, err
}

// CountApproval takes out of the buckets what an approval outweighs, once for
// each notice.
func (t *Tx) CountApproval(p Payment, o Outcome) error {
	overall, err := t.Overall()
	if err != nil {
		return err
	}
	less := abuse.Approval(o.Small, overall[abuse.AllDeclines])
	if len(less) == 0 {
		return nil
	}
	keys, err := t.limits()
	if err != nil {
		return err
	}
	tried, there, err := t.remembered(keys, p)
	if err != nil || !there {
		return err
	}
	if first, err := t.firstNotice(keys, o); err != nil || !first {
		return err
	}
	for _, b := range []struct {
		kind abuse.Kept
		name []byte
	}{{abuse.SourceDeclines, tried.source}, {abuse.AllDeclines, openBucket(abuse.AllDeclines)}} {
		if len(b.name) == 0 {
			continue
		}
		if _, err := t.exec(`UPDATE abuse_buckets SET empty_at = empty_at - $2 WHERE bucket = $1 AND empty_at > $3`, b.name, less[b.kind].Milliseconds(), ms(t.now)); err != nil {
			return fmt.Errorf("empty a bucket: %w", err)
		}
	}
	return nil
}

// SweepAbuse forgets empty buckets, and the keys of days that are over with all
// that was counted under them. The key of a day's holds goes with the last of them.
func (t *Tx) SweepAbuse() error {
	first := dayOf(t.now) - limitKeysKept + 1
	for _, q := range []struct {
		query string
		arg   int64
	}{
		{`DELETE FROM abuse_buckets WHERE empty_at <= $1`, ms(t.now)},
		{`DELETE FROM abuse_tries WHERE day < $1`, first},
		{`DELETE FROM limit_keys WHERE day < $1`, first},
		{`DELETE FROM hold_keys WHERE day < $1 AND NOT EXISTS (SELECT 1 FROM holds WHERE holds.day = hold_keys.day)`, first},
	} {
		if _, err := t.exec(q.query, q.arg); err != nil {
			return fmt.Errorf("sweep buckets: %w", err)
		}
	}
	return nil
}
