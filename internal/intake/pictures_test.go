package intake_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"sync/atomic"
	"testing"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/intake"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/picture"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestPicturesAreBroughtInOnceAndMissingOnesAreNamed(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	s.Product(t, "mug", 1950, shoptest.Counted(5))
	const good, gone, script = "https://elsewhere.example/mug.png", "https://elsewhere.example/gone.png", "https://elsewhere.example/x.svg"
	err := s.DB.InTx(t.Context(), ledger.System("test"), func(t *store.Tx) error {
		p, err := t.ProductByHandle("mug")
		if err != nil {
			return err
		}
		p.Pictures = []catalog.Picture{{Source: good}, {Source: gone}, {Source: script}}
		return t.SaveProduct(p)
	})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 400, 200))); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	fetch := func(_ context.Context, source string) ([]byte, error) {
		asked.Add(1)
		switch source {
		case good:
			return file.Bytes(), nil
		case script:
			return []byte("<svg onload='alert(1)'/>"), nil
		}
		return nil, fault.New(fault.Invalid, "The host answered with status 404.")
	}
	for _, round := range []struct {
		want  intake.PictureReport
		asked int64
	}{{intake.PictureReport{Kept: 1, Missing: 2}, 3}, {intake.PictureReport{Missing: 2}, 2}} {
		reasons := map[string]string{}
		asked.Store(0)
		got, err := intake.Pictures{Store: s.DB, Actor: ledger.System("test"), Fetch: fetch, Print: picture.NewPress().Print,
			Missing: func(m store.MissingPicture, reason string) { reasons[m.Handle+" "+m.Source] = reason }}.Bring(t.Context())
		if err != nil || got != round.want || asked.Load() != round.asked {
			t.Errorf("got %+v, asked %d, %v; want %+v, asked %d", got, asked.Load(), err, round.want, round.asked)
		}
		if reasons["mug "+gone] != "The host answered with status 404." || reasons["mug "+script] != "This is no JPEG, PNG, GIF or WebP picture." {
			t.Errorf("reasons %q", reasons)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	asked.Store(0)
	if _, err := (intake.Pictures{Store: s.DB, Fetch: fetch}).Bring(stopped); err == nil || asked.Load() > 0 {
		t.Errorf("asked %d times, %v: want an end that is told", asked.Load(), err)
	}
}
