package statement

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// entry is what is read of Ntry, in versions 02 to 13 of camt.053.001.
type entry struct {
	Amount     amount        `xml:"Amt"`
	Sign       string        `xml:"CdtDbtInd"`
	Reversal   string        `xml:"RvslInd"`
	Status     status        `xml:"Sts"`
	Booked     day           `xml:"BookgDt"`
	Reference  string        `xml:"NtryRef"`
	BankRef    string        `xml:"AcctSvcrRef"`
	Details    []transaction `xml:"NtryDtls>TxDtls"`
	Additional string        `xml:"AddtlNtryInf"`
}

type amount struct {
	Currency string `xml:"Ccy,attr"`
	Value    string `xml:",chardata"`
}

// status is BOOK, as text until version 07 and in Cd since.
type status struct {
	Text string `xml:",chardata"`
	Code string `xml:"Cd"`
}

type day struct {
	Date string `xml:"Dt"`
	Time string `xml:"DtTm"`
}

type transaction struct {
	Amount     amount   `xml:"Amt"` // since version 03
	Of         amount   `xml:"AmtDtls>TxAmt>Amt"`
	Sign       string   `xml:"CdtDbtInd"`
	EndToEnd   string   `xml:"Refs>EndToEndId"`
	BankRef    string   `xml:"Refs>AcctSvcrRef"`
	ID         string   `xml:"Refs>TxId"`
	Structured []string `xml:"RmtInf>Strd>CdtrRefInf>Ref"`
	Typed      []string `xml:"RmtInf>Ustrd"`
}

// camt reads CAMT.053, entry by entry. The XML reader knows no entity but its own
// five, and reads nothing from elsewhere.
func (b *builder) camt(text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	var path []string
	account, n, is := "", 0, false
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && is:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%w: it is no bank statement of the form CAMT.053", ErrFormat)
		case err != nil:
			return fmt.Errorf("%w: it is no XML from byte %d on, or ends too early", ErrFormat, d.InputOffset())
		}
		switch t := token.(type) {
		case xml.Directive:
			return fmt.Errorf("%w: it defines XML of its own", ErrFormat)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.StartElement:
			path = append(path, t.Name.Local)
			switch {
			case len(path) > maxDepth:
				return fmt.Errorf("%w: it is nested too deeply", ErrFormat)
			case path[0] != "Document":
				return fmt.Errorf("%w: it is no bank statement of the form CAMT.053", ErrFormat)
			}
			switch strings.Join(path, "/") {
			case "Document/BkToCstmrStmt":
				is = true
			case "Document/BkToCstmrStmt/Stmt":
				account = ""
			case "Document/BkToCstmrStmt/Stmt/Acct/Id/IBAN":
				if err := d.DecodeElement(&account, &t); err != nil {
					return fmt.Errorf("%w: the account is broken", ErrFormat)
				}
				path = path[:len(path)-1]
				account = strings.ToUpper(strings.Join(strings.Fields(account), ""))
			case "Document/BkToCstmrStmt/Stmt/Ntry":
				n++
				var e entry
				if err := d.DecodeElement(&e, &t); err != nil {
					return fmt.Errorf("%w: entry %d is broken", ErrFormat, n)
				}
				path = path[:len(path)-1]
				if err := b.entry(account, n, e); err != nil {
					return err
				}
			}
		}
	}
}

// entry takes an entry, which may bundle several payments.
func (b *builder) entry(account string, n int, e entry) error {
	state := strings.TrimSpace(e.Status.Code + strings.TrimSpace(e.Status.Text))
	if strings.TrimSpace(e.Sign) != "CRDT" || strings.TrimSpace(e.Reversal) == "true" || state != "BOOK" {
		b.out.Skipped++
		return nil
	}
	whole := found{place: fmt.Sprintf("entry %d", n), account: account, amount: strings.TrimSpace(e.Amount.Value), currency: e.Amount.Currency,
		unique: []string{e.Booked.Date, e.Booked.Time, e.Reference, e.BankRef}}
	if len(e.Details) == 0 {
		whole.typed = []string{clip(e.Additional)}
		return b.add(whole)
	}
	for i, one := range e.Details {
		f := whole
		f.unique = append(append([]string{}, whole.unique...), one.EndToEnd, one.BankRef, one.ID)
		for _, ref := range one.Structured {
			f.structured = append(f.structured, clip(ref))
		}
		f.structured = append(f.structured, clip(one.EndToEnd))
		for _, part := range one.Typed {
			f.typed = append(f.typed, clip(part))
		}
		if len(e.Details) > 1 {
			f.place = fmt.Sprintf("entry %d, payment %d", n, i+1)
			given := one.Amount
			if given.Value == "" {
				given = one.Of
			}
			f.amount, f.currency = strings.TrimSpace(given.Value), given.Currency
			if s := strings.TrimSpace(one.Sign); s != "" && s != "CRDT" {
				b.out.Skipped++
				continue
			}
		}
		if err := b.add(f); err != nil {
			return err
		}
	}
	return nil
}

func clip(s string) string { return s[:min(len(s), maxText)] }
