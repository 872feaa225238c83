package checkout

import (
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Accepted is a wording that a shopper accepted with an order.
type Accepted struct {
	Name string // of the text: "terms"
	Hash string // of the wording
}

var errTick = fault.Field("accept_terms", "Please tick that you accept the terms, then order again. Nothing is lost.")

// ticked refuses an order where the merchant wants a tick of its own and there
// is none.
func ticked(in PlaceInput, s store.Settings) error {
	if s.MustTick && s.Texts[store.TextTerms].Body != "" && !in.AcceptTerms {
		return errTick
	}
	return nil
}

// wordings notes which texts hold for an order made now: "terms:1f… returns:9a…".
func wordings(s store.Settings) string {
	var out []string
	for _, name := range []string{store.TextTerms, store.TextReturns} {
		if t, ok := s.Texts[name]; ok {
			out = append(out, name+":"+t.Hash)
		}
	}
	return strings.Join(out, " ")
}

// AcceptedOf reads what an order notes of the texts it was made with.
func AcceptedOf(note string) []Accepted {
	var out []Accepted
	for word := range strings.FieldsSeq(note) {
		if name, hash, ok := strings.Cut(word, ":"); ok {
			out = append(out, Accepted{name, hash})
		}
	}
	return out
}
