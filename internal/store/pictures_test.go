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
				list, err := v.MissingPictures(false, "", 10)
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

func TestThePictureOfACollectionComesLikeThatOfAProduct(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		const source, other = "https://elsewhere.example/shelf.jpg", "https://elsewhere.example/mug.jpg"
		s.Product(t, "mug", 1950, shoptest.Counted(5))
		save := func(p catalog.Picture) {
			t.Helper()
			inTx(t, s, func(t *store.Tx) error {
				return t.SaveCollection(catalog.Collection{Handle: "cups", Title: "Cups", Products: []string{"mug"}, Picture: p})
			})
		}
		shelf := func() (c catalog.Collection) {
			t.Helper()
			view(t, s, func(v *store.View) (err error) { c, err = v.Collection("cups"); return err })
			return c
		}
		missing := func(shelvesOnly bool) (out []string) {
			t.Helper()
			view(t, s, func(v *store.View) error {
				list, err := v.MissingPictures(shelvesOnly, "", 10)
				for _, m := range list {
					out = append(out, m.Handle+" "+m.Source)
				}
				return err
			})
			return out
		}
		inTx(t, s, func(t *store.Tx) error {
			p, err := t.ProductByHandle("mug")
			if err != nil {
				return err
			}
			p.Pictures = []catalog.Picture{{Source: other}}
			return t.SaveProduct(p)
		})
		save(catalog.Picture{Source: source, Alt: "A row of cups"})
		if got, want := missing(false), []string{"mug " + other, "cups " + source}; !slices.Equal(got, want) {
			t.Errorf("missing %v, want %v", got, want)
		}
		if got, want := missing(true), []string{"cups " + source}; !slices.Equal(got, want) {
			t.Errorf("missing of collections %v, want %v", got, want)
		}
		if p := shelf().Picture; p.URL != "" || p.Source != source {
			t.Errorf("before it is fetched: %+v, want nothing shown", p)
		}
		inTx(t, s, func(t *store.Tx) error { return t.KeepPicture(source, drawn()) })
		p := shelf().Picture
		if len(p.Renditions) != 2 || p.URL != p.Renditions[1].URL || p.Alt != "A row of cups" {
			t.Errorf("got %+v, want two renditions", p)
		}
		save(p) // read and written again: it still goes by its source
		if again := shelf().Picture; len(again.Renditions) != 2 {
			t.Errorf("written again: %+v", again)
		}
		if got := missing(true); len(got) > 0 {
			t.Errorf("missing %v", got)
		}

		there := func() bool {
			return s.DB.View(noCtx, func(v *store.View) error {
				_, _, err := v.Picture(p.URL[len("/pictures/"):])
				return err
			}) == nil
		}
		for _, step := range []struct {
			shown catalog.Picture
			there bool
		}{{p, true}, {catalog.Picture{URL: p.URL}, true}, {catalog.Picture{}, false}} {
			save(step.shown)
			s.Clock.Move(48 * time.Hour)
			if err := s.DB.SweepPictures(noCtx); err != nil {
				t.Fatal(err)
			}
			if there() != step.there {
				t.Errorf("shown as %+v: there is %v, want %v", step.shown, there(), step.there)
			}
		}
	})
}
