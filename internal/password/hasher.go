package password

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"
)

// Hasher hashes passwords and compares them. Make one for the program.
//
// Time is held equal like this. Every comparison does at least the present
// work: a hash made with less is topped up by hashing on for the difference,
// and an account that does not exist is only the topping up. A hash that was
// made with more work than the present one (by a faster machine) raises the
// present work for everybody. Work is memory times passes, and all that we make
// have the same memory. Hashing lets everything else go first (see aside).
type Hasher struct {
	desk    *desk
	present atomic.Pointer[Params]
	calm    calm
	derive  deriver
}

// NewHasher makes a hasher with as many places as the machine has room for
// (see [Places]), or as many as slots says when that is not zero.
func NewHasher(slots int) *Hasher {
	if slots <= 0 {
		slots = Places()
	}
	h := &Hasher{desk: newDesk(slots), derive: derive}
	floor := Floor
	h.present.Store(&floor)
	return h
}

// Present is the work that new hashes take.
func (h *Hasher) Present() Params { return *h.present.Load() }

// Raise makes new hashes take the work of p, unless that is less than now or
// outside the bounds. It never lowers: what was calibrated once is to be kept
// by the caller and given here at the next start, or a slow minute at start
// would make new hashes weak and old ones stand out.
func (h *Hasher) Raise(p Params) {
	if p.Memory != Floor.Memory || !p.sane() {
		return
	}
	for {
		now := h.present.Load()
		if p.Passes <= now.Passes || h.present.CompareAndSwap(now, &p) {
			return
		}
	}
}

// Hash makes the text to be kept for a new password.
func (h *Hasher) Hash(ctx context.Context, who Priority, p Password) (string, error) {
	if p.IsZero() {
		return "", errors.New("password: there is none to hash")
	}
	leave, err := h.enter(ctx, who)
	if err != nil {
		return "", err
	}
	defer leave()
	var text string
	aside(func() { text = newKept(h.derive, p, h.Present()).String() })
	return text, nil
}

// Verify compares a password with what was kept for it. old says that the hash
// took less work than a new one would: hash the password again now that it is
// there. An error is neither a failed attempt nor a pass.
func (h *Hasher) Verify(ctx context.Context, who Priority, encoded string, p Password) (ok, old bool, err error) {
	k, err := parseKept(encoded)
	if err != nil {
		return false, false, err
	}
	leave, err := h.enter(ctx, who)
	if err != nil {
		return false, false, err
	}
	defer leave()
	h.Raise(k.params)
	present := h.Present()
	aside(func() {
		ok = k.is(h.derive, p)
		h.topUp(p, present, k.params)
	})
	return ok, k.params.work() < present.work(), nil
}

// VerifyNobody takes the place of Verify when there is no account, or it has no
// password. It costs the same and its answer is always no.
func (h *Hasher) VerifyNobody(ctx context.Context, who Priority, p Password) error {
	leave, err := h.enter(ctx, who)
	if err != nil {
		return err
	}
	defer leave()
	aside(func() { h.topUp(p, h.Present(), Params{Memory: Floor.Memory}) })
	return nil
}

// topUp does the work that is missing to present.
func (h *Hasher) topUp(p Password, present, done Params) {
	missing := int64(present.work()) - int64(done.work())
	passes := math.Round(float64(missing) / float64(present.Memory))
	if passes < 1 {
		return
	}
	var salt [saltSize]byte
	clear(h.derive(p, salt[:], Params{Memory: present.Memory, Passes: uint32(passes)}))
}

// calibrated is the most that a fast machine is given: more would be felt at
// sign-in and gain little.
const calibrated = 8

// Calibrate measures this machine and raises the work to what fits into the
// budget. It takes a place like any hash, and less than 100 ms on a machine
// that needs 25 ms for the least work. Nobody has to wait for it: until it has
// run, the least work is done, which is good.
func (h *Hasher) Calibrate(ctx context.Context, budget time.Duration) (Params, error) {
	leave, err := h.enter(ctx, Known)
	if err != nil {
		return Params{}, err
	}
	defer leave()
	usual := of([]byte("a password of usual length"))
	best := time.Duration(math.MaxInt64)
	for range 2 {
		start := time.Now()
		h.derive(usual, make([]byte, saltSize), Floor)
		best = min(best, time.Since(start))
	}
	pass := max(best/time.Duration(Floor.Passes), 1)
	h.Raise(Params{Memory: Floor.Memory, Passes: uint32(min(max(int64(budget/pass), int64(Floor.Passes)), calibrated))})
	return h.Present(), nil
}

// enter waits for a place.
func (h *Hasher) enter(ctx context.Context, who Priority) (leave func(), err error) {
	if err := h.desk.enter(ctx, who); err != nil {
		return nil, err
	}
	start := time.Now()
	return func() {
		h.desk.leave(time.Since(start))
		h.calm.stir()
	}, nil
}
