package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/keylife"
)

type keysResealCmd struct{}

// Run seals everything anew.
func (keysResealCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	args := map[string]string{}
	if terminal(p.Err) {
		args["bar"] = "yes"
	}
	return carryOut(ctx, p, set, call{Name: "keys reseal", Args: args}, nil)
}

// keysReseal asks for everything to be sealed anew, and does it.
func (o *operating) keysReseal(ctx context.Context, bar bool) error {
	if err := o.vault.life.ResealAll(ctx, o.actor); err != nil {
		return err
	}
	show := progress(o.err, bar)
	done, err := o.vault.life.Reseal(ctx, keylife.Calm, show)
	if bar && done.Done > 0 {
		fmt.Fprintln(o.err)
	}
	if err != nil {
		return fmt.Errorf("sealing anew stopped; a running shop goes on with it by itself within the hour: %w", err)
	}
	fmt.Fprintf(o.out, "cartkeep: %s sealed anew; the old keys are kept for backups, and then go\n", many(int(done.Done), "dossier"))
	if done.Left > 0 {
		return errors.Join(fmt.Errorf("%s stayed as they were, since something in them does not open; the log names them", many(int(done.Left), "dossier")), statusError(1))
	}
	return nil
}

// resealLine is how far sealing anew is, as JSON.
type resealLine struct {
	Left    int64      `json:"to_reseal"`
	Retired int64      `json:"retired"`
	Until   *time.Time `json:"until,omitempty"`
}

// resealList tells of what is being sealed anew and of the keys from before, where
// there are any.
func (o *operating) resealList(ctx context.Context, lines bool) error {
	r, err := o.vault.life.Resealing(ctx)
	if err != nil || r.Left == 0 && r.Retired == 0 {
		return err
	}
	if lines {
		return json.NewEncoder(o.out).Encode(resealLine{r.Left, r.Retired, date(r.Until)})
	}
	if r.Left > 0 {
		fmt.Fprintf(o.out, "%s to be sealed anew\n", many(int(r.Left), "dossier"))
	}
	if r.Retired > 0 {
		fmt.Fprintf(o.out, "%s from before sealing anew, kept for backups until %s\n", many(int(r.Retired), "key"), r.Until.Format(time.DateOnly))
	}
	return nil
}
