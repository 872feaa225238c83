package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

func TestAnAlarmIsLoggedAndInTheLedger(t *testing.T) {
	shop := shoptest.Open(t, "sqlite")
	var log bytes.Buffer
	s := &server{log: slog.New(slog.NewTextHandler(&log, nil)), vault: &vault{db: shop.DB}}
	s.alarm(abuse.Alarm{Kind: abuse.AttackBegins, Wrong: 60, Right: 3})
	if got := log.String(); !strings.Contains(got, "msg=alarm kind=attack-begins wrong=60 right=3") {
		t.Errorf("logged %q", got)
	}
	if got := shoptest.One[int64](t, shop.Raw(t), `SELECT count(*) FROM events WHERE action = 'alarm.attack-begins'`); got != 1 {
		t.Errorf("%d events, want 1", got)
	}
}

func TestOwnersHearOfAnAttackOnceAnHour(t *testing.T) {
	shop := shoptest.Open(t, "sqlite")
	staffed(t, shop.DB)
	s := &server{log: slog.New(slog.DiscardHandler), vault: &vault{db: shop.DB}, keeper: shop.Keeper}
	letters := func() (n int) {
		shop.Run(t)
		for _, m := range shop.Letters.All() {
			if m.To != "ada@shop.test" {
				t.Errorf("a letter to %s, want owners alone", m.To)
			}
			n++
		}
		return n
	}
	for range 3 {
		s.alarm(abuse.Alarm{Kind: abuse.AttackBegins, Wrong: 60})
		s.alarm(abuse.Alarm{Kind: abuse.AttackEnds})
	}
	if got := letters(); got != 1 {
		t.Errorf("%d letters, want 1", got)
	}
	shop.Clock.Move(61 * time.Minute)
	s.alarm(abuse.Alarm{Kind: abuse.AttackBegins, Wrong: 60})
	if got := letters(); got != 2 {
		t.Errorf("%d letters an hour later, want 2", got)
	}
}
