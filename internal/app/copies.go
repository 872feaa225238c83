package app

import (
	"context"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/store"
)

// warnOfCopies says what copies of the database, made by others, outlive what epochs wait
// for, as far as that can be seen from here.
func (o *operating) warnOfCopies(ctx context.Context) error {
	var c store.Copying
	err := o.vault.db.View(ctx, func(v *store.View) (err error) {
		c, err = v.Copying()
		return err
	})
	if err != nil {
		return err
	}
	warn := func(format string, args ...any) { fmt.Fprintf(o.err, "cartkeep: "+format+"\n", args...) }
	const say = "what was erased opens from its copies for as long as they last: say for how many days that is, with copies-kept"
	if o.vault.copiesKept == 0 && c.Archive {
		warn("PostgreSQL archives its log (archive_mode); %s", say)
	}
	if o.vault.copiesKept == 0 && c.Shadow != "" {
		warn("Litestream copies the database (%s is there); %s", c.Shadow, say)
	}
	for _, name := range c.IdleSlots {
		warn("nobody reads the replication slot %q: PostgreSQL keeps its log for it, erased persons included, without end; drop it", name)
	}
	return nil
}
