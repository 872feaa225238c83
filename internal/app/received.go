package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/statement"
	"github.com/cartkeep/cartkeep/internal/payment/transfer"
)

// Money that comes without a payment service: by the word of a person, or of a bank
// statement. What is printed names orders and places in the file, never what
// somebody wrote on a transfer.

type paymentsReceivedCmd struct {
	Reference string `arg:"" help:"The reference of the payment, like RF90 K7Q2 M9F3 XA1." placeholder:"REFERENCE"`
	Amount    string `arg:"" help:"How much came, like 48.00, in the shop's currency." placeholder:"MONEY"`
}

// Run notes that money has arrived.
func (c paymentsReceivedCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	ref, err := referenceOf(c.Reference)
	if err != nil {
		return err
	}
	return carryOut(ctx, p, set, call{Name: "payments received", Args: map[string]string{"reference": ref, "amount": c.Amount}}, nil)
}

func referenceOf(s string) (string, error) {
	ref, ok := transfer.ParseReference(s)
	if !ok {
		return "", misused("a reference begins with RF; a letter or digit of this one is wrong or missing")
	}
	return ref, nil
}

type paymentsImportCmd struct {
	File string `arg:"" help:"A bank statement: CAMT.053 (XML), or CSV with the columns amount, currency and reference; - for standard input." placeholder:"FILE"`
}

// Run matches a bank statement with the orders that wait for money.
func (c paymentsImportCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	in, err := openInput(p, c.File)
	if err != nil {
		return err
	}
	defer in.Close()
	return carryOut(ctx, p, set, call{Name: "payments import"}, in)
}

type paymentsOwedCmd struct{}

// Run lists what a person has to send back.
func (paymentsOwedCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "payments owed"}, nil)
}

type paymentsReturnedCmd struct {
	Reference string `arg:"" help:"The reference of the payment." placeholder:"REFERENCE"`
}

// Run notes that a person has sent money back.
func (c paymentsReturnedCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	ref, err := referenceOf(c.Reference)
	if err != nil {
		return err
	}
	return carryOut(ctx, p, set, call{Name: "payments returned", Args: map[string]string{"reference": ref}}, nil)
}

// payments carries out a command about payments.
func (o *operating) payments(ctx context.Context, c call) error {
	if o.desk == nil {
		return errors.New("this needs the running shop, which knows how it is paid")
	}
	switch c.Name {
	case "payments reconcile":
		return o.reconcile(ctx, c.Args["days"])
	case "payments recall":
		return o.recall(ctx)
	case "payments received":
		return o.received(ctx, c.Args["reference"], c.Args["amount"])
	case "payments import":
		return o.importStatement(ctx)
	case "payments returned":
		if err := o.desk.Returned(ctx, o.actor, c.Args["reference"]); err != nil {
			return err
		}
		fmt.Fprintln(o.out, "cartkeep: noted; the shopper is told")
		return nil
	}
	owed, err := o.desk.Owed(ctx)
	for _, one := range owed {
		fmt.Fprintf(o.out, "%s  %s  %s\n", one.Number, payment.Fours(one.Reference), one.Payment.Amount.Format())
	}
	if err == nil {
		fmt.Fprintf(o.out, "cartkeep: %s to send back\n", many(len(owed), "payment"))
	}
	return err
}

func (o *operating) received(ctx context.Context, reference, amount string) error {
	shop, err := o.vault.db.Settings(ctx)
	if err != nil {
		return err
	}
	came, err := money.Parse(amount, shop.Currency)
	if err != nil {
		return err
	}
	got, err := o.desk.Received(ctx, o.actor, checkout.Receipt{Reference: reference, Amount: came})
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "cartkeep: %s\n", arrivalWords(got, came))
	if got.Arrival != checkout.ArrivedPaid {
		return statusError(1)
	}
	return nil
}

// importStatement settles what fits and lists what does not. It fails when
// something waits for a person; a line without a reference of this shop does not,
// for a business has other income.
func (o *operating) importStatement(ctx context.Context) error {
	s, err := statement.Read(o.in)
	if err != nil {
		return err
	}
	count := map[checkout.Arrival]int{}
	look, foreign := 0, 0
	for _, l := range s.Lines {
		if len(l.References) == 0 {
			foreign++
			fmt.Fprintf(o.out, "%s: %s came without a reference of this shop\n", l.Place, l.Amount.Format())
			continue
		}
		if len(l.References) > 1 {
			look++
			fmt.Fprintf(o.out, "%s: %s came with more than one reference\n", l.Place, l.Amount.Format())
			continue
		}
		got, err := o.desk.Received(ctx, o.actor, checkout.Receipt{Reference: l.References[0], Amount: l.Amount, Account: l.Account, Mark: l.Mark})
		if err != nil {
			look++
			fmt.Fprintf(o.out, "%s: not settled: %s\n", l.Place, fault.Of(err).Kind)
			continue
		}
		count[got.Arrival]++
		if got.Arrival != checkout.ArrivedPaid && got.Arrival != checkout.ArrivedBefore {
			look++
		}
		fmt.Fprintf(o.out, "%s: %s\n", l.Place, arrivalWords(got, l.Amount))
	}
	fmt.Fprintf(o.out, "cartkeep: %s paid, %d counted before, %d to look at, %d without a reference, %d that brought nothing in\n",
		many(count[checkout.ArrivedPaid], "order"), count[checkout.ArrivedBefore], look, foreign, s.Skipped)
	if look > 0 {
		return statusError(1)
	}
	return nil
}

// arrivalWords says what became of money that came.
func arrivalWords(r checkout.Received, came money.Amount) string {
	is := func(words ...string) string { return string(r.Number) + " " + strings.Join(words, " ") }
	switch r.Arrival {
	case checkout.ArrivedPaid:
		return is("is paid:", came.Format())
	case checkout.ArrivedBefore:
		return is("was counted before; nothing changed")
	case checkout.ArrivedOwed:
		return is("had lapsed and can't be carried out any more. Send", came.Format(), "back by hand, then: cartkeep payments returned REFERENCE")
	case checkout.ArrivedTwice:
		return is("was paid already. Another", came.Format(), "came; send it back by hand")
	case checkout.ArrivedTooLittle:
		return is("costs", r.Want.Format()+";", came.Format(), "is too little; nothing changed")
	case checkout.ArrivedTooMuch:
		return is("costs", r.Want.Format()+";", came.Format(), "is too much; nothing changed")
	case checkout.ArrivedOtherMoney:
		return is("costs", r.Want.Format()+";", came.Format(), "is another currency; nothing changed")
	case checkout.ArrivedElsewhere:
		return is("was to be paid to another account; nothing changed")
	case checkout.ArrivedLater:
		return is("is being settled at this moment; do this again in a minute")
	}
	return came.Format() + " came with a reference that no order has; nothing changed"
}
