package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// drawn is a picture in two widths.
func drawn() store.Drawn {
	return store.Drawn{Hash: "0123456789abcdef0123456789abcdef", Type: "image/jpeg",
		Bodies: []store.Body{{Width: 360, Height: 180, Bytes: []byte("small")}, {Width: 500, Height: 250, Bytes: []byte("large")}}}
}

func TestAPictureIsFetchedOnceAndForgottenWhenNobodyShowsIt(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		const source, other = "https://elsewhere.example/mug.jpg", "https://elsewhere.example/bowl.jpg"
		s.Product(t, "mug", 1950, shoptest.Counted(5))
		var mug catalog.Product
		view(t, s, func(v *store.View) (err error) { mug, err = v.ProductByHandle("mug"); return err })
		save := func(sources ...string) {
			t.Helper()
			mug.Pictures = nil
			for _, s := range sources {
				mug.Pictures = append(mug.Pictures, catalog.Picture{Source: s, Alt: "A mug"})
			}
			inTx(t, s, func(t *store.Tx) error { return t.SaveProduct(mug) })
		}
		missing := func() (out []string) {
			t.Helper()
			view(t, s, func(v *store.View) error {
				list, err := v.MissingPictures("", 10)
				for _, m := range list {
					out = append(out, m.Handle+" "+m.Source)
				}
				return err
			})
			return out
		}
		body := func(name string) (out string, err error) {
			t.Helper()
			err = s.DB.View(noCtx, func(v *store.View) error {
				_, b, err := v.Picture(name)
				out = string(b)
				return err
			})
			return out, err
		}
		save(source, other)
		if got, want := missing(), []string{"mug " + other, "mug " + source}; !slices.Equal(got, want) {
			t.Fatalf("missing %v, want %v", got, want)
		}
		inTx(t, s, func(t *store.Tx) error { return t.KeepPicture(source, drawn()) })
		inTx(t, s, func(t *store.Tx) error { return t.KeepPicture(source, drawn()) })
		if got, want := missing(), []string{"mug " + other}; !slices.Equal(got, want) {
			t.Errorf("missing %v, want %v", got, want)
		}
		save(source, other) // the same file once more
		if got, want := missing(), []string{"mug " + other}; !slices.Equal(got, want) {
			t.Errorf("missing %v after a second import, want %v", got, want)
		}
		var p catalog.Product
		view(t, s, func(v *store.View) (err error) { p, err = v.ProductByHandle("mug"); return err })
		first := p.Pictures[0]
		if len(first.Renditions) != 2 || first.URL != first.Renditions[1].URL || first.Renditions[0].Height != 180 || p.Pictures[1].URL != "" {
			t.Errorf("got %+v", p.Pictures)
		}
		name := first.Renditions[0].URL[len("/pictures/"):]
		if got, err := body(name); got != "small" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		for _, wrong := range []string{"", "x", "0123456789abcdef0123456789abcdef-361.jpg", "0123456789abcdef0123456789abcdef-360.png",
			"0123456789abcdef0123456789abcdef-0360.jpg", "0123456789abcdef0123456789abcdef.jpg", name + "/", "../" + name} {
			if _, err := body(wrong); !fault.Is(err, fault.NotFound) {
				t.Errorf("%q: %v, want it not found", wrong, err)
			}
		}

		save()
		for _, step := range []struct {
			after time.Duration
			there bool
		}{{time.Hour, true}, {48 * time.Hour, false}} {
			s.Clock.Move(step.after)
			if err := s.DB.SweepPictures(noCtx); err != nil {
				t.Fatal(err)
			}
			if _, err := body(name); (err == nil) != step.there {
				t.Errorf("%v later: %v", step.after, err)
			}
		}
	})
}
