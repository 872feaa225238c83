package store

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/money"
)

// CartCredit is a credit in a cart, with what it was last shown to pay in minor
// units.
type CartCredit struct {
	ID    credit.ID
	Shown int64
}

// creditWords is how a cart's row keeps its credits: "ID:3000 ID:0".
func creditWords(list []CartCredit) string {
	words := make([]string, 0, len(list))
	for _, k := range list {
		words = append(words, fmt.Sprintf("%s:%d", k.ID, k.Shown))
	}
	return strings.Join(words, " ")
}

func cartCredits(text string) ([]CartCredit, error) {
	var out []CartCredit
	for word := range strings.FieldsSeq(text) {
		id, shown, _ := strings.Cut(word, ":")
		minor, err := strconv.ParseInt(shown, 10, 64)
		if err != nil || id == "" {
			return nil, errors.New("read the credits of a cart")
		}
		out = append(out, CartCredit{credit.ID(id), minor})
	}
	return out, nil
}

// paidWords is how an order's row keeps what pays it: "card:ID:8WZ0:3000".
func paidWords(list []credit.Part) string {
	words := make([]string, 0, len(list))
	for _, p := range list {
		words = append(words, fmt.Sprintf("%s:%s:%s:%d", p.Kind, p.ID, p.Last, p.Amount.Minor()))
	}
	return strings.Join(words, " ")
}

func paidCredits(text string, c money.Currency) ([]credit.Part, error) {
	var out []credit.Part
	for word := range strings.FieldsSeq(text) {
		f := strings.Split(word, ":")
		if len(f) != 4 {
			return nil, errors.New("read the credits of an order")
		}
		minor, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			return nil, errors.New("read the credits of an order")
		}
		out = append(out, credit.Part{Kind: credit.Kind(f[0]), ID: credit.ID(f[1]), Last: f[2], Amount: money.Of(minor, c)})
	}
	return out, nil
}
