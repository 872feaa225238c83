package keyfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal"
)

const (
	firstLine = "cartkeep key file v1"
	hint1     = "# This file holds the keys of a Cartkeep shop. Without it nobody, not even you, can read what the shop's customers entrusted to it:"
	hint2     = "# keep it secret, keep a copy apart from the database and its backups, and do not edit it."

	maxFile   = 1 << 20
	maxEpochs = 4096
	maxShop   = 128
	timeForm  = "2006-01-02T15:04:05.000Z"
)

// document is the content of a key file.
type document struct {
	shop   string
	epochs []seal.Epoch // in rising order
	lock   *lock        // nil without a passphrase
	sealed []byte       // the epoch lines, until they are opened
}

// Text writes epochs down as a key file without a passphrase: what a recovery
// file holds. The caller wipes it.
func Text(shopID string, epochs []seal.Epoch) ([]byte, error) {
	return (&document{shop: shopID, epochs: epochs}).marshal(nil)
}

// Parse reads what Text wrote for a shop. The caller wipes the epochs' keys.
func Parse(text []byte, shopID string) ([]seal.Epoch, error) {
	d, err := parse(text)
	if err != nil {
		return nil, err
	}
	if d.lock != nil || d.shop != shopID {
		d.wipe()
		return nil, fmt.Errorf("%w: it says %q, this shop is %q", ErrShop, d.shop, shopID)
	}
	return d.epochs, nil
}

func (d *document) wipe() {
	for _, e := range d.epochs {
		e.Key.Wipe()
	}
}

func (d *document) head() string {
	protection := "none"
	if d.lock != nil {
		protection = d.lock.String()
	}
	return firstLine + "\n" + hint1 + "\n" + hint2 + "\nshop: " + d.shop + "\nprotection: " + protection + "\n"
}

// marshal writes the file, sealing the epochs under kek when there is a lock.
func (d *document) marshal(kek []byte) ([]byte, error) {
	if !validShop(d.shop) {
		return nil, fmt.Errorf("key file: %q is no shop id", d.shop)
	}
	if len(d.epochs) > maxEpochs {
		return nil, fmt.Errorf("key file: more than %d epochs", maxEpochs)
	}
	lines := d.epochLines()
	if d.lock == nil {
		return d.frame(lines), nil
	}
	defer clear(lines)
	return d.frame(sealedLine(sealLines(kek, lines, d.head()))), nil
}

// frame puts the head before a body and the check after it.
func (d *document) frame(body []byte) []byte {
	b := make([]byte, 0, len(body)+1024)
	b = append(b, d.head()...)
	b = append(b, body...)
	sum := sha256.Sum256(b)
	b = append(b, "check: "...)
	b = hex.AppendEncode(b, sum[:])
	return append(b, '\n')
}

func sealedLine(sealed []byte) []byte {
	return append(base64.StdEncoding.AppendEncode([]byte("sealed: "), sealed), '\n')
}

func (d *document) epochLines() []byte {
	b := make([]byte, 0, 128*len(d.epochs))
	for _, e := range d.epochs {
		b = d.appendEpoch(b, e)
	}
	return b
}

// appendEpoch writes one epoch line. Its own check tells which of several
// epochs a damage hit, and so which copy of the file to look for.
func (d *document) appendEpoch(b []byte, e seal.Epoch) []byte {
	start := len(b)
	b = fmt.Appendf(b, "epoch: %d %s ", e.ID, e.Created.UTC().Format(timeForm))
	key := e.Key.Reveal()
	b = base64.StdEncoding.AppendEncode(b, key)
	clear(key)
	sum := sha256.Sum256(append([]byte(d.shop+"\n"), b[start:]...))
	b = append(b, ' ')
	b = hex.AppendEncode(b, sum[:4])
	return append(b, '\n')
}

// parse reads a file. Epochs under a passphrase stay sealed until open.
func parse(text []byte) (*document, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("%w: longer than any key file", ErrDamaged)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines) < 7 || len(lines[len(lines)-1]) != 0 {
		return nil, fmt.Errorf("%w: it is cut off or no key file", ErrDamaged)
	}
	if string(lines[0]) != firstLine+"\n" {
		return nil, fmt.Errorf("%w: line 1 is not %q", ErrDamaged, firstLine)
	}
	d := &document{}
	var ok bool
	if d.shop, ok = field(lines[3], "shop: "); !ok || !validShop(d.shop) {
		return nil, fmt.Errorf("%w: line 4 names no shop", ErrDamaged)
	}
	protection, ok := field(lines[4], "protection: ")
	if !ok {
		return nil, fmt.Errorf("%w: line 5 names no protection", ErrDamaged)
	}
	body := lines[5 : len(lines)-2]
	var again []byte
	if protection == "none" {
		if err := d.parseEpochs(body, 6); err != nil {
			d.wipe()
			return nil, err
		}
		again = d.frame(d.epochLines())
	} else {
		if err := d.parseSealed(protection, body); err != nil {
			return nil, err
		}
		again = d.frame(sealedLine(d.sealed))
	}
	if !bytes.Equal(again, text) {
		d.wipe()
		return nil, fmt.Errorf("%w: %s", ErrDamaged, difference(again, text))
	}
	return d, nil
}

