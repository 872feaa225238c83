package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// forgotten is a bank whose call-backs of late never arrived.
type forgotten struct {
	*shoptest.Bank
	said payment.Recalled
	down bool
}

func (f *forgotten) Recall(context.Context, time.Time) (payment.Recalled, error) {
	if f.down {
		return payment.Recalled{}, errors.New("no answer")
	}
	return f.said, nil
}

// TestOnceADayTheShopAsksWhatNeverArrived: the log and the command tell how much was new and
// not whose, and a bank that is silent hides none of the rest of the day's work.
func TestOnceADayTheShopAsksWhatNeverArrived(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bank := &forgotten{Bank: s.Bank}
		told := 0
		desk, err := checkout.New(checkout.Config{Store: s.DB, Providers: []payment.Provider{bank}, Origin: "https://shop.test",
			Tell: func(*store.Tx, message.NoticeKind) error { told++; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		b := s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(2)).ID, 1)
		p, err := desk.Place(t.Context(), b.ID, b.Token, checkout.PlaceInput{Key: "key", Request: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		n := s.Bank.Say(p, 1, payment.Approved)
		s.Bank.Decide(n)
		if err := desk.Settle(t.Context(), "bank", n); err != nil {
			t.Fatal(err)
		}
		n.About, n.Outcome, n.Reason, n.AnswerBy = "dispute", payment.Disputed, order.DisputeOther, s.DB.Now().Add(24*time.Hour)
		bank.said.Notices = []payment.Notice{n}

		var out, log bytes.Buffer
		v := &vault{db: s.DB}
		daily := &server{desk: desk, vault: v, log: slog.New(slog.NewTextHandler(&log, nil))}
		for _, want := range []int{2, 3} { // the new concern and the reminder; then the reminder alone
			if err := daily.paymentsDaily(t.Context()); err != nil || told != want {
				t.Errorf("%v; the owners were told %d times, want %d", err, told, want)
			}
		}
		if strings.Count(log.String(), "never reached the shop") != 1 || !strings.Contains(log.String(), "new=1") || strings.Contains(log.String(), string(p.Order.Number)) {
			t.Errorf("the log says\n%s", log.String())
		}
		command := &operating{desk: desk, vault: v, out: &out, actor: ledger.OS("owner")}
		ask := func(fails bool, want string) {
			t.Helper()
			out.Reset()
			if err := command.payments(t.Context(), call{Name: "payments recall"}); (err != nil) != fails || !strings.Contains(out.String(), want) {
				t.Errorf("%v:\n%s\nwant %q", err, out.String(), want)
			}
		}
		ask(false, fmt.Sprintf("cartkeep: 1 notice of the last %d days read, 0 of them new, 0 of no payment here; 0 services without an answer", checkout.RecallDays))
		bank.said.Left, bank.said.Unread = true, 1
		ask(true, "2 notices of the last 30 days read, 0 of them new, 1 of no payment here")
		ask(true, "there was more than is read at once")
		log.Reset()
		if err := daily.recallDaily(t.Context()); err != nil || strings.Contains(log.String(), "payments concerns") || !strings.Contains(log.String(), `"of no payment here"=1 "services not read to the end"=1`) {
			t.Errorf("%v; what is no concern is logged as\n%s", err, log.String())
		}
		bank.down = true
		ask(true, "1 service without an answer")
		if err := daily.paymentsDaily(t.Context()); err != nil || told != 4 {
			t.Errorf("while the bank is silent: %v; the owners were told %d times, want 4", err, told)
		}
	})
}
