package intake_test

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/intake"
	"github.com/cartkeep/cartkeep/internal/money"
)

// shelf is a Sink that keeps products by handle.
type shelf struct {
	products map[string]catalog.Product
	order    []string
	refuse   map[string]error
}

func (s *shelf) Save(_ context.Context, list []catalog.Product) ([]intake.Saved, error) {
	out := make([]intake.Saved, len(list))
	for i, p := range list {
		switch err := s.refuse[p.Handle]; {
		case fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict):
			out[i] = intake.Saved{Outcome: intake.Refused, Why: err}
			continue
		case err != nil:
			return out, err
		}
		s.keep(p)
	}
	return out, nil
}

func (s *shelf) keep(p catalog.Product) {
	if s.products == nil {
		s.products = make(map[string]catalog.Product)
	}
	if _, known := s.products[p.Handle]; !known {
		s.order = append(s.order, p.Handle)
	}
	s.products[p.Handle] = p
}

func currency(t testing.TB, code string) money.Currency {
	t.Helper()
	c, err := money.ParseCurrency(code)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// take imports a file in euros and fails when the import ends early.
func take(t *testing.T, file string) (*shelf, intake.Report) {
	t.Helper()
	s := &shelf{}
	report, err := intake.Import(t.Context(), intake.Read(strings.NewReader(file), currency(t, "EUR")), s, nil)
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return s, report
}

// wantBad compares lines and part of the reasons.
func wantBad(t *testing.T, got []*intake.RowError, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("bad rows: got %v, want %d", got, len(want))
		return
	}
	for i, w := range want {
		line, reason, _ := strings.Cut(w, " ")
		if strconv.Itoa(got[i].Line) != line || !strings.Contains(got[i].Reason, reason) {
			t.Errorf("bad row: got %q, want line %s with %q", got[i], line, reason)
		}
	}
}

// TestRealFiles compares products made by others with a plain reading of the
// same files.
func TestRealFiles(t *testing.T) {
	folder := os.Getenv("CARTKEEP_SAMPLES")
	if folder == "" {
		folder = "../../../shared/data/catalogues"
	}
	for _, name := range []string{"shopify-apparel.csv", "shopify-home-and-garden.csv"} {
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(folder + "/" + name)
			if err != nil {
				t.Skip("the sample catalogues are not here; CARTKEEP_SAMPLES names their folder")
			}
			s, report := take(t, string(content))
			rows, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			at := make(map[string]int)
			for i, column := range rows[0] {
				at[column] = i
			}
			type sold struct {
				values, sku string
				cents, left int64
				counted     bool
			}
			want := make(map[string][]sold)
			pictures := make(map[string][]string)
			variants := 0
			for _, row := range rows[1:] {
				get := func(column string) string { return row[at[column]] }
				handle := get("Handle")
				if src := get("Image Src"); src != "" {
					pictures[handle] = append(pictures[handle], src)
				}
				if get("Variant Price") == "" {
					continue
				}
				whole, part, _ := strings.Cut(get("Variant Price"), ".")
				cents, err := strconv.ParseInt(whole+(part + "00")[:2], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				left, err := strconv.ParseInt(get("Variant Inventory Qty"), 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				var values []string
				for _, column := range []string{"Option1 Value", "Option2 Value", "Option3 Value"} {
					if v := strings.TrimSpace(get(column)); v != "" && v != "Default Title" {
						values = append(values, v)
					}
				}
				want[handle] = append(want[handle], sold{strings.Join(values, "/"), get("Variant SKU"), cents, left, get("Variant Inventory Tracker") == "shopify"})
				variants++
			}
			if len(want) != 20 || report.Products != 20 || len(s.products) != 20 {
				t.Errorf("products: got %d saved, %d reported, want 20", len(s.products), report.Products)
			}
			if report.Variants != variants || len(report.Bad) != 0 {
				t.Errorf("got %d variants and bad rows %v, want %d and none", report.Variants, report.Bad, variants)
			}
			missing := 0
			for handle, p := range s.products {
				missing += len(p.Pictures)
				if len(p.Pictures) != len(pictures[handle]) {
					t.Errorf("%s: got %d pictures, want %d", handle, len(p.Pictures), len(pictures[handle]))
				}
				if !p.Published || p.Title == "" {
					t.Errorf("%s: got no title, or not published", handle)
				}
				if len(p.Variants) != len(want[handle]) {
					t.Errorf("%s: got %d variants, want %d", handle, len(p.Variants), len(want[handle]))
					continue
				}
				for i, v := range p.Variants {
					got := sold{strings.Join(v.Values, "/"), v.SKU, v.Price.Minor(), v.Stock.OnHand, v.Stock.Counted}
					if got != want[handle][i] {
						t.Errorf("%s: got %+v, want %+v", handle, got, want[handle][i])
					}
				}
			}
			if report.MissingPictures != missing || missing == 0 {
				t.Errorf("missing pictures: got %d, want %d", report.MissingPictures, missing)
			}
		})
	}
}

