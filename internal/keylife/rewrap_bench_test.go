package keylife_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/store"
)

// fill stores n living dossiers of strangers.
func fill(b *testing.B, s *shoptest.Shop, n int) {
	b.Helper()
	raw := s.Raw(b)
	const rows = 50
	far := time.Now().AddDate(1, 0, 0).UnixMilli()
	for at := 0; at < n; at += rows {
		var values []string
		var args []any
		for range min(rows, n-at) {
			o := seal.Owner{Dossier: store.NewID(), Subject: store.NewID(), Purpose: "fulfilment", Case: store.NewID()}
			_, wrap, err := s.Ring.NewDossier(o)
			if err != nil {
				b.Fatal(err)
			}
			k := len(args)
			values = append(values, fmt.Sprintf("($%d,$%d,$%d,$%d,'open',1,$%d,0,$%d)", k+1, k+2, k+3, k+4, k+5, k+6))
			args = append(args, o.Subject, o.Dossier, o.Purpose, o.Case, wrap, far)
		}
		shoptest.Do(b, raw, `INSERT INTO dossiers (subject, id, purpose, case_id, state, epoch, wrap, created_at, destroy_after) VALUES `+strings.Join(values, ","), args...)
	}
}

// BenchmarkRewrap re-wraps a million dossiers (a tenth of it outside make soak)
// while the shop serves.
func BenchmarkRewrap(b *testing.B) {
	for _, engine := range shoptest.Engines() {
		for name, pace := range map[string]keylife.Pace{"calm": keylife.Calm, "swift": keylife.Swift} {
			b.Run(engine+"/"+name, func(b *testing.B) {
				s := shoptest.Open(b, engine)
				n := shoptest.Tenth(1_000_000)
				fill(b, s, n)
				if s.OnPostgres() {
					shoptest.Do(b, s.Raw(b), `VACUUM (ANALYZE) dossiers`) // as one that has run for a while
					pg.Shared(b).Flush(b)
				}
				k := keeper(s)
				for b.Loop() {
					if _, err := k.Rotate(b.Context(), ada); err != nil {
						b.Fatal(err)
					}
					s.ReportBeside(b, "dossiers", n, func() error {
						return k.Rewrap(b.Context(), pace, func(keylife.Progress) {})
					})
				}
			})
		}
	}
}