// difference names the first line that is not as it should be.
func difference(want, got []byte) string {
	w, g := bytes.SplitAfter(want, []byte("\n")), bytes.SplitAfter(got, []byte("\n"))
	for i := range min(len(w), len(g)) {
		if !bytes.Equal(w[i], g[i]) {
			if bytes.HasPrefix(w[i], []byte("check: ")) {
				break
			}
			return fmt.Sprintf("line %d", i+1)
		}
	}
	return "the check at its end does not match what stands above it"
}

func (d *document) parseSealed(protection string, body [][]byte) error {
	var err error
	if d.lock, err = parseLock(protection); err != nil {
		return fmt.Errorf("%w: line 5: %v", ErrDamaged, err)
	}
	if len(body) != 1 {
		return fmt.Errorf("%w: a sealed file has one sealed line", ErrDamaged)
	}
	text, ok := field(body[0], "sealed: ")
	if ok {
		d.sealed, err = base64.StdEncoding.Strict().DecodeString(text)
	}
	if !ok || err != nil || len(d.sealed) < nonceSize+tagSize {
		return fmt.Errorf("%w: line 6 is not sealed text", ErrDamaged)
	}
	return nil
}

// open opens sealed epochs. Without a lock there is nothing to do.
func (d *document) open(kek []byte) error {
	if d.lock == nil {
		return nil
	}
	if kek == nil {
		return ErrPassphraseNeeded
	}
	// The check has vouched for the bytes, so it is the passphrase.
	text, err := openLines(kek, d.sealed, d.head())
	if err != nil {
		return ErrPassphrase
	}
	defer clear(text)
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines[len(lines)-1]) != 0 {
		return fmt.Errorf("%w: sealed epochs are cut off", ErrDamaged)
	}
	if err := d.parseEpochs(lines[:len(lines)-1], 1); err != nil {
		return err
	}
	if again := d.epochLines(); !bytes.Equal(again, text) {
		return fmt.Errorf("%w: sealed epochs", ErrDamaged)
	}
	return nil
}

func (d *document) parseEpochs(lines [][]byte, number int) error {
	if len(lines) > maxEpochs {
		return fmt.Errorf("%w: more than %d epochs", ErrDamaged, maxEpochs)
	}
	for i, line := range lines {
		e, err := parseEpoch(line)
		if err != nil {
			return fmt.Errorf("%w: line %d is no epoch", ErrDamaged, number+i)
		}
		d.epochs = append(d.epochs, e)
		if n := len(d.epochs); n > 1 && d.epochs[n-2].ID >= e.ID {
			return fmt.Errorf("%w: line %d: epochs are out of order", ErrDamaged, number+i)
		}
		if !bytes.Equal(d.appendEpoch(nil, e), line) {
			return fmt.Errorf("%w: line %d: epoch %d does not match its check", ErrDamaged, number+i, e.ID)
		}
	}
	return nil
}

func parseEpoch(line []byte) (seal.Epoch, error) {
	text, ok := field(line, "epoch: ")
	parts := strings.Split(text, " ")
	if !ok || len(parts) != 4 {
		return seal.Epoch{}, ErrDamaged
	}
	id, err := strconv.ParseUint(parts[0], 10, 32)
	if err != nil || id == 0 {
		return seal.Epoch{}, ErrDamaged
	}
	created, err := time.Parse(timeForm, parts[1])
	if err != nil {
		return seal.Epoch{}, ErrDamaged
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return seal.Epoch{}, ErrDamaged
	}
	defer clear(raw)
	key, err := seal.ParseEpochKey(raw)
	if err != nil || key.IsZero() {
		return seal.Epoch{}, ErrDamaged
	}
	return seal.Epoch{ID: seal.EpochID(id), Key: key, Created: created.UTC()}, nil
}

// field gives what follows a name on a whole line.
func field(line []byte, name string) (string, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(name))
	rest, whole := bytes.CutSuffix(rest, []byte("\n"))
	return string(rest), ok && whole
}

func validShop(s string) bool {
	if s == "" || len(s) > maxShop {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