func TestNotAProductFile(t *testing.T) {
	for name, file := range map[string]string{
		"nothing":              "",
		"blank lines":          "\r\n\n\n",
		"another table":        "Name,Email\nAda,ada@example.org\n",
		"a column twice":       "Handle,Title,Variant Price,handle\n",
		"UTF-16":               "\xff\xfeH\x00a\x00",
		"broken header":        "\"Handle,Title\nx\n",
		"a picture":            "\x89PNG\r\n\x1a\n\x00\x00",
		"one line without end": strings.Repeat("x", 3*intake.MaxRow),
	} {
		t.Run(name, func(t *testing.T) {
			r := intake.Read(strings.NewReader(file), currency(t, "EUR"))
			for range 2 { // and it stays so
				if _, err := r.Next(); !fault.Is(err, fault.Invalid) {
					t.Errorf("got %v, want a fault that a person can act on", err)
				}
			}
		})
	}
}

func TestASinkMayRefuseOneProduct(t *testing.T) {
	s := &shelf{refuse: map[string]error{"bowl": fault.New(fault.Conflict, "The SKU belongs to another product.")}}
	file := head + "bowl,Bowl,1\ncup,Cup,2\n"
	var steps []int
	report, err := intake.Import(t.Context(), intake.Read(strings.NewReader(file), currency(t, "EUR")), s, func(n int) { steps = append(steps, n) })
	if err != nil || report.Products != 1 || !slices.Equal(steps, []int{1, 2}) {
		t.Errorf("got %+v, %v, steps %v; want one product", report, err, steps)
	}
	wantBad(t, report.Bad, "2 SKU belongs")
}

func TestAnImportEndsWhenTheShopCannotSave(t *testing.T) {
	broken := errors.New("disk full")
	s := &shelf{refuse: map[string]error{"bowl": broken}}
	report, err := intake.Import(t.Context(), intake.Read(strings.NewReader(head+"cup,Cup,2\nbowl,Bowl,1\npot,Pot,1\n"), currency(t, "EUR")), s, nil)
	if !errors.Is(err, broken) || report.Products != 0 || s.products["pot"].Handle != "" {
		t.Errorf("got %+v, %v; want the error, and nothing counted as saved", report, err)
	}
}

func TestAnImportEndsWhenTheFileCannotBeRead(t *testing.T) {
	gone := errors.New("the disk was pulled out")
	file := io.MultiReader(strings.NewReader(head+"cup,Cup,2\nbowl,Bo"), &failing{gone})
	s := &shelf{}
	if _, err := intake.Import(t.Context(), intake.Read(file, currency(t, "EUR")), s, nil); !errors.Is(err, gone) {
		t.Errorf("got %v, want the reader's error", err)
	}
	if _, there := s.products["bowl"]; there {
		t.Error("half a row was saved")
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestAnImportCanBeStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &shelf{}
	_, err := intake.Import(ctx, intake.Read(strings.NewReader(head+"a,A,1\nb,B,1\nc,C,1\n"), currency(t, "EUR")), s, func(int) { cancel() })
	if !errors.Is(err, context.Canceled) || len(s.products) != 0 {
		t.Errorf("got %v after %d products, want a stop before the first is saved", err, len(s.products))
	}
}
