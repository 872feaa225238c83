// Package statement reads what a bank says of an account: CAMT.053, the XML of
// ISO 20022 that every bank of SEPA hands out, and a simple CSV.
//
// A statement is full of other people. So of each line that brought money in, this
// package keeps the amount, the references of this shop that its text holds, and a
// fingerprint to know the line again by; names, accounts and the text itself are
// dropped while reading. No error repeats what stands in the file: it names a
// place. Files are bounded, and what a line does not say is not guessed.
//
// Start reading at Read; the formats are in camt.go and csv.go.
package statement

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment/transfer"
)

// Bounds of a file.
const (
	MaxBytes = 16 << 20
	MaxLines = 50_000
	maxText  = 4096 // of one line's typed text, in bytes: ISO 20022 allows 140 signs a part
	maxDepth = 64
)

// Line is money that came in.
type Line struct {
	Place      string // where it stands in the file: "entry 3", "line 4"
	Account    string // whose account it came to, an IBAN; "" when the file does not say
	Amount     money.Amount
	References []string // of this shop, each once; none or several can't be matched
	// Mark tells this line from every other, the same whenever the file is read: a
	// hash, so that it holds nothing of what it is made of for who can't guess that.
	Mark string
}

// Statement is what was read.
type Statement struct {
	Lines   []Line
	Skipped int // lines that took money out, are not booked, or were taken back
}

// ErrFormat means that a file is of neither format, or broken. What is wrapped
// around it names the place.
var ErrFormat = errors.New("the file can't be read")

// Read reads a statement. Its format is told by its first sign.
func Read(r io.Reader) (Statement, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return Statement{}, errors.New("the file can't be read to its end")
	}
	if len(text) > MaxBytes {
		return Statement{}, fmt.Errorf("%w: it has more than %d MB", ErrFormat, MaxBytes>>20)
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	if len(text) == 0 {
		return Statement{}, fmt.Errorf("%w: it is empty", ErrFormat)
	}
	b := &builder{seen: map[string]int{}}
	if text[0] == '<' {
		err = b.camt(text)
	} else {
		err = b.csv(text)
	}
	if err != nil {
		return Statement{}, err
	}
	return b.out, nil
}

// builder puts lines together.
type builder struct {
	out  Statement
	seen map[string]int // how often a line with the same content has come
}

// found is what a format has read of a line.
type found struct {
	place, account   string
	amount, currency string
	structured       []string // references that stand where references belong
	typed            []string // what the payer wrote
	unique           []string // what the bank names this line by
}

func (b *builder) add(f found) error {
	if len(b.out.Lines)+b.out.Skipped >= MaxLines {
		return fmt.Errorf("%w: it has more than %d lines", ErrFormat, MaxLines)
	}
	c, err := money.ParseCurrency(f.currency)
	if err != nil {
		return fmt.Errorf("%w: %s has no currency", ErrFormat, f.place)
	}
	amount, err := parseAmount(f.amount, c)
	switch {
	case errors.Is(err, errNothing):
		b.out.Skipped++
		return nil
	case err != nil:
		return fmt.Errorf("%w: %s has no amount", ErrFormat, f.place)
	}
	l := Line{Place: f.place, Account: f.account, Amount: amount, References: references(f)}
	h := sha256.New()
	for _, part := range append(append([]string{f.account, f.amount, f.currency}, f.unique...), append(f.structured, f.typed...)...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	same := hex.EncodeToString(h.Sum(nil))
	b.seen[same]++
	l.Mark = fmt.Sprintf("%s-%d", same, b.seen[same])
	b.out.Lines = append(b.out.Lines, l)
	return nil
}

// references looks where references belong first, and only else into what was typed.
func references(f found) (out []string) {
	for _, part := range f.structured {
		if ref, ok := transfer.ParseReference(part); ok && len(ref) == transfer.ReferenceLen && !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	if len(out) > 0 {
		return out
	}
	text := ""
	for _, part := range f.typed {
		for _, ref := range transfer.FindReferences(part) {
			if !slices.Contains(out, ref) {
				out = append(out, ref)
			}
		}
		text += part // banks break a long text into parts, wherever it is full
	}
	if len(out) == 0 {
		out = transfer.FindReferences(text)
	}
	return out
}

var errNothing = errors.New("an amount of nothing")

// parseAmount reads an amount above zero, exactly as it stands. ISO 20022 leaves
// out decimals that are zero, and may write more of them.
func parseAmount(s string, c money.Currency) (money.Amount, error) {
	whole, part, _ := bytes.Cut([]byte(s), []byte("."))
	decimals := c.Exponent()
	for len(part) > decimals && part[len(part)-1] == '0' {
		part = part[:len(part)-1]
	}
	if len(whole) == 0 || len(whole) > 15 || len(part) > decimals {
		return money.Amount{}, ErrFormat
	}
	var minor int64
	for _, d := range append(bytes.Clone(whole), append(bytes.Clone(part), bytes.Repeat([]byte("0"), decimals-len(part))...)...) {
		if d < '0' || d > '9' || minor > money.Limit {
			return money.Amount{}, ErrFormat
		}
		minor = minor*10 + int64(d-'0')
	}
	switch {
	case minor > money.Limit:
		return money.Amount{}, ErrFormat
	case minor == 0:
		return money.Amount{}, errNothing
	}
	return money.Of(minor, c), nil
}
