package keylife

import "time"

// SetGrace shortens the wait for other nodes.
func (k *Keeper) SetGrace(d time.Duration) { k.grace = d }
