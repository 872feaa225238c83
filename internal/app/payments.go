package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/mollie"
	"github.com/cartkeep/cartkeep/internal/payment/onaccount"
	"github.com/cartkeep/cartkeep/internal/payment/sandbox"
	"github.com/cartkeep/cartkeep/internal/payment/stripe"
	"github.com/cartkeep/cartkeep/internal/payment/transfer"
	"github.com/cartkeep/cartkeep/internal/settings"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Paying are the settings of the payment services: the secrets, and whether
// money is real. Which of them shoppers are offered is a setting of the shop.
type Paying struct {
	PaymentMode         string   `help:"live, or test: with test keys everybody can order and nobody pays. A key of the other mode is refused." default:"live" enum:"live,test" placeholder:"MODE" group:"Payment services"`
	StripeKey           string   `help:"The key of the account at Stripe: sk_live_…, or better a restricted one, rk_live_…, that may write checkout sessions and refunds and read payment intents and events." secret:"yes" placeholder:"TEXT" group:"Payment services"`
	StripeSecret        string   `help:"What Stripe signs its call-backs with: whsec_…, of the endpoint https://YOUR-SHOP/payments/stripe/notices." secret:"yes" placeholder:"TEXT" group:"Payment services"`
	StripePublishable   string   `name:"stripe-publishable-key" help:"The publishable key of the account at Stripe, pk_live_…. With it shoppers may also type their card on a page of yours, into fields that Stripe shows there; without it, on Stripe's own page alone." placeholder:"TEXT" group:"Payment services"`
	StripeKeepCards     bool     `help:"Let shoppers with an account have their card kept by Stripe, by their own wish. The key must then also be allowed to write customers and payment methods. The shop keeps the number of the customer at Stripe, sealed, and nothing of the card." group:"Payment services"`
	StripeAccount       string   `help:"The account at Stripe, acct_…, when its call-backs name one. Default: the key's own." placeholder:"ID" group:"Payment services"`
	MollieKey           string   `help:"The key of a profile at Mollie: live_… or test_…." secret:"yes" placeholder:"TEXT" group:"Payment services"`
	MollieProfile       string   `help:"The profile at Mollie that the key is of, pfl_…: what is said of payments of another one is not believed." placeholder:"ID" group:"Payment services"`
	TransferPayee       string   `help:"Whose bank account shoppers transfer money to, as the bank knows the name." placeholder:"NAME" group:"Payment services"`
	TransferIBAN        string   `help:"The bank account that shoppers transfer money to. It is a setting of the machine and not of the shop, so that who can write to the database can't redirect money." name:"transfer-iban" placeholder:"IBAN" group:"Payment services"`
	TransferBIC         string   `help:"The code of the account's bank, which banks outside SEPA ask for." name:"transfer-bic" placeholder:"BIC" group:"Payment services"`
	TransferDays        int      `help:"For how many days goods are kept for a transfer; then the order lapses." default:"7" placeholder:"DAYS" group:"Payment services"`
	OnDeliveryLimit     string   `help:"The most that an order may cost which is paid to whoever brings it, in the shop's currency. Without it and the countries, nobody may pay so." placeholder:"MONEY" group:"Payment services"`
	OnDeliveryCountries []string `help:"Where an order may go that is paid to whoever brings it." placeholder:"DE,…" group:"Payment services"`
	InvoiceLimit        string   `help:"The most that an order may cost which is sent before it is paid, on an invoice. Without it, the countries and a bank account, nobody may pay so." placeholder:"MONEY" group:"Payment services"`
	InvoiceCountries    []string `help:"Where an order may go that is paid by invoice." placeholder:"DE,…" group:"Payment services"`
	InvoiceDays         int      `help:"How many days after it was sent an invoice is due." default:"14" placeholder:"DAYS" group:"Payment services"`
	TransferOpen        int      `help:"How many orders may wait for a transfer at once. Goods are kept for them, so without an end anybody could empty the shelves." default:"100" placeholder:"N" group:"Payment services"`
}

