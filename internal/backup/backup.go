// Package backup makes copies of a shop that forget: a copy is two parts, and an
// old data part opens with the newest key part only.
//
// The data part is a snapshot of every row but the wraps of dossiers; the key
// part, taken after it, is those wraps and what is left of destroyed dossiers. A
// restore pairs a data part with the newest key part there is: whoever was
// erased since has no key in it, and stays erased. Neither part holds an epoch
// key, so neither opens without the shop's key store.
//
//	cartkeep-SHOP8-TIME.data   age( zstd( header, tables and rows, signed manifest ) )
//	cartkeep-SHOP8-TIME.keys   the same, with dossiers and the erasure journal as its tables
//
// The two are sealed to different age identities. age seals chunks of 64 KiB,
// each with its place and the last one marked, so a changed, missing or moved
// byte is found where it is.
//
// The package knows parts, pairs and what a restore does step by step. It does
// not know SQL (store does) or where key files lie (app does). Start reading at
// format.go, then create.go and restore.go.
package backup

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The kinds of part.
const (
	Data = "data"
	Keys = "keys"
)

// Errors that callers branch on.
var (
	// ErrIdentity means that no identity at hand opens a part.
	ErrIdentity = errors.New("no identity at hand opens it")
	// ErrDamaged means bytes that are not what was written.
	ErrDamaged = errors.New("it is damaged")
	// ErrNewer means a part that a newer Cartkeep has made.
	ErrNewer = errors.New("a newer Cartkeep has made it")
)

const stamp = "20060102T150405.000Z"

// short is what stands of a shop's id in the names of its parts: the last digits,
// which are random ones.
func short(shop string) string {
	id := strings.ReplaceAll(shop, "-", "")
	return id[len(id)-8:]
}

// name is what a part is called.
func name(shop string, at time.Time, part string) string {
	return fmt.Sprintf("cartkeep-%s-%s.%s", short(shop), at.UTC().Format(stamp), part)
}

// parseName reads what name wrote, as far as it goes.
func parseName(s string) (shop8 string, at time.Time, part string, ok bool) {
	rest, ok := strings.CutPrefix(s, "cartkeep-")
	if !ok {
		return
	}
	shop8, rest, ok = strings.Cut(rest, "-")
	if !ok || len(shop8) != 8 {
		return "", at, "", false
	}
	i := strings.LastIndexByte(rest, '.')
	if i < 0 {
		return "", at, "", false
	}
	at, err := time.Parse(stamp, rest[:i])
	if part = rest[i+1:]; err != nil || part != Data && part != Keys {
		return "", at, "", false
	}
	return shop8, at, part, true
}
