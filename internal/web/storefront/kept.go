package storefront

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cartkeep/cartkeep/internal/web/page"
)

// shelf keeps rendered pages of the catalogue, each for a moment, in a bounded
// number. A page that can't be built is not kept, so asking for what does not
// exist takes no room.
type shelf struct {
	age   time.Duration
	most  int
	mu    sync.RWMutex
	slots map[address]*slot
}

// address tells pages apart: what they look like depends on nothing else.
type address struct {
	path string
	gpc  bool
}

// slot is the place of one page. Whoever finds it too old builds it anew while
// the others wait: a hundred visitors cost one rendering.
type slot struct {
	mu   sync.Mutex
	page atomic.Pointer[kept]
}

// kept is one rendered page.
type kept struct {
	before, after []byte   // around the number in the cart
	empty         []byte   // whole, for an empty cart
	length        []string // of empty, in digits
	tag           []string // of empty
	until         time.Time
}

func newShelf(age time.Duration, most int) *shelf {
	return &shelf{age: age, most: most, slots: map[address]*slot{}}
}

// get returns the page at a, built at most the shelf's age ago.
func (s *shelf) get(a address, build func() ([]byte, error)) (*kept, error) {
	now := time.Now()
	s.mu.RLock()
	at := s.slots[a]
	s.mu.RUnlock()
	if at != nil {
		if k := at.page.Load(); k != nil && now.Before(k.until) {
			return k, nil
		}
	} else {
		at = s.room(a)
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	if k := at.page.Load(); k != nil && now.Before(k.until) {
		return k, nil // somebody built it while we waited
	}
	began := time.Now()
	body, err := build()
	if err != nil {
		s.drop(a, at)
		return nil, err
	}
	k := keep(body)
	k.until = began.Add(s.age)
	at.page.Store(k)
	return k, nil
}

// room returns the slot of a, making one. On a full shelf some other page
// gives way; it comes back at a rendering's cost.
func (s *shelf) room(a address) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.slots[a]; at != nil {
		return at
	}
	if len(s.slots) >= s.most {
		for other := range s.slots {
			delete(s.slots, other)
			break
		}
	}
	at := new(slot)
	s.slots[a] = at
	return at
}

func (s *shelf) drop(a address, at *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots[a] == at {
		delete(s.slots, a)
	}
}

func keep(body []byte) *kept {
	k := &kept{empty: body}
	if before, after, ok := page.Split(body); ok {
		k.before, k.after = before, after
		k.empty = append(append(append(make([]byte, 0, len(body)), before...), '0'), after...)
	}
	sum := sha256.Sum256(k.empty)
	k.tag = one(`"` + hex.EncodeToString(sum[:12]) + `"`)
	k.length = one(strconv.Itoa(len(k.empty)))
	return k
}

// showKept answers with a page of the catalogue. With an empty cart it is the
// same for everybody; with something in it, it is one person's.
func (s *Shop) showKept(w http.ResponseWriter, r *http.Request, build func() (page.Page, error)) {
	k, err := s.kept.get(address{r.URL.Path, gpc(r)}, func() ([]byte, error) {
		p, err := build()
		if err != nil {
			return nil, err
		}
		return s.pages.Bytes(p)
	})
	var to moved
	if errors.As(err, &to) {
		w.Header()["Cache-Control"] = one(cachePage) // the handle may become another product's
		w.Header().Set("Location", to.to)
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	h := w.Header()
	h["Content-Type"] = one(typeHTML)
	h["Vary"] = one(varyPage)
	if _, known := cartOf(r); known && k.before != nil {
		count := s.count(r)
		h["Content-Length"] = one(strconv.Itoa(len(k.before) + len(count) + len(k.after)))
		whole := make([]byte, 0, len(k.before)+len(count)+len(k.after))
		w.Write(append(append(append(whole, k.before...), count...), k.after...))
		return
	}
	h["Cache-Control"] = one(cachePage)
	h["Etag"] = k.tag
	if r.Header.Get("If-None-Match") == k.tag[0] {
		delete(h, "Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Length"] = k.length
	w.Write(k.empty)
}