// services makes the payment services that are set up, and says everything that
// is wrong with their settings. Nobody is called. mark is the word by which they
// tell this shop's payments from others.
func (p *Paying) services(mark string, hold time.Duration) (out []payment.Provider, err error) {
	bad := &problems{}
	if p.StripeKey != "" || p.StripeSecret != "" || p.StripeAccount != "" {
		s, err := stripe.New(stripe.Config{Key: p.StripeKey, Secret: p.StripeSecret, Account: p.StripeAccount, Mode: p.PaymentMode, Shop: mark, KeepCards: p.StripeKeepCards, PublishableKey: p.StripePublishable})
		bad.add("stripe-key", err)
		bad.when(hold > stripe.MaxHold, "hold", "Stripe's pages end after a day: give at most 23h")
		out = append(out, s)
	}
	if p.MollieKey != "" || p.MollieProfile != "" {
		m, err := mollie.New(mollie.Config{Key: p.MollieKey, Profile: p.MollieProfile, Mode: p.PaymentMode, Shop: mark})
		bad.add("mollie-key", err)
		out = append(out, m)
	}
	if p.TransferPayee != "" || p.TransferIBAN != "" || p.TransferBIC != "" {
		t, err := transfer.New(transfer.Config{Payee: p.TransferPayee, IBAN: p.TransferIBAN, BIC: p.TransferBIC, Days: p.TransferDays, Open: p.TransferOpen, Mode: p.PaymentMode})
		bad.add("transfer-iban", err)
		out = append(out, t)
	}
	out = append(out, p.onAccount(bad)...)
	if len(bad.list) > 0 {
		return nil, errors.Join(bad.list...)
	}
	return out, nil
}

// onAccount makes the ways to pay after the goods went, where the merchant has said
// how much and where to.
func (p *Paying) onAccount(bad *problems) (out []payment.Provider) {
	if p.OnDeliveryLimit != "" || len(p.OnDeliveryCountries) > 0 {
		d, err := onaccount.OnDelivery(onaccount.Config{Limit: p.OnDeliveryLimit, Countries: p.OnDeliveryCountries, Mode: p.PaymentMode})
		bad.add("on-delivery-limit", err)
		out = append(out, d)
	}
	if p.InvoiceLimit != "" || len(p.InvoiceCountries) > 0 {
		to, err := transfer.ParseAccount(p.TransferPayee, p.TransferIBAN, p.TransferBIC)
		var i *onaccount.Provider
		if err == nil {
			i, err = onaccount.Invoice(onaccount.Config{Limit: p.InvoiceLimit, Countries: p.InvoiceCountries, Mode: p.PaymentMode}, to, p.InvoiceDays)
		}
		bad.add("invoice-limit", err)
		out = append(out, i)
	}
	return out
}

// fitter is a provider with rules about the shop itself.
type fitter interface {
	// Fits says why a shop with this text on bank statements and this currency
	// can't be paid here; nil when it can.
	Fits(descriptor string, c money.Currency) error
}

// payable says, of each payment method, whether the shop may offer it.
func payable(services []payment.Provider) settings.Payable {
	return func(method, descriptor string, c money.Currency, later bool) error {
		i := slices.IndexFunc(services, func(p payment.Provider) bool { return p.Name() == method })
		if i < 0 {
			return fmt.Errorf("%s is not set up: give its keys first, see docs/config.md", method)
		}
		_, byHand := services[i].(payment.ByHand)
		if _, can := services[i].(payment.Capturer); later && !byHand && !can {
			return fmt.Errorf("%s takes money at once: either leave it out, or payment.capture = \"when-sent\"", method)
		}
		if f, ok := services[i].(fitter); ok {
			return f.Fits(descriptor, c)
		}
		return nil
	}
}

// offered refuses a shop that offers what it can't take.
func offered(services []payment.Provider, shop store.Settings) error {
	may := payable(services)
	var bad []error
	for _, name := range shop.Providers {
		if err := may(name, shop.Descriptor, shop.Currency, shop.TakeLater); err != nil {
			bad = append(bad, fmt.Errorf("payment.methods: %w", err))
		}
	}
	return errors.Join(bad...)
}

// methodsOf are the payment services that a shop could offer, for a command
// without a running one: those of the settings, and in a demo the make-believe bank.
func (s *Settings) methodsOf(ctx context.Context, db *store.DB) (settings.Payable, error) {
	shop, err := db.Settings(ctx)
	if err != nil {
		return nil, err
	}
	services, err := s.services(unmarked, s.Hold)
	if err != nil {
		return nil, err
	}
	may := payable(services)
	return func(method, descriptor string, c money.Currency, later bool) error {
		if shop.Demo && method == sandbox.Name {
			return nil
		}
		return may(method, descriptor, c, later)
	}, nil
}

