package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Staff work with orders from the command line until the console stands. None
// of these commands prints who an order is for.

type orderCmd struct {
	List    orderListCmd    `cmd:"" help:"List the newest orders, without the people behind them."`
	Show    orderShowCmd    `cmd:"" help:"Show an order's lines, totals and times, without the people behind it."`
	Pack    orderPackCmd    `cmd:"" help:"Note that a paid order is packed."`
	Ship    orderShipCmd    `cmd:"" help:"Note that an order was sent; writes to the shopper."`
	Back    orderBackCmd    `cmd:"" name:"came-back" help:"Note that the parcel of an order on account came back unpaid: it is cancelled, and nothing is owed."`
	Deliver orderDeliverCmd `cmd:"" help:"Note that an order has arrived; what is kept for its delivery counts from now."`
}

type orderListCmd struct {
	Limit int `help:"How many." default:"20" placeholder:"N"`
}

// Run lists orders.
func (c orderListCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if c.Limit < 1 || c.Limit > 1000 {
		return misused("limit: a number from 1 to 1000")
	}
	return carryOut(ctx, p, set, call{Name: "order list", Args: map[string]string{"limit": fmt.Sprint(c.Limit)}}, nil)
}

type orderShowCmd struct {
	Number string `arg:"" help:"The order number, like K7Q2M-9F3XA." placeholder:"NUMBER"`
}

// Run shows an order.
func (c orderShowCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return actOn(ctx, p, set, "order show", c.Number, nil)
}

type orderPackCmd struct {
	Number string `arg:"" help:"The order number." placeholder:"NUMBER"`
}

// Run notes that an order is packed.
func (c orderPackCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return actOn(ctx, p, set, "order pack", c.Number, nil)
}

type orderShipCmd struct {
	Number   string `arg:"" help:"The order number." placeholder:"NUMBER"`
	Carrier  string `help:"Who carries it." placeholder:"NAME"`
	Tracking string `help:"The number of the parcel, or - to read it from standard input: other users of this machine see what stands on a command line. It is sealed, and mailed to the shopper." placeholder:"NUMBER"`
}

// Run notes that an order was sent.
func (c orderShipCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if c.Tracking == "-" {
		line, err := firstLine(p.In)
		if err != nil {
			return misused("tracking: %w", err)
		}
		c.Tracking = line
	}
	return actOn(ctx, p, set, "order ship", c.Number, map[string]string{"carrier": c.Carrier, "tracking": c.Tracking})
}

// firstLine reads the one line that standard input has to hold.
func firstLine(in io.Reader) (string, error) {
	const most = 1 << 10
	text, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return "", err
	}
	line := strings.TrimSpace(string(text))
	if line == "" || len(text) == most || strings.ContainsAny(line, "\r\n") {
		return "", errors.New("standard input has to hold one line with the number")
	}
	return line, nil
}

type orderDeliverCmd struct {
	Number string `arg:"" help:"The order number." placeholder:"NUMBER"`
}

// Run notes that an order has arrived.
func (c orderDeliverCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return actOn(ctx, p, set, "order deliver", c.Number, nil)
}

type orderBackCmd struct {
	Number  string `arg:"" help:"The order number." placeholder:"NUMBER"`
	Restock bool   `help:"The goods are good: put them on the shelf again, all that the order counted, once."`
}

// Run notes that a parcel came back.
func (c orderBackCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return actOn(ctx, p, set, "order came-back", c.Number, map[string]string{"restock": word(c.Restock)})
}

type refundCmd struct {
	Number  string `arg:"" help:"The order number." placeholder:"NUMBER"`
	Amount  string `help:"How much, like 12.50; default all that is left." placeholder:"MONEY"`
	ByHand  bool   `help:"You have sent the money back yourself, from the bank account or in cash: of an order that no payment service has the money of, or one that is not set up any more, this is noted and the shopper told."`
	Credit  bool   `help:"Make store credit of what a payment service took: on the account whose order it is, or on a gift card that is mailed to the buyer. Ask the buyer first: in the European Union a withdrawal goes back the way it was paid." name:"to-credit"`
	Restock bool   `help:"The goods are back and good: put them on the shelf again, all that the order counted, once."`
}

