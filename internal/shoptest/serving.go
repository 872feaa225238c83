package shoptest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	// stepEvery is how often somebody does a step: 250 steps a second are a busy
	// shop that still leaves a small machine most of its time.
	stepEvery = 4 * time.Millisecond
	// shoppers bounds how many steps are under way at a time. Who comes then waits,
	// and the wait counts.
	shoppers = 8
	// calm is how long the shop serves before the work begins: 7,500 steps, so that
	// 75 of them are the slowest hundredth. With 2,500 the p99 of a shop at rest was
	// anything between 2.7 and 7.7 ms.
	calm = 30 * time.Second
)

// ReportBeside measures work beside a serving shop: how many things a second act
// works off, and how long the slowest hundredth of what is served takes before it
// and meanwhile.
//
// What is served are cart sessions: a cart is made, filled and changed, gets
// details that are sealed, is read, and an order is looked at, which opens it.
// Steps come at fixed times, however long those before them take, and a step's
// time begins when it was due: who has to wait is not left out.
func (s *Shop) ReportBeside(b *testing.B, things string, n int, act func() error) {
	b.Helper()
	cup := s.Product(b, "saucer", 900, Counted(1_000_000))
	placed, err := s.Place(s.Ready(b, cup.ID, 1), "looked at")
	if err != nil {
		b.Fatal(err)
	}
	visit := func(act func() error) time.Duration {
		p99, err := s.serve(cup.ID, placed, act)
		if err != nil {
			b.Fatal(err)
		}
		return p99
	}
	before := visit(func() error { time.Sleep(calm); return nil })
	start := time.Now()
	var took time.Duration
	beside := visit(func() error {
		defer func() { took = time.Since(start) }()
		return act()
	})
	b.ReportMetric(float64(n)/took.Seconds(), things+"/s")
	b.ReportMetric(float64(before.Microseconds())/1000, "p99-before-ms")
	b.ReportMetric(float64(beside.Microseconds())/1000, "p99-beside-ms")
}

// serve lets shoppers come until act has returned.
func (s *Shop) serve(cup catalog.VariantID, placed checkout.Placed, act func() error) (p99 time.Duration, err error) {
	due := make(chan time.Time, 100_000) // far more than a shop can be behind
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	var group sync.WaitGroup
	for range shoppers {
		group.Go(func() {
			v := visit{shop: s, cup: cup, placed: placed}
			for at := range due {
				err := v.step(context.Background())
				mu.Lock()
				took, failed = append(took, time.Since(at)), errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	over := make(chan error, 1)
	go func() { over <- act() }()
	for at := time.Now(); ; at = at.Add(stepEvery) {
		select {
		case err = <-over:
			close(due)
			group.Wait()
			slices.Sort(took)
			return took[len(took)*99/100], errors.Join(err, failed)
		case <-time.After(time.Until(at)):
			due <- at
		}
	}
}

// visit is one shopper's way through the shop, again and again.
type visit struct {
	shop   *Shop
	cup    catalog.VariantID
	placed checkout.Placed
	at     int // the next step
	cart   cart.ID
	token  string
	line   cart.LineID
}

func (v *visit) step(ctx context.Context) (err error) {
	d := v.shop.Desk
	var c cart.Cart
	switch v.at {
	case 0:
		c, v.token, err = d.NewCart(ctx)
		v.cart = c.ID
	case 1:
		if c, err = d.AddLine(ctx, v.cart, v.token, v.cup, 1); err == nil {
			v.line = c.Lines[0].ID
		}
	case 2:
		_, err = d.SetQuantity(ctx, v.cart, v.token, v.line, 2)
	case 3:
		_, err = d.SaveDetails(ctx, v.cart, v.token, Ada())
	case 4:
		_, err = d.Cart(ctx, v.cart, v.token)
	case 5:
		err = v.shop.DB.View(ctx, func(look *store.View) error {
			_, err := look.OrderDetails(v.placed.Order.Owner, v.placed.Order.ID)
			return err
		})
	}
	v.at = (v.at + 1) % 6
	return err
}