type paymentsCmd struct {
	Received  paymentsReceivedCmd  `cmd:"" help:"Note that money has arrived for an order, by bank transfer. Needs the running shop."`
	Import    paymentsImportCmd    `cmd:"" help:"Match a bank statement with the orders that wait for money: what fits is paid, all else is listed. Needs the running shop."`
	Owed      paymentsOwedCmd      `cmd:"" help:"List the money that came too late or twice and has to be sent back by hand. Needs the running shop."`
	Returned  paymentsReturnedCmd  `cmd:"" help:"Note that you have sent back money that was owed; writes to the shopper. Needs the running shop."`
	Reconcile paymentsReconcileCmd `cmd:"" help:"Ask the payment services about the payments of the last days, and show where their word differs from ours. Needs the running shop; changes nothing."`
	Recall    paymentsRecallCmd    `cmd:"" help:"Ask the payment services what they said of payments in the last 30 days: disputes, warnings, refunds that did not arrive. What never reached the shop is taken up now, as it is by itself once a day. Needs the running shop."`
	Concerns  paymentsConcernsCmd  `cmd:"" help:"List what needs a person: disputes with the time to answer by, warnings of fraud, money that could not be given back. Of one order: what to hand in, too."`
}

type paymentsReconcileCmd struct {
	Days int `help:"How far back." default:"7" placeholder:"DAYS"`
}

// Run asks the payment services.
func (c paymentsReconcileCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if c.Days < 1 || c.Days > 400 {
		return misused("days: a number from 1 to 400")
	}
	return carryOut(ctx, p, set, call{Name: "payments reconcile", Args: map[string]string{"days": strconv.Itoa(c.Days)}}, nil)
}

// reconcile prints a line for each difference. It fails when there is one, or
// when a payment service did not answer.
func (o *operating) reconcile(ctx context.Context, text string) error {
	days, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	r, err := o.desk.Reconcile(ctx, o.vault.db.Now().AddDate(0, 0, -days))
	if err != nil {
		return err
	}
	for _, d := range r.Differences {
		fmt.Fprintf(o.out, "%s  attempt %d at %s: %s\n", d.Number, d.Attempt, d.Provider, d.Text)
	}
	fmt.Fprintf(o.out, "cartkeep: %s compared, %s, %d without an answer\n", many(r.Asked, "payment"), many(len(r.Differences), "difference"), r.Silent)
	if r.Left > 0 {
		fmt.Fprintf(o.out, "cartkeep: %s of those days not compared, the older ones: give fewer days\n", many(r.Left, "payment"))
	}
	if len(r.Differences) > 0 || r.Silent > 0 || r.Left > 0 {
		return statusError(1)
	}
	return nil
}

type paymentsRecallCmd struct{}

// Run asks the payment services.
func (paymentsRecallCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "payments recall"}, nil)
}

// recall prints what came of asking. It fails when something is not known, or does not fit.
func (o *operating) recall(ctx context.Context) error {
	r, err := o.desk.Recall(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "cartkeep: %s of the last %d days read, %d of them new, %d of no payment here; %s without an answer\n", many(r.Told, "notice"), checkout.RecallDays, r.New, r.Unfit, many(r.Silent, "service"))
	if r.New > 0 {
		fmt.Fprintln(o.out, "cartkeep: what is new needs a look: cartkeep payments concerns")
	}
	if r.Left > 0 {
		fmt.Fprintln(o.out, "cartkeep: there was more than is read at once, and the older part was not read: look at the payment service itself")
	}
	if r.Silent > 0 || r.Left > 0 || r.Unfit > 0 {
		return statusError(1)
	}
	return nil
}

// paymentsDaily is what is done about payments once a day: what never reached the shop is
// taken up, the last days are compared, and owners are reminded of disputes to answer. One
// that fails does not hide the others.
func (s *server) paymentsDaily(ctx context.Context) error {
	return errors.Join(s.recallDaily(ctx), s.reconcileDaily(ctx), s.desk.RemindOfDisputes(ctx))
}

// recallDaily takes up what never reached the shop. Of what is new the owners get a letter.
func (s *server) recallDaily(ctx context.Context) error {
	r, err := s.desk.Recall(ctx)
	if r.New > 0 {
		s.log.WarnContext(ctx, "the payment services had said what never reached the shop; see cartkeep payments concerns", "new", r.New)
	}
	if r.Unfit > 0 || r.Left > 0 {
		s.log.WarnContext(ctx, "the payment services say what fits no payment here, or more than is read; see cartkeep payments recall", "of no payment here", r.Unfit, "services not read to the end", r.Left)
	}
	return err
}

// reconcileDaily compares the last days, and tells the log of differences: how many, not
// whose.
func (s *server) reconcileDaily(ctx context.Context) error {
	r, err := s.desk.Reconcile(ctx, s.vault.db.Now().AddDate(0, 0, -3))
	if err != nil {
		return err
	}
	if len(r.Differences) > 0 || r.Left > 0 {
		s.log.WarnContext(ctx, "payments differ from what the payment services say; see cartkeep payments reconcile", "differences", len(r.Differences), "compared", r.Asked, "not compared", r.Left)
	}
	return nil
}

// unmarked stands for the shop's word where services are looked at and not used.
const unmarked = "unmarked"
