package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Verify tries a backup: it restores it into a scratch place with a ring that is
// in memory alone, opens every value that has an index and all of some orders and files, checks the ledger and
// throws the scratch away. It writes to no key store.
func Verify(ctx context.Context, src Source, from *seal.Ring) (out Restored, err error) {
	dir, err := os.MkdirTemp("", "cartkeep-verify-*")
	if err != nil {
		return out, fmt.Errorf("scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ring, err := seal.Open(ctx, seal.NewMemory())
	if err != nil {
		return out, err
	}
	defer ring.Close()
	head, err := src.Head(ctx)
	if err != nil {
		return out, err
	}
	if _, err := ring.NewEpoch(ctx, head.At); err != nil {
		return out, err
	}
	into := store.Config{Database: filepath.Join(dir, "shop.db"), Ring: ring, ShopID: store.NewID(), Scratch: true}
	out, err = Restore(ctx, src, from, into, ledger.System("verify"))
	if err == nil && out.Shut > 0 {
		err = fmt.Errorf("%s: %w: %d values do not open though their keys are there", src.data(), ErrDamaged, out.Shut)
	}
	return out, err
}
