package statement

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The columns of a CSV, by their heads. The file may have others, which are not read.
const (
	colAmount    = "amount"
	colCurrency  = "currency"
	colReference = "reference" // what the payer wrote
	colDate      = "date"      // optional
	colID        = "id"        // optional: what the bank names the line by
	colAccount   = "account"   // optional: the IBAN that the money came to
)

// csv reads lines under a head of names. Fields are parted by commas or semicolons,
// whichever the head has more of; amounts have a point before their decimals, or
// where semicolons part fields a comma, and nothing else but a sign.
func (b *builder) csv(text []byte) error {
	r := csv.NewReader(bytes.NewReader(text))
	head, _, _ := bytes.Cut(text, []byte("\n"))
	if bytes.Count(head, []byte(";")) > bytes.Count(head, []byte(",")) {
		r.Comma = ';'
	}
	r.ReuseRecord = true
	at := map[string]int{}
	names, err := r.Read()
	if err != nil {
		return fmt.Errorf("%w: line 1 is no head of names", ErrFormat)
	}
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := at[name]; twice && name != "" {
			return fmt.Errorf("%w: a column has the name of another", ErrFormat)
		}
		at[name] = i
	}
	for _, need := range []string{colAmount, colCurrency, colReference} {
		if _, ok := at[need]; !ok {
			return fmt.Errorf("%w: it is neither CAMT.053 nor has line 1 the names amount, currency and reference", ErrFormat)
		}
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			line := 0
			if broken, ok := errors.AsType[*csv.ParseError](err); ok {
				line = broken.StartLine
			}
			return fmt.Errorf("%w: line %d is broken", ErrFormat, line)
		}
		line, _ := r.FieldPos(0)
		field := func(name string) string {
			if i, ok := at[name]; ok {
				return clip(strings.Clone(strings.TrimSpace(row[i])))
			}
			return ""
		}
		f := found{place: fmt.Sprintf("line %d", line), account: strings.ToUpper(strings.Join(strings.Fields(field(colAccount)), "")), amount: strings.TrimPrefix(field(colAmount), "+"),
			currency: field(colCurrency), typed: []string{field(colReference)}, unique: []string{field(colDate), field(colID)}}
		if strings.HasPrefix(f.amount, "-") {
			b.out.Skipped++
			continue
		}
		if r.Comma == ';' {
			f.amount = strings.Replace(f.amount, ",", ".", 1)
		}
		if err := b.add(f); err != nil {
			return err
		}
	}
}
