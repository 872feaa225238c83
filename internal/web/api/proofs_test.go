package api_test

import (
	"strings"
	"testing"
)

func TestProofsAreBounded(t *testing.T) {
	s := newShop(t)
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/api/v1/ledger/inclusion?index=0&size=3", 200, `{"proof":["AQ`},
		{"/api/v1/ledger/consistency?from=1&to=3", 200, `{"proof":["AQ`},
		{"/api/v1/ledger/inclusion?index=3&size=3", 422, "index"},
		{"/api/v1/ledger/inclusion?index=0&size=4", 422, "size"},
		{"/api/v1/ledger/inclusion?index=-1&size=3", 422, "index"},
		{"/api/v1/ledger/inclusion?size=3", 422, "index"},
		{"/api/v1/ledger/consistency?from=3&to=1", 422, "from"},
		{"/api/v1/ledger/consistency?from=0&to=1", 422, "from"},
	} {
		r := s.ask(t, "GET", c.path, "")
		if r.status != c.status || !strings.Contains(r.body, c.want) {
			t.Errorf("%s: got %d %s, want %d with %q", c.path, r.status, r.body, c.status, c.want)
		}
	}
}
