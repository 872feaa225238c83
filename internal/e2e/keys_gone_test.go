package e2e

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// TestAProviderThatIsGoneDoesNotStopTheShop takes the provider's keys away while
// the shop serves: it goes on selling, a new epoch is refused and harms nothing,
// and only the next start refuses, with the reason. When the provider is back,
// everything goes on.
func TestAProviderThatIsGoneDoesNotStopTheShop(t *testing.T) {
	k := newKeeping(t, "")
	k.must(t, "keys", "move", "plugin")
	s := k.start(t)
	variants := crashVariants(t, s)
	away := k.store + ".away"
	if err := errors.Join(os.Rename(k.store, away), os.Mkdir(k.store, 0o500)); err != nil {
		t.Fatal(err)
	}
	p := s.ready(variants[plenty], "gone")
	s.order1(p)
	s.approve(p)
	if got := s.order(p.placed).Order.Status; got != "paid" {
		t.Errorf("without the provider an order is %q, want paid", got)
	}
	before, _ := k.epochs(t)
	_, errs, code := k.run(t, "keys", "rotate")
	if code == 0 || !strings.Contains(errs, "the key provider refuses: no such key") {
		t.Errorf("a new epoch: exit %d, %s", code, errs)
	}
	if after, _ := k.epochs(t); after != before {
		t.Errorf("%d epochs became %d", before, after)
	}
	p = s.ready(variants[plenty], "gone-too")
	s.order1(p)
	s.kill()
	if _, errs, code := k.run(t, "demo", "--listen", "localhost:0"); code != 1 || !strings.Contains(errs, "the key provider refuses: no such key") {
		t.Errorf("a start: exit %d, %s", code, errs)
	}
	if err := errors.Join(os.Remove(k.store), os.Rename(away, k.store)); err != nil {
		t.Fatal(err)
	}
	k.whole(t)
	s = k.start(t)
	s.approve(p)
	k.must(t, "keys", "rotate")
	k.whole(t)
	k.verified(t)
}
