package app

import (
	"context"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

type paymentsConcernsCmd struct {
	Number string `arg:"" optional:"" help:"The number of one order. Default: all that is open."`
	Seen   bool   `help:"Note that you have seen to what is open about this order. A dispute stays open until the bank has decided; one without a day to answer by is lost then."`
}

// Run lists what needs a person.
func (c paymentsConcernsCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	args := map[string]string{}
	if c.Number != "" {
		number, err := order.ParseNumber(c.Number)
		if err != nil {
			return err
		}
		args["number"] = string(number)
	}
	if c.Seen {
		if c.Number == "" {
			return misused("--seen: give the number of the order")
		}
		args["seen"] = "yes"
	}
	return carryOut(ctx, p, set, call{Name: "payments concerns", Args: args}, nil)
}

// concernWords say what each kind of concern is, and what to do about it.
var concernWords = map[store.ConcernKind]string{
	store.ConcernDispute: "disputed",
	store.ConcernWarning: "may be fraud: look at it before you send anything",
	store.ConcernRefund:  "was not given back: the payment service refused, or it did not arrive. Pay it another way",
	store.ConcernReturn:  "was paid for nothing and could not be sent back. Give it back at the payment service",
	store.ConcernReserve: "is only reserved: send the order, or take the money with cartkeep capture, before it goes free",
	store.ConcernCapture: "was not taken as it should have been. Look at the payment service, and at cartkeep order show, before you send anything",
	store.ConcernWaiting: "is to go back and has not for more than a day. The shop goes on trying: look whether the payment service answers and is still set up, and do not send the money another way as well, unless that service is gone for good and has not sent it: then cartkeep refund NUMBER --by-hand says that you did",
}

// concerns prints what is open, or all about one order.
func (o *operating) concerns(ctx context.Context, number order.Number, seen bool) error {
	desk, err := o.till()
	if err != nil {
		return err
	}
	if seen {
		n, err := desk.SeeConcerns(ctx, o.actor, number)
		if err != nil {
			return err
		}
		fmt.Fprintf(o.out, "cartkeep: %s seen to\n", many(n, "concern"))
	}
	var list []checkout.Concern
	if number == "" {
		list, err = desk.Concerns(ctx)
	} else {
		list, err = desk.ConcernsOf(ctx, number)
	}
	if err != nil {
		return err
	}
	for _, c := range list {
		fmt.Fprintf(o.out, "%s  %s at %s %s\n", c.Number, c.Amount.Format(), c.Provider, concernText(c, o.vault.db.Now()))
		if number == "" || c.Kind != store.ConcernDispute || !c.EndedAt.IsZero() {
			continue
		}
		papers, err := desk.EvidenceFor(ctx, number, c.Reason)
		if err != nil {
			return err
		}
		for _, e := range papers {
			have := "not in the shop"
			if e.Have != "" {
				have = "in the shop: " + e.Have
			}
			fmt.Fprintf(o.out, "    [ ] %s (%s)\n", e.What, have)
		}
	}
	if number == "" {
		fmt.Fprintf(o.out, "cartkeep: %s open\n", many(len(list), "concern"))
	}
	return nil
}

func concernText(c checkout.Concern, now time.Time) string {
	words := concernWords[c.Kind]
	if c.Kind == store.ConcernDispute {
		words += fmt.Sprintf(" (%s)", c.Reason)
	}
	switch {
	case !c.EndedAt.IsZero():
		words += fmt.Sprintf(", %s %s", c.Ending, c.EndedAt.UTC().Format(time.DateOnly))
	case !c.AnswerBy.IsZero() && c.AnswerBy.Before(now):
		words += ", was to be answered by " + c.AnswerBy.UTC().Format(time.DateTime) + " UTC"
	case !c.AnswerBy.IsZero():
		words += ", answer by " + c.AnswerBy.UTC().Format(time.DateTime) + " UTC"
	}
	return words
}
