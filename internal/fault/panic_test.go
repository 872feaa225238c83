package fault_test

import (
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestCaughtShowsThePlaceAndNotTheValue(t *testing.T) {
	for _, caught := range []any{"Ada Lovelace", 42, struct{ Name string }{"Ada Lovelace"}} {
		what, where := fall(caught)
		if strings.Contains(what+where, "Ada") || !strings.Contains(where, "fall") {
			t.Errorf("got %q at %q, want the place without the value", what, where)
		}
	}
	var none []int
	what, _ := fall(none)
	if what != "[]int" {
		t.Errorf("got %q, want the type", what)
	}
}

func fall(with any) (what, where string) {
	defer func() { what, where = fault.Caught(recover()) }()
	panic(with)
}
