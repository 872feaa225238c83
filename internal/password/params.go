package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Params is the work that one hash takes. Lanes are always one: a second would
// give a thief with many cores more than it gives us.
type Params struct {
	Memory uint32 // KiB
	Passes uint32
}

// Floor is the least work there is: 19 MiB and two passes, as OWASP says.
var Floor = Params{Memory: 19 << 10, Passes: 2}

// What is believed of a stored hash. Somebody who can write to the database
// must not be able to make a sign-in take a gigabyte or an hour.
const (
	memoryMost  = 64 << 10
	memoryLeast = 8 << 10
	passesMost  = 16
)

const (
	saltSize = 16
	sumSize  = 32
)

// work is what takes the time: blocks written.
func (p Params) work() uint64 { return uint64(p.Memory) * uint64(p.Passes) }

func (p Params) sane() bool {
	return p.Memory >= memoryLeast && p.Memory <= memoryMost && p.Passes >= 1 && p.Passes <= passesMost
}

// kept is a hash as it is stored:
//
//	ck1-nfc$argon2id$v=19$m=19456,t=2,p=1$SALT$SUM
//
// The first word is ours: version 1, and the password was in form NFC. The rest
// is the PHC string format. Salt and sum are base64 without padding.
type kept struct {
	params Params
	salt   []byte // 16 bytes
	sum    []byte // 32 bytes
}

const (
	keptHead = "ck1-nfc$argon2id$v=19$"
	keptMost = 160 // bytes of a stored hash that are looked at
)

// errKept says nothing of what stood there.
var errKept = errors.New("password: what is stored is no hash of ours")

func (k kept) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("%sm=%d,t=%d,p=1$%s$%s", keptHead, k.params.Memory, k.params.Passes, b64(k.salt), b64(k.sum))
}

// parseKept reads what String wrote and nothing else.
func parseKept(text string) (kept, error) {
	rest, ours := strings.CutPrefix(text, keptHead)
	parts := strings.Split(rest, "$")
	if !ours || len(text) > keptMost || len(parts) != 3 {
		return kept{}, errKept
	}
	var k kept
	numbers := strings.Split(parts[0], ",")
	if len(numbers) != 3 || numbers[2] != "p=1" {
		return kept{}, errKept
	}
	for i, want := range []struct {
		name string
		to   *uint32
	}{{"m=", &k.params.Memory}, {"t=", &k.params.Passes}} {
		digits, named := strings.CutPrefix(numbers[i], want.name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !named || err != nil {
			return kept{}, errKept
		}
		*want.to = uint32(n)
	}
	var err, err2 error
	k.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[1])
	k.sum, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[2])
	if err != nil || err2 != nil || len(k.salt) != saltSize || len(k.sum) != sumSize || !k.params.sane() || k.String() != text {
		return kept{}, errKept
	}
	return k, nil
}

// newKept hashes a password afresh.
func newKept(derive deriver, p Password, params Params) kept {
	k := kept{params: params, salt: make([]byte, saltSize)}
	rand.Read(k.salt) // never fails: the program ends when the system has no randomness
	k.sum = derive(p, k.salt, params)
	return k
}

// is compares in a time that tells nothing of where the two differ.
func (k kept) is(derive deriver, p Password) bool {
	sum := derive(p, k.salt, k.params)
	defer clear(sum)
	return subtle.ConstantTimeCompare(sum, k.sum) == 1 && !p.IsZero()
}

// deriver is what all hashing goes through, so that a test can count the work.
type deriver func(p Password, salt []byte, params Params) []byte

func derive(p Password, salt []byte, params Params) []byte {
	return argon2.IDKey(p.bytes(), salt, params.Passes, params.Memory, 1, sumSize)
}
