package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// Keys are the shop's own secrets, opened once at start from the shop's dossier.
type Keys struct {
	Token   seal.MacKey // cart and order tokens, idempotency keys and requests, what tries are counted by
	Ledger  []byte      // seed of the key that signs checkpoints
	Sandbox []byte      // shared with the make-believe payment provider; demo only
}

// forget wipes what can be wiped from here and lets go of the rest.
func (k *Keys) forget() {
	clear(k.Ledger)
	clear(k.Sandbox)
	*k = Keys{}
}

// Keys returns the shop's secrets.
func (db *DB) Keys() Keys { return db.keys }

const (
	secretToken   = "token"
	secretIndex   = "index"
	secretLedger  = "ledger"
	secretSandbox = "sandbox"
)

// secrets lists what a shop cannot be opened without. The keys of blind indexes
// are not among them: a restored shop draws its own.
var secrets = []string{secretToken, secretLedger, secretSandbox}

// Essential reports whether a case of the shop's own dossiers is one that it
// cannot be opened without.
func Essential(caseID string) bool { return slices.Contains(secrets, caseID) }

// loadKeys opens the shop's secrets. A new database gets them; a database
// whose secrets don't open under the given ring is refused unchanged.
func (db *DB) loadKeys(ctx context.Context) error {
	if db.ring == nil {
		return nil
	}
	err := db.InTx(ctx, ledger.System("start"), func(t *Tx) error {
		var owner string
		err := t.row(`SELECT value FROM settings WHERE name = 'shop.id'`).Scan(&owner)
		if errors.Is(err, sql.ErrNoRows) {
			if err := t.foundShop(); err != nil {
				return err
			}
		} else if err != nil {
			return fmt.Errorf("read the shop's id: %w", err)
		}
		raw := map[string][]byte{}
		for _, name := range secrets {
			if raw[name], err = t.secret(name); err != nil {
				return misfit(name, err)
			}
		}
		defer clear(raw[secretToken])
		k := Keys{Ledger: raw[secretLedger], Sandbox: raw[secretSandbox]}
		if k.Token, err = seal.NewMacKey(raw[secretToken]); err != nil {
			return err
		}
		db.keys = k
		return t.haveIndexKey()
	})
	if err != nil {
		return err
	}
	return db.View(ctx, func(v *View) error {
		_, err := v.living() // not before they are there for good
		return err
	})
}

// haveIndexKey draws an index key for a database that was restored and has none.
func (t *Tx) haveIndexKey() error {
	list, err := t.IndexKeys()
	if err != nil || len(list) > 0 {
		return err
	}
	if err := t.drawIndexKey(1, time.Time{}); err != nil {
		return err
	}
	return t.indexEvent("keys.begun", 1)
}

// checkKeys refuses a ring that does not open the secrets of a database that is
// there already, before a migration changes anything in it.
func (db *DB) checkKeys(ctx context.Context) error {
	if db.ring == nil {
		return nil
	}
	var owner string
	if err := db.pool.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = 'shop.id'`).Scan(&owner); err != nil {
		return nil // no shop yet; what else is wrong, the migration says
	}
	return db.View(ctx, func(v *View) error {
		secret, err := v.secret(secretToken)
		clear(secret)
		return misfit(secretToken, err)
	})
}

func misfit(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the key store does not fit this database (secret %q): %w", name, err)
}

// foundShop writes what every shop starts with: its id, its secrets and the
// empty tree of its ledger.
func (t *Tx) foundShop() error {
	if _, err := t.exec(`INSERT INTO settings (name, value) VALUES ('shop.id', $1)`, t.db.shop); err != nil {
		return fmt.Errorf("found the shop: %w", err)
	}
	if _, err := t.exec(`INSERT INTO tree (id, origin, size) VALUES (1, $1, 0)`, ledgerOrigin(t.db.shop)); err != nil {
		return fmt.Errorf("begin the ledger: %w", err)
	}
	for _, name := range secrets {
		key := seal.NewKey()
		err := t.putSecret(name, key)
		clear(key)
		if err != nil {
			return err
		}
	}
	if err := t.drawIndexKey(1, t.now); err != nil {
		return err
	}
	return t.Event("shop.founded", "", "", "")
}

func (t *Tx) putSecret(name string, value []byte) error {
	d, err := t.dossier(t.db.shop, personal.ShopSecrets, name, t.now.AddDate(1000, 0, 0))
	if err != nil {
		return fmt.Errorf("dossier of secret %q: %w", name, err)
	}
	sealed, err := personal.Secret.Seal(d, name, value)
	if err != nil {
		return fmt.Errorf("seal secret %q: %w", name, err)
	}
	_, err = t.exec(`INSERT INTO secrets (subject, name, version, sealed) VALUES ($1, $2, 1, $3)`, t.db.shop, name, sealed)
	return err
}

func (v *View) secret(name string) ([]byte, error) {
	var sealed []byte
	if err := v.row(`SELECT sealed FROM secrets WHERE subject = $1 AND name = $2 ORDER BY version DESC LIMIT 1`, v.db.shop, name).Scan(&sealed); err != nil {
		return nil, err
	}
	f, err := v.folder(v.db.shop, name)
	if err != nil {
		return nil, err
	}
	return personal.Secret.Open(f.open(personal.ShopSecrets), name, sealed)
}
