package smtp

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"os"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/wneessen/go-mail"
)

// DKIM is what letters are signed with (RFC 6376; RFC 8463 for Ed25519).
type DKIM struct {
	Domain, Selector string
	Key              crypto.Signer
}

// minRSA is the least length of an RSA key that receivers have to accept and
// that is not too short (RFC 8301, 3.2).
const minRSA = 2048

// ReadKey reads a private key for DKIM from a PEM file: Ed25519 or RSA, PKCS #8
// or PKCS #1.
func ReadKey(path string) (crypto.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New("the key file of DKIM cannot be read")
	}
	defer clear(text)
	key, err := mail.PrivKeyFromPEM(text)
	if err != nil {
		return nil, errors.New("the key file of DKIM holds no PEM private key, Ed25519 or RSA")
	}
	return key, nil
}

// check wants a key that receivers accept, and a domain that From belongs to:
// DMARC counts no other signature (RFC 7489, 3.1, "alignment").
func (d *DKIM) check(from string) error {
	switch key := d.Key.(type) {
	case ed25519.PrivateKey:
	case *rsa.PrivateKey:
		if key.N.BitLen() < minRSA {
			return errors.New("the RSA key of DKIM is shorter than 2048 bits")
		}
	default:
		return errors.New("the key of DKIM is neither Ed25519 nor RSA")
	}
	if !hostName(d.Domain) || !hostName(d.Selector) {
		return errors.New("DKIM needs a domain and a selector")
	}
	domain := strings.ToLower(from[strings.LastIndexByte(from, '@')+1:])
	if own := strings.ToLower(d.Domain); domain != own && !strings.HasSuffix(domain, "."+own) {
		return errors.New("the domain of DKIM is not that of the address letters come from; receivers would count no signature")
	}
	return nil
}

// signed are the fields a signature covers. Those that stand twice can't be
// added to a letter afterwards: a mail program might show the other one.
var signed = []string{"From", "From", "To", "To", "Subject", "Subject", "Reply-To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}

// sign puts the signature before a letter; without a key it is left as it is.
func (d *DKIM) sign(letter []byte) ([]byte, error) {
	if d == nil {
		return letter, nil
	}
	var out bytes.Buffer
	err := dkim.Sign(&out, bytes.NewReader(letter), &dkim.SignOptions{Domain: d.Domain, Selector: d.Selector, Signer: d.Key, Hash: crypto.SHA256,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed, HeaderKeys: signed})
	return out.Bytes(), err
}