// Run gives the price of an order back, or a part of it.
func (c refundCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return actOn(ctx, p, set, "refund", c.Number, map[string]string{"amount": c.Amount, "by-hand": word(c.ByHand), "to-credit": word(c.Credit), "restock": word(c.Restock)})
}

type captureCmd struct {
	Number string `arg:"" help:"The order number." placeholder:"NUMBER"`
	Amount string `help:"How much, like 12.50; default all that is left. The rest goes free, and is given back that way: there is one capture of an order." placeholder:"MONEY"`
}

// Run takes the reserved money of an order, or a part of it.
func (c captureCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return actOn(ctx, p, set, "capture", c.Number, map[string]string{"amount": c.Amount})
}

func actOn(ctx context.Context, p *Process, set *Settings, name, number string, args map[string]string) error {
	n, err := order.ParseNumber(number)
	if err != nil {
		return misused("an order number looks like K7Q2M-9F3XA")
	}
	if args == nil {
		args = map[string]string{}
	}
	args["number"] = string(n)
	return carryOut(ctx, p, set, call{Name: name, Args: args}, nil)
}

// orderAct carries out one of the acts on an order.
func (o *operating) orderAct(ctx context.Context, c call) error {
	number := order.Number(c.Args["number"])
	desk, err := o.till()
	if err != nil {
		return err
	}
	switch c.Name {
	case "order show":
		return o.orderShow(ctx, number)
	case "order pack":
		err = desk.Pack(ctx, o.actor, number)
	case "order ship":
		err = desk.Ship(ctx, o.actor, number, checkout.Parcel{Carrier: c.Args["carrier"], Tracking: c.Args["tracking"]})
	case "order deliver":
		err = desk.Deliver(ctx, o.actor, number)
	case "order came-back":
		err = desk.CameBack(ctx, o.actor, number, c.Args["restock"] == "yes")
	case "refund", "capture":
		if o.desk == nil {
			return fmt.Errorf("a %s needs the running shop, which holds the line to the payment service", c.Name)
		}
		part, problem := o.part(ctx, c.Args["amount"])
		if problem != nil {
			return problem
		}
		if c.Name == "capture" {
			err = desk.Capture(ctx, o.actor, number, part)
			break
		}
		err = desk.GiveBack(ctx, o.actor, number, checkout.Back{Part: part, ByHand: c.Args["by-hand"] == "yes", ToCredit: c.Args["to-credit"] == "yes", Restock: c.Args["restock"] == "yes"})
	}
	if err != nil {
		return err
	}
	return o.orderShow(ctx, number)
}

// part reads an amount in the shop's currency; "" is nil.
func (o *operating) part(ctx context.Context, amount string) (*money.Amount, error) {
	if amount == "" {
		return nil, nil
	}
	shop, err := o.vault.db.Settings(ctx)
	if err != nil {
		return nil, err
	}
	part, err := money.Parse(amount, shop.Currency)
	return &part, err
}

// till is the running shop's desk, or one of our own that can note things but
// neither pay nor write: what it leaves to be done is done at the next start.
func (o *operating) till() (*checkout.Desk, error) {
	if o.desk != nil {
		return o.desk, nil
	}
	return checkout.New(checkout.Config{Store: o.vault.db, Origin: "https://localhost"})
}

func (o *operating) orderList(ctx context.Context, limit int) error {
	var list []order.Order
	err := o.vault.db.View(ctx, func(v *store.View) (err error) {
		list, err = v.NewestOrders(limit)
		return err
	})
	if err != nil {
		return err
	}
	for _, one := range list {
		fmt.Fprintf(o.out, "%s  %-9s  %s  %s%s\n", one.Number, one.Status, one.PlacedAt.Format("2006-01-02 15:04"), one.Totals.Total.Format(), unpaidWords(one))
	}
	return nil
}

