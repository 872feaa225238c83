package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// How patient the bank is with the shop.
const (
	patience   = 8 * time.Second        // a redirect waits at most so long for the answer
	oneAnswer  = 5 * time.Second        // one call-back, from dialling to the last byte
	firstPause = 200 * time.Millisecond // doubles after each call-back that was not answered with 2xx
	longPause  = time.Minute            // and stays here
	giveUp     = 72 * time.Hour         // after the event; Find still tells how it ended
)

// send delivers the call-back of an event beside whoever asked. s.mu is held.
func (s *Service) send(one *session, e *event) {
	body, err := encodeNotice(one.notice(e))
	if err != nil || s.closed {
		return // the next start tries again
	}
	address, ref := one.NoticeURL, one.ref
	s.work.Go(func() { s.deliver(ref, address, body, e) })
}

// deliver tries until the shop answers 2xx, the time is over or Close comes.
func (s *Service) deliver(ref, address string, body []byte, e *event) {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		if !s.sleepUntil(e.due) {
			return
		}
		err := s.post(address, body)
		if err == nil {
			s.mu.Lock()
			err = s.keep(record{Kind: answered, Ref: ref, Event: e.id})
			s.mu.Unlock()
			if err == nil {
				return
			}
		}
		if s.ctx.Err() != nil {
			return
		}
		if s.now().Sub(e.due) > giveUp {
			s.log.Error("sandbox call-back given up", "session", short(ref), "event", short(e.id))
			return
		}
		s.log.Warn("sandbox call-back not answered", "session", short(ref), "event", short(e.id), "again_in", pause, "error", err)
		if !s.sleep(pause) {
			return
		}
	}
}

// post sends one signed call-back.
func (s *Service) post(address string, body []byte) error {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(s.ctx, oneAnswer)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("a request that can't be written")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "cartkeep-sandbox")
	req.Header.Set(SignatureHeader, Sign(s.secret, s.now(), body))
	res, err := s.client.Do(req)
	if err != nil {
		return payment.Unquoted(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)); err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("answer %d", res.StatusCode)
	}
	return nil
}

// sleepUntil looks at the clock at least once a second, since a laptop may
// have slept and a test's clock may jump. It reports false when Close came.
func (s *Service) sleepUntil(t time.Time) bool {
	for {
		left := t.Sub(s.now())
		if left <= 0 {
			return s.ctx.Err() == nil
		}
		if !s.sleep(min(left, time.Second)) {
			return false
		}
	}
}

func (s *Service) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
