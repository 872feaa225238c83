// Package passkey knows the ceremonies of WebAuthn (Level 3): how a device is
// enrolled, and how it later proves that it is there. Bytes go in, bytes come
// out.
//
// A ceremony has two halves. Begin… gives options, JSON for the browser, and a
// state, which the caller keeps sealed and uses once. Finish… takes that state
// and what the browser answered. Between them the package compares all that
// the standard asks for: challenge, kind, origin, the shop's id, presence,
// verification of the person, owner, allow list, counter, signature and time.
//
// It does not know where keys are kept, who is signed in or how a page looks.
// Two things are therefore the caller's: that a state is used once and only
// where it began, and that no two accounts hold a credential with one ID.
//
// Keys and signatures (COSE, CBOR) are go-webauthn's, and nothing outside of
// this package sees it. Of its larger half, which reads makers' certificates at
// every start of the program, only the tests make use: what is accepted here
// must be accepted there.
//
// Statements about a device's maker are neither asked for nor believed. Passkeys
// that a cloud copies to other devices are welcome.
//
// Start reading at Party.BeginRegister and Party.FinishSignIn.
package passkey

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What holds for every ceremony.
const (
	Life        = 5 * time.Minute // from Begin to Finish
	MaxResponse = 16 << 10        // bytes of an answer; real ones stay below 2 KiB
	MaxKeys     = 64              // keys of one account in one ceremony
)

// Config says for whom the ceremonies are.
type Config struct {
	// RPID is the domain that passkeys belong to: the shop's own, or
	// "localhost". Whoever changes it later makes every passkey useless. Needed.
	RPID string

	// RPName is the shop's name, which devices may show. Needed.
	RPName string

	// Origins are the exact origins of pages that may run a ceremony, such as
	// https://shop.example. Each is https and at RPID or below it. Needed.
	Origins []string

	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Party is the shop as devices see it. It may be used by many at once.
type Party struct {
	id, name string
	hash     [sha256.Size]byte
	origins  []string
	now      func() time.Time
}

// New checks a configuration whole and reports all that is wrong with it.
func New(c Config) (*Party, error) {
	var wrong []error
	if !isDomain(c.RPID) {
		wrong = append(wrong, errors.New("passkey: the shop's id must be a domain in small letters or localhost, never an address"))
	}
	if strings.TrimSpace(c.RPName) == "" {
		wrong = append(wrong, errors.New("passkey: the shop's name is missing"))
	}
	if len(c.Origins) == 0 {
		wrong = append(wrong, errors.New("passkey: no origin is named"))
	}
	for _, o := range c.Origins {
		if err := checkOrigin(o, c.RPID); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Party{id: c.RPID, name: c.RPName, hash: sha256.Sum256([]byte(c.RPID)),
		origins: slices.Clone(c.Origins), now: c.Now}, nil
}

// isDomain takes names as browsers write them: ASCII, small, labels between dots.
func isDomain(name string) bool {
	if name == "localhost" {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil || len(name) > 253 || !strings.Contains(name, ".") {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
		last = label
	}
	return strings.Trim(last, "0123456789") != "" // 192.0.2 and its like are addresses to browsers
}

// checkOrigin wants the very bytes that a browser will name.
func checkOrigin(origin, id string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" || "https://"+u.Host != origin || !isDomain(u.Hostname()) || u.Port() == "443" ||
		strings.HasSuffix(u.Host, ":") {
		return fmt.Errorf("passkey: the origin %q is not written as browsers do, such as https://shop.example", origin)
	}
	if host := u.Hostname(); host != id && !strings.HasSuffix(host, "."+id) {
		return fmt.Errorf("passkey: the origin %q is neither at %q nor below it", origin, id)
	}
	return nil
}

// User is an account as a device keeps it. It prints as [user].
type User struct {
	// ID is the account's random id, at most 64 bytes. Devices keep it and
	// anybody at the device can read it, so it says nothing about the person.
	ID []byte
	// Name and Shown tell accounts apart in the device's list: a mail address
	// and a person's name, say. They leave the shop for that device only.
	Name, Shown string
}

// Format keeps names out of whatever is printed.
func (User) Format(f fmt.State, _ rune) { f.Write([]byte("[user]")) }

// Endpoints is the document at /.well-known/passkey-endpoints of the domain
// RPID: where a password manager sends a person to add and to manage passkeys.
// The paths are those of the first origin.
func (p *Party) Endpoints(enroll, manage string) ([]byte, error) {
	for _, path := range []string{enroll, manage} {
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
			return nil, errors.New("passkey: an endpoint is a path that begins with one slash")
		}
	}
	return json.Marshal(struct {
		Enroll string `json:"enroll"`
		Manage string `json:"manage"`
	}{p.origins[0] + enroll, p.origins[0] + manage})
}
