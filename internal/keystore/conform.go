package keystore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
)

// Conform tries a provider out with two keys of its own, which it deletes again,
// and says the first thing that is not as it has to be.
func Conform(ctx context.Context, w Wrapper) (err error) {
	one, two := "cartkeep-try-"+rand.Text(), "cartkeep-try-"+rand.Text()
	defer func() { err = errors.Join(err, w.Delete(ctx, one), w.Delete(ctx, two)) }()
	secret := make([]byte, 32)
	rand.Read(secret)
	wrapped := map[string][]byte{}
	for _, key := range []string{one, two} {
		if err := w.New(ctx, key); err != nil {
			return fmt.Errorf("make a key: %w", err)
		}
		if err := w.New(ctx, key); err != nil {
			return fmt.Errorf("make a key that is there: %w", err)
		}
		if wrapped[key], err = w.Wrap(ctx, key, secret); err != nil {
			return fmt.Errorf("wrap: %w", err)
		}
		if bytes.Contains(wrapped[key], secret) {
			return errors.New("what it wrapped can be read")
		}
		got, err := w.Unwrap(ctx, key, wrapped[key])
		if err != nil || !bytes.Equal(got, secret) {
			return fmt.Errorf("unwrap: it gives something else back (%v)", err)
		}
	}
	if got, err := w.Unwrap(ctx, two, wrapped[one]); err == nil {
		return fmt.Errorf("one key unwraps what another has wrapped (%d bytes)", len(got))
	}
	for at := range wrapped[one] {
		broken := bytes.Clone(wrapped[one])
		broken[at] ^= 1
		if got, err := w.Unwrap(ctx, one, broken); err == nil && !bytes.Equal(got, secret) {
			return fmt.Errorf("with byte %d changed it unwraps something else", at)
		}
		if at == 32 {
			break // a service may charge for each question
		}
	}
	if err := w.Delete(ctx, one); err != nil {
		return fmt.Errorf("delete a key: %w", err)
	}
	if _, err := w.Unwrap(ctx, one, wrapped[one]); err == nil {
		return errors.New("a deleted key unwraps")
	}
	if err := w.Delete(ctx, one); err != nil {
		return fmt.Errorf("delete a key that is gone: %w", err)
	}
	if got, err := w.Unwrap(ctx, two, wrapped[two]); err != nil || !bytes.Equal(got, secret) {
		return fmt.Errorf("the other key is gone too (%v)", err)
	}
	return nil
}
