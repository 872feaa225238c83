package intake_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/intake"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// plans is a file of WooCommerce with things to download: of a simple product,
// of each variation, twice by one name, and one that is gone.
const plans = `ID,Type,SKU,Name,Published,"In stock?","Regular price",Parent,"Attribute 1 name","Attribute 1 value(s)","Download 1 name","Download 1 URL","Download 2 name","Download 2 URL"
1,"simple, downloadable, virtual",BENCH,Bench,1,1,3.00,,,,../Plan/of a bench,https://files.example/a/plan.pdf,,https://files.example/b/cut%20list.txt
2,"variable",,Chair,1,1,,,Language,"de, en",,,,
3,"variation, downloadable, virtual",,Chair - de,1,1,5.00,id:2,Language,de,Plan.pdf,https://files.example/de.pdf,Plan.pdf,https://files.example/de-2.pdf
4,"variation, downloadable, virtual",,Chair - en,1,1,5.00,id:2,Language,en,Plan.pdf,https://files.example/gone.pdf,Notes,/wp-content/notes.pdf
5,simple,POT,Pot,1,1,9.00,,,,How to,https://files.example/post.pdf,,
`

func TestDownloadsOfWooCommerceAreSealedOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		var asked atomic.Int64
		host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if r.URL.Path == "/gone.pdf" {
				http.NotFound(w, r)
				return
			}
			fmt.Fprintf(w, "This is %s. ", r.URL.Path)
			w.Write(bytes.Repeat([]byte("over, under, through. "), 10_000))
		}))
		defer host.Close()
		fetch := func(ctx context.Context, source string, into func(io.Reader) error) error {
			answer, err := http.Get(strings.Replace(source, "https://files.example", host.URL, 1))
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fault.New(fault.Invalid, fmt.Sprintf("The host answered with status %d.", answer.StatusCode))
			}
			return into(answer.Body)
		}
		report, err := intake.Import(t.Context(), intake.Read(strings.NewReader(plans), currency(t, "EUR")), sink{s}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Bad) != 1 || report.Bad[0].Line != 5 || !strings.Contains(report.Bad[0].Reason, "cartkeep files add") {
			t.Errorf("bad rows: %v, want the address without a host", report.Bad)
		}
		for round, want := range []struct {
			intake.DownloadReport
			asked int64
		}{{intake.DownloadReport{Kept: 4, Missing: 2}, 5}, {intake.DownloadReport{There: 4, Missing: 2}, 1}} {
			asked.Store(0)
			reasons := map[string]string{}
			got, err := intake.Downloads{Store: s.DB, Actor: ledger.System("test"), Fetch: fetch,
				Missing: func(d intake.Download, reason string) { reasons[d.Source] = reason }}.Bring(t.Context(), report.Downloads)
			if err != nil || got != want.DownloadReport || asked.Load() != want.asked {
				t.Errorf("round %d: got %+v, asked %d, %v; want %+v", round, got, asked.Load(), err, want)
			}
			if reasons["https://files.example/gone.pdf"] != "The host answered with status 404." || !strings.Contains(reasons["https://files.example/post.pdf"], "sent by post") {
				t.Errorf("round %d: reasons %q", round, reasons)
			}
			var names []string
			err = s.DB.View(t.Context(), func(v *store.View) error {
				files, err := v.Files("")
				for _, f := range files {
					names = append(names, f.Name)
				}
				return err
			})
			if want := []string{"Plan (2).pdf", "Plan-of a bench.pdf", "Plan.pdf", "cut list.txt"}; err != nil || !slices.Equal(slices.Sorted(slices.Values(names)), want) {
				t.Errorf("round %d: files %q, want %q (%v)", round, names, want, err)
			}
		}
		var files []store.File
		if err := s.DB.View(t.Context(), func(v *store.View) (err error) { files, err = v.Files(""); return err }); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			var body bytes.Buffer
			if err := s.DB.ReadFile(t.Context(), f, 0, &body); err != nil || !strings.HasPrefix(body.String(), "This is /") || body.Len() < 220_000 {
				t.Errorf("%s: %d bytes, %v", f.Name, body.Len(), err)
			}
		}
	})
}

// TestAFileThatBreaksOffIsNotSold: what was read of it is gone, and the next
// import brings it.
func TestAFileThatBreaksOffIsNotSold(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	report, err := intake.Import(t.Context(), intake.Read(strings.NewReader(plans), currency(t, "EUR")), sink{s}, nil)
	if err != nil {
		t.Fatal(err)
	}
	broken := func(_ context.Context, _ string, into func(io.Reader) error) error {
		off := fault.New(fault.Invalid, "The file broke off.")
		if err := into(io.MultiReader(bytes.NewReader(make([]byte, 200_000)), iotest.ErrReader(off))); err == nil {
			t.Error("half a file was kept")
		}
		return off
	}
	got, err := intake.Downloads{Store: s.DB, Actor: ledger.System("test"), Fetch: broken, Missing: func(intake.Download, string) {}}.Bring(t.Context(), report.Downloads[:1])
	if err != nil || got != (intake.DownloadReport{Missing: 1}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := s.DB.View(t.Context(), func(v *store.View) error {
		files, err := v.Files("")
		if len(files) > 0 {
			t.Errorf("sold: %+v", files)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// sink keeps products in a shop.
type sink struct{ *shoptest.Shop }

func (s sink) Save(ctx context.Context, list []catalog.Product) ([]intake.Saved, error) {
	return make([]intake.Saved, len(list)), s.DB.InTx(ctx, ledger.System("test"), func(t *store.Tx) error {
		for _, p := range list {
			if err := t.SaveProduct(p); err != nil {
				return err
			}
		}
		return nil
	})
}
