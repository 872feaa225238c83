package order

import "slices"

// Status is where an order stands.
//
//	place ──▶ pending ──settle──▶ paid ──▶ packed ──▶ shipped ──▶ delivered
//	             │                ▲  │                   ▲
//	         hold ended           │  └─── sent at once ──┘
//	             ▼                │
//	         cancelled ──settle───┘   approved late, goods still there
//
//	paid · packed · shipped · delivered ──▶ partially_refunded ──▶ refunded
//	          ▲        ▲         ▲  │              │                 ▲
//	          └────────┴─────────┼──│──────────────┘ goes on its way │
//	                             └  └────── all of it at once ───────┘
//
//	pending ──▶ packed · shipped   on account: the goods go before the money comes
//	packed · shipped · delivered ──▶ cancelled   on account, unpaid, and they came back
//
// Settle alone leads to paid; an order on account that is packed or sent by then
// stays where it is, and its time of payment says that it is paid. A paid order that can't be sent is refunded and
// ends as refunded; only an unpaid one is cancelled.
type Status string

// The states. Their words are part of the REST API.
const (
	Pending           Status = "pending" // held, unpaid
	Paid              Status = "paid"
	Packed            Status = "packed"
	Shipped           Status = "shipped"
	Delivered         Status = "delivered"
	Cancelled         Status = "cancelled"
	PartiallyRefunded Status = "partially_refunded"
	Refunded          Status = "refunded"
)

var moves = map[Status][]Status{
	Pending:           {Paid, Cancelled, Packed, Shipped}, // the last two on account only: Order.May
	Paid:              {Packed, Shipped, PartiallyRefunded, Refunded},
	Packed:            {Shipped, PartiallyRefunded, Refunded, Cancelled}, // the last, here and below, on account only: Order.May
	Shipped:           {Delivered, PartiallyRefunded, Refunded, Cancelled},
	Delivered:         {PartiallyRefunded, Refunded, Cancelled},
	Cancelled:         {Paid}, // a payment approved after the hold ended
	PartiallyRefunded: {Packed, Shipped, Delivered, Refunded},
	Refunded:          {},
}

// Statuses returns every state, in the order of a usual life.
func Statuses() []Status {
	return []Status{Pending, Paid, Packed, Shipped, Delivered, Cancelled, PartiallyRefunded, Refunded}
}

// May reports whether an order may go from s to t.
func (s Status) May(t Status) bool { return slices.Contains(moves[s], t) }

// Final reports whether nothing more is expected to happen by itself.
func (s Status) Final() bool {
	return s == Delivered || s == Cancelled || s == Refunded
}

// Payment is where the newest attempt to pay stands, as the API tells it.
type Payment string

// The states of an attempt to pay.
const (
	PaymentOpen     Payment = "open"
	PaymentApproved Payment = "approved"
	PaymentDeclined Payment = "declined"
	PaymentExpired  Payment = "expired"
	PaymentSettling Payment = "settling" // approved too late and being settled; the API tells it as expired
	PaymentOwed     Payment = "owed"     // likewise, where a person has to send it back and has not yet; the API tells it as expired
	PaymentReturned Payment = "returned" // approved too late or twice, and paid back; the API tells it as expired
)