// unpaidWords says of an order on account that nobody has paid it yet.
func unpaidWords(o order.Order) string {
	switch {
	case !o.OnAccount || o.IsPaid() || o.Status == order.Cancelled:
		return ""
	case o.DueAt.IsZero():
		return ", not paid yet"
	}
	return ", not paid yet, due " + o.DueAt.Format(time.DateOnly)
}

func (o *operating) orderShow(ctx context.Context, number order.Number) error {
	var one order.Order
	var back []store.Refund
	var paid store.Payment
	var papers []store.Invoice
	err := o.vault.db.View(ctx, func(v *store.View) (err error) {
		if one, err = v.OrderByNumber(number); err != nil {
			return err
		}
		if papers, err = v.Papers(one.Owner, one.ID); err != nil {
			return err
		}
		if back, err = v.RefundsOf(one.Owner, one.ID); err != nil || one.Covered() {
			return err
		}
		paid, err = v.LastPayment(one.Owner, one.ID)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "order %s is %s%s\n", one.Number, one.Status, unpaidWords(one))
	for _, l := range one.Lines {
		fmt.Fprintf(o.out, "  %d × %s  %s\n", l.Quantity, l.Title, l.Total.Format())
	}
	fmt.Fprintf(o.out, "  total %s, of it tax %s, delivery %s\n", one.Totals.Total.Format(), one.Totals.Tax.Format(), one.Totals.Shipping.Format())
	for _, p := range one.Credits {
		fmt.Fprintf(o.out, "  %s pays %s\n", p.Name(), p.Amount.Format())
	}
	if len(one.Credits) > 0 {
		fmt.Fprintf(o.out, "  the payment service takes %s\n", one.Due().Format())
	}
	if words := reservedWords(paid); words != "" {
		fmt.Fprintf(o.out, "  %s\n", words)
	}
	for _, r := range back {
		fmt.Fprintf(o.out, "  %s %s back, asked for %s%s\n", r.State, r.Amount.Format(), r.AskedAt.Format("2006-01-02 15:04"), wayBack(r))
	}
	for _, i := range papers {
		kind := "invoice"
		if i.Credit {
			kind = "credit note"
		}
		fmt.Fprintf(o.out, "  %s %s of %s\n", kind, i.Name(), i.IssuedAt.UTC().Format(time.DateOnly))
	}
	return nil
}

// reservedWords says what has become of money that was to be reserved, or "".
func reservedWords(p store.Payment) string {
	if p.Status != order.PaymentApproved {
		return ""
	}
	switch p.Capture {
	case store.Authorized:
		return p.Amount.Format() + " is reserved at " + p.Provider + ", to be taken by " + p.CaptureBy.UTC().Format("2006-01-02 15:04") + " UTC"
	case store.Capturing:
		return p.CaptureAmount.Format() + " of what is reserved at " + p.Provider + " is being taken"
	case store.Captured:
		return p.CaptureAmount.Format() + " was taken by " + p.Provider
	case store.Releasing, store.Released:
		return "nothing is reserved at " + p.Provider + " any more"
	}
	return ""
}

// wayBack says which way a refund goes, where credit is in it.
func wayBack(r store.Refund) string {
	said := ""
	if r.Untaken {
		said = ", " + r.Rest().Format() + " of it by not taking it"
	}
	if !r.ByCredit.IsZero() {
		said += ", " + r.ByCredit.Format() + " of it to the credit that paid"
	}
	switch r.ToCredit {
	case store.ToAccount:
		said += ", " + r.Rest().Format() + " of it as store credit"
	case store.ToCard:
		said += ", " + r.Rest().Format() + " of it as a gift card"
	}
	return said
}
