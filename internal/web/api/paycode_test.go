package api_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/tries"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// tallies count what is tried, in memory.
type tallies struct {
	mu  sync.Mutex
	all map[string]*tries.Tally
}

func (c *tallies) Tally(_ context.Context, who, factor, device string, fn func(time.Time, *tries.Tally)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := who + " " + factor + " " + device
	if c.all[key] == nil {
		c.all[key] = &tries.Tally{}
	}
	fn(time.Now(), c.all[key])
	return nil
}

// TestARefusalSaysThatACodeWouldHelp, and only where the shop can mail one.
func TestARefusalSaysThatACodeWouldHelp(t *testing.T) {
	s := newShop(t)
	for _, mails := range []bool{true, false} {
		s.desk.unpayable = abuse.Refuse(abuse.Pay, abuse.Prove, time.Minute, mails)
		got := s.ask(t, "POST", "/api/v1/orders/"+adasOrder+"/payments", "{}", "Order-Token: "+adasToken)
		got.problem(t, 429, "rate-limited")
		if strings.Contains(got.body, `"pay_code":true`) != mails || strings.Contains(got.body, `"work"`) || got.header.Get("Retry-After") != "60" {
			t.Errorf("mails %v: got %v %s", mails, got.header, got.body)
		}
	}
}

// TestACodeToPayIsAskedForAndAnswered on both roads. A wrong one is counted, and
// after a few the ticket has to wait; a token that opens nothing gets no letter.
func TestACodeToPayIsAskedForAndAnswered(t *testing.T) {
	s := newShopBehind(t, gate.Config{Counters: &tallies{all: map[string]*tries.Tally{}}})
	for _, road := range []struct{ path, token string }{{"/api/v1/carts/" + adasCart, "Cart-Token: "}, {"/api/v1/orders/" + adasOrder, "Order-Token: "}} {
		s.ask(t, "POST", road.path+"/pay-code", "{}", road.token+strings.Repeat("x", 43)).problem(t, 404, "not-found")
		if got := s.ask(t, "POST", road.path+"/pay-code", "", road.token+adasToken); got.status != 201 || !strings.Contains(got.body, `"ticket":"ticket"`) {
			t.Errorf("%s: got %d %s", road.path, got.status, got.body)
		}
		answer := func(code string) reply {
			return s.ask(t, "POST", road.path+"/pay-code/answer", `{"ticket":"`+road.token+`","code":"`+code+`"}`, road.token+adasToken)
		}
		if got := answer("12345678"); got.status != 200 || !strings.Contains(got.body, `{"proved":true}`) {
			t.Errorf("%s: got %d %s", road.path, got.status, got.body)
		}
		refused := answer("00000000")
		refused.problem(t, 422, "invalid")
		if !strings.Contains(refused.body, `"pointer":"/code"`) || strings.Contains(refused.body, "00000000") {
			t.Errorf("%s: got %s", road.path, refused.body)
		}
		for range 4 {
			answer("00000000")
		}
		answer("12345678").problem(t, 429, "rate-limited")
	}
}
