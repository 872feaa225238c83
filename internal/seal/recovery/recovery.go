// Package recovery makes and opens the recovery file: the living epoch keys of a
// shop, sealed for people who keep what opens it away from the machine.
//
// The file is an age file (age-encryption.org/v1). What is inside is a key file,
// so that whoever has the identity needs no Cartkeep to get it out:
//
//	age --decrypt -i identity.txt shop.key.recovery > shop.key
//
// It is rewritten at each epoch and replaces the one before, so that a destroyed
// epoch is in no recovery file of ours. An identity outlives all epochs; it can be
// split so that several people have to come together (share.go).
//
// The package knows the file and the shares. It does not know who the people are,
// when an epoch begins, or where files go.
package recovery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Errors that callers branch on.
var (
	// ErrRecipient means a text that is no age recipient.
	ErrRecipient = errors.New("not an age recipient: it begins with age1")
	// ErrIdentity means that no given identity opens the file: its first lines say
	// for whom it is, and a changed one names nobody.
	ErrIdentity = errors.New("the recovery file is for another identity, or its first lines are damaged")
	// ErrDamaged means the file is not what was written.
	ErrDamaged = errors.New("the recovery file is damaged")
)

// MaxFile bounds a recovery file, in bytes.
const MaxFile = 1 << 20

// Recipients reads who may open a recovery file: age recipients, one a line.
// Empty lines and those that begin with # say nothing.
func Recipients(text string) ([]string, error) {
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := age.ParseRecipients(strings.NewReader(line)); err != nil {
			return nil, fmt.Errorf("line %q: %w", line, ErrRecipient) // a public key: nothing secret
		}
		out = append(out, line)
	}
	return out, nil
}

// Seal writes a recovery file for recipients. keys is the text of a key file.
func Seal(w io.Writer, keys []byte, recipients []string) error {
	to, err := age.ParseRecipients(strings.NewReader(strings.Join(recipients, "\n")))
	if err != nil || len(to) == 0 {
		return ErrRecipient
	}
	sealed, err := age.Encrypt(w, to...)
	if err != nil {
		return fmt.Errorf("seal the recovery file: %w", err) // such as recipients of kinds that do not mix
	}
	_, err = sealed.Write(keys)
	return errors.Join(err, sealed.Close())
}

// Open gives the key file in a recovery file. identities are age identities, one
// a line. The caller wipes what it gets.
func Open(file io.Reader, identities []byte) ([]byte, error) {
	ids, err := age.ParseIdentities(bytes.NewReader(identities))
	if err != nil {
		return nil, errors.New("not an age identity: it begins with AGE-SECRET-KEY-1")
	}
	opened, err := age.Decrypt(io.LimitReader(file, MaxFile), ids...)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, ErrIdentity
	}
	if err != nil {
		return nil, ErrDamaged
	}
	keys, err := io.ReadAll(opened)
	if err != nil {
		clear(keys)
		return nil, ErrDamaged
	}
	return keys, nil
}
