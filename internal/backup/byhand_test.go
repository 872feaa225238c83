package backup

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// byHand is what somebody gets of a person with neither the shop nor its rules:
// every wrap of the key part that the key store opens, and every value of the data
// part that these open.
type byHand struct {
	wraps   int // there are, in the key part
	unknown int // under an epoch that the key store lacks
	values  int // that open
	marked  int // of those, with the person's name
}

// tries opens by hand the dossiers that have ended by now of somebody erased.
func (y *year) tries(t *testing.T, data, keys month, ring []seal.Epoch, of order.Order, marker string) (out byHand) {
	t.Helper()
	from, err := seal.Open(t.Context(), seal.NewMemory(ring...))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	ids := y.pair.Identities()
	open := map[string]*seal.Dossier{}
	_, err = (&pairing{}).look(t.Context(), onDisk(keys.keys), ids, func(d dossier) error {
		if d.owner.Subject != of.Owner || !slices.Contains(y.ended[of.Owner], d.owner.Dossier) || d.ended() {
			return nil
		}
		out.wraps++
		key, err := from.Unwrap(d.owner, slices.Clone(d.row[atWrap].Raw))
		if errors.Is(err, seal.ErrEpochUnknown) {
			out.unknown++
			return nil
		}
		open[d.owner.Dossier] = key
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	part, in, err := onDisk(data.data).open(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer part.close()
	var table string
	var columns []string
	err = part.each(func(name string, list []string) error {
		table, columns = name, slices.Clone(list)
		return nil
	}, func(row []store.Value) error {
		var cells []any
		for i, v := range row {
			if v.Kind != store.KindBytes {
				continue
			}
			id, err := seal.ValueDossier(v.Raw)
			if err != nil || open[id] == nil {
				continue
			}
			if cells == nil {
				cells = cellsOf(row)
			}
			text, ok := shoptest.OpenAnywhere(open[id], table, columns[i], cells, v.Raw)
			if !ok {
				t.Errorf("%s.%s: a value does not open with its own key", table, columns[i])
				continue
			}
			out.values++
			if strings.Contains(string(text), marker) {
				out.marked++
			}
		}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func cellsOf(row []store.Value) (out []any) {
	for _, v := range row {
		switch v.Kind {
		case store.KindText:
			out = append(out, string(v.Raw))
		case store.KindInt:
			out = append(out, v.Int)
		}
	}
	return out
}

// destroyed lists somebody's dossiers that have ended.
func destroyed(t *testing.T, s *shoptest.Shop, subject string) (out []string) {
	t.Helper()
	out = shoptest.Column[string](t, s.Raw(t), `SELECT id FROM dossiers WHERE subject = $1 AND state = 'destroyed'`, subject)
	if len(out) == 0 {
		t.Fatal("no dossier has ended")
	}
	return out
}

// everyMonth tries what was kept at the end of each month: all three of then, each
// two of then with today's third, and each one of then with today's others; by a
// restore, and by hand for each person who was erased.
func (y *year) everyMonth(t *testing.T) {
	t.Helper()
	months := []int{2, 5, 8, 11}
	if y.engine == "sqlite" {
		months = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	}
	now := y.kept[11]
	const window = 10 // the oldest month whose epoch is in the key store of today
	short := map[string]string{refused: "-", living: "living", both: "all", erased: "erased", nobody: "nobody"}
	lines := map[string]string{}
	head, loss := "", ""
	for _, m := range months {
		then := y.kept[m-1]
		head += fmt.Sprintf("%-7d", m)
		with := func(when func(of [2]int) bool) (out []string) {
			for who, of := range leavers {
				if when(of) {
					out = append(out, who)
				}
			}
			return out
		}
		held := with(func(of [2]int) bool { return of[0] <= m && m < of[1] }) // who was in the shop then
		first, second := living, refused
		if len(held) > 0 {
			first = both
		}
		if m >= window {
			second = living
		}
		for _, c := range []struct {
			name string
			d, k month
			e    []seal.Epoch
			must string
		}{
			{"D-then K-then E-then", then, then, then.epochs, first},
			{"D-then K-then E-now", then, then, now.epochs, second},
			{"D-then K-now  E-then", then, now, then.epochs, refused},
			{"D-now  K-then E-then", now, then, then.epochs, living},
			{"D-then K-now  E-now", then, now, now.epochs, living},
			{"D-now  K-then E-now", now, then, now.epochs, second},
			{"D-now  K-now  E-then", now, now, then.epochs, refused},
		} {
			got, lost := y.opens(t, c.d, c.k, c.e, "")
			if got != c.must {
				t.Errorf("month %d, %s: opens %s, want %s", m, c.name, got, c.must)
			}
			lines[c.name] += fmt.Sprintf("%-7s", short[got])
			if c.k.keys == then.keys && c.d.data == now.data && got != refused {
				if c.name == "D-now  K-then E-then" {
					loss += fmt.Sprintf("%-7d", len(lost))
				}
				y.namesLost(t, m, lost)
			} else if len(lost) > 0 {
				t.Errorf("month %d, %s: %d dossiers are lost, want none", m, c.name, len(lost))
			}
			for who := range leavers {
				of := y.placed[who].Order
				if of.Owner == "" {
					t.Fatalf("%s did not buy", who)
				}
				got := y.tries(t, c.d, c.k, c.e, of, "Marker "+who)
				switch there := slices.Contains(held, who); {
				case c.name == "D-then K-then E-then" && there:
					if got.marked == 0 || got.unknown > 0 {
						t.Errorf("month %d, %s: got %+v of %s by hand, want them opened: the trial finds nobody", m, c.name, got, who)
					}
				case got.values > 0:
					t.Errorf("month %d, %s: %d values of %s open by hand, %d with the name", m, c.name, got.values, who, got.marked)
				case c.name == "D-then K-then E-now" && there:
					if got.wraps == 0 || got.unknown != got.wraps {
						t.Errorf("month %d, %s: got %+v of %s by hand, want every wrap under an epoch that is gone", m, c.name, got, who)
					}
				case c.k.keys == now.keys && got.wraps > 0:
					t.Errorf("month %d, %s: today's key part has %d wraps of %s", m, c.name, got.wraps, who)
				}
			}
		}
	}
	t.Logf("%-25s%s", "kept at the end of month", head)
	for _, name := range []string{"D-then K-then E-then", "D-then K-then E-now", "D-then K-now  E-then", "D-now  K-then E-then",
		"D-then K-now  E-now", "D-now  K-then E-now", "D-now  K-now  E-then"} {
		t.Logf("%-25s%s", name, lines[name])
	}
	t.Logf("%-25s%s", "  named as lost", loss)
}

// namesLost demands that whoever bought after the key part was made is named.
func (y *year) namesLost(t *testing.T, m int, lost []Lost) {
	t.Helper()
	named := map[string]string{}
	for _, l := range lost {
		named[l.Dossier] = l.Purpose
	}
	raw := y.s.Raw(t)
	for _, purpose := range []string{"fulfilment", "invoicing"} {
		id := shoptest.One[string](t, raw, `SELECT id FROM dossiers WHERE state = 'open' AND subject = $1 AND purpose = $2`, y.placed["m12-1"].Order.Owner, purpose)
		if named[id] != purpose {
			t.Errorf("month %d: the %s of who bought later is not named among %d lost", m, purpose, len(lost))
		}
	}
}
