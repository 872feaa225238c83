package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

func TestAnAlarmIsLoggedAndInTheLedger(t *testing.T) {
	shop := shoptest.Open(t, "sqlite")
	var log bytes.Buffer
	s := &server{log: slog.New(slog.NewTextHandler(&log, nil)), vault: &vault{db: shop.DB}}
	s.alarm(gate.Alarm{Kind: gate.AttackBegins, Wrong: 60, Right: 3})
	if got := log.String(); !strings.Contains(got, "msg=alarm kind=attack-begins wrong=60 right=3") {
		t.Errorf("logged %q", got)
	}
	if got := shoptest.One[int64](t, shop.Raw(t), `SELECT count(*) FROM events WHERE action = 'alarm.attack-begins'`); got != 1 {
		t.Errorf("%d events, want 1", got)
	}
}
