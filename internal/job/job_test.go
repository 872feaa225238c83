package job_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/job"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

var quiet = slog.New(slog.DiscardHandler)

func enqueue(t *testing.T, s *shoptest.Shop, kind string, n int) {
	t.Helper()
	err := s.DB.InTx(context.Background(), ledger.System("test"), func(t *store.Tx) error {
		for range n {
			if err := t.Enqueue(kind, "owner", "ref", t.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func waiting(t *testing.T, s *shoptest.Shop) (n int64) {
	t.Helper()
	if err := s.DB.View(context.Background(), func(v *store.View) (err error) { n, err = v.CountJobs(); return err }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTwoRunnersShareTheWork(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		enqueue(t, s, "count", 30)
		var done sync.Map
		var times atomic.Int64
		var group sync.WaitGroup
		for range 2 {
			r := job.New(s.DB, quiet)
			r.Handle("count", func(_ context.Context, j store.Job) error {
				times.Add(1)
				if _, twice := done.LoadOrStore(j.ID, true); twice {
					t.Errorf("job %s was done twice", j.ID)
				}
				return nil
			})
			group.Go(func() {
				for r.Drain(context.Background()) > 0 {
				}
			})
		}
		group.Wait()
		if times.Load() != 30 || waiting(t, s) != 0 {
			t.Errorf("got %d done and %d waiting, want 30 and none", times.Load(), waiting(t, s))
		}
	})
}

// TestWhatFailsComesBackLater lets jobs fail in every way, and wants each again,
// later every time, with the kind of its failure and not its text.
func TestWhatFailsComesBackLater(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		var log bytes.Buffer
		r := job.New(s.DB, slog.New(slog.NewTextHandler(&log, nil)))
		r.Handle("fails", func(context.Context, store.Job) error { return errors.New("ada@example.com does not answer") })
		r.Handle("panics", func(context.Context, store.Job) error { panic("ada@example.com") })
		r.Handle("slow", func(context.Context, store.Job) error { return context.DeadlineExceeded })
		kinds := map[string]string{"fails": "failed", "panics": "panic", "slow": "too slow", "unknown": "no handler"}
		for kind := range kinds {
			enqueue(t, s, kind, 1)
		}
		raw := s.Raw(t)
		last := int64(0)
		for try := range 8 {
			if n := r.Drain(context.Background()); n != 0 {
				t.Fatalf("%d failing jobs succeeded", n)
			}
			if n := waiting(t, s); n != 4 {
				t.Fatalf("%d jobs wait, want all four", n)
			}
			for kind, why := range kinds {
				if got := shoptest.One[string](t, raw, `SELECT failure FROM jobs WHERE kind = $1`, kind); got != why {
					t.Errorf("%s: got %q, want %q", kind, got, why)
				}
			}
			soonest := shoptest.One[int64](t, raw, `SELECT MIN(run_at) FROM jobs`) - s.DB.Now().UnixMilli()
			if soonest <= 0 {
				t.Errorf("after try %d a job comes back at once", try)
			}
			if try >= 6 && soonest <= last/4 {
				t.Errorf("after try %d the pause is %d ms, want it to grow from %d", try, soonest, last)
			}
			last = soonest
			s.Clock.Move(time.Hour)
		}
		if strings.Contains(log.String(), "ada@") || strings.Contains(log.String(), "does not answer") {
			t.Errorf("the log quotes an error: %s", log.String())
		}
		// One that is mended is done the next time.
		r.Handle("fails", func(context.Context, store.Job) error { return nil })
		if n := r.Drain(context.Background()); n != 1 {
			t.Errorf("got %d done, want the mended one", n)
		}
	})
}

// TestWhatIsHopelessIsGivenUp ends a job whose failure says that it lasts, and
// tries one again whose failure does not.
func TestWhatIsHopelessIsGivenUp(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		var log bytes.Buffer
		r := job.New(s.DB, slog.New(slog.NewTextHandler(&log, nil)))
		r.Handle("refused", func(context.Context, store.Job) error {
			return fmt.Errorf("to ada@example.com: %w", &message.Failure{Sender: "smtp", Why: message.Refused, Code: 550})
		})
		r.Handle("busy", func(context.Context, store.Job) error {
			return fmt.Errorf("to ada@example.com: %w", &message.Failure{Sender: "smtp", Why: message.Busy, Code: 450})
		})
		enqueue(t, s, "refused", 1)
		enqueue(t, s, "busy", 1)
		if n := r.Drain(context.Background()); n != 0 {
			t.Errorf("%d failed jobs are called done", n)
		}
		if n := waiting(t, s); n != 1 {
			t.Errorf("%d jobs wait, want the one with hope", n)
		}
		if got := shoptest.One[string](t, s.Raw(t), `SELECT failure FROM jobs`); got != string(message.Busy) {
			t.Errorf("got %q, want the failure by its kind", got)
		}
		if !strings.Contains(log.String(), `"a job was given up" kind=refused`) || !strings.Contains(log.String(), "why=refused") || strings.Contains(log.String(), "ada@") {
			t.Errorf("got %s", log.String())
		}
	})
}

func TestAJobOfADeadWorkerIsDoneByAnother(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		enqueue(t, s, "work", 1)
		dead := job.New(s.DB, quiet)
		dead.Handle("work", func(context.Context, store.Job) error { return nil })
		err := s.DB.InTx(context.Background(), ledger.System("test"), func(t *store.Tx) error {
			list, err := t.DueJobs(1)
			if err == nil {
				_, err = t.Lease(list[0], time.Minute) // and then the power goes
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := dead.Drain(context.Background()); n != 0 {
			t.Error("a leased job was done by another")
		}
		s.Clock.Move(61 * time.Second)
		if n := dead.Drain(context.Background()); n != 1 || waiting(t, s) != 0 {
			t.Errorf("got %d done, want the job done after its lease", n)
		}
	})
}

func TestARunnerWakesRepeatsAndEnds(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	r := job.New(s.DB, quiet)
	done := make(chan struct{}, 1)
	var rounds atomic.Int64
	r.Handle("work", func(context.Context, store.Job) error { done <- struct{}{}; return nil })
	r.Repeat(job.Round{Name: "round", Every: 10 * time.Millisecond, Do: func(context.Context) error {
		if rounds.Add(1) == 2 {
			panic("a round goes wrong")
		}
		return errors.New("and fails")
	}})
	r.Start(context.Background())
	enqueue(t, s, "work", 1)
	r.Wake()
	r.Wake()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the job was not done")
	}
	for end := time.Now().Add(10 * time.Second); rounds.Load() < 4; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %d rounds, want them to go on after a failure", rounds.Load())
		}
	}
	r.Close()
	after := rounds.Load()
	time.Sleep(50 * time.Millisecond)
	if rounds.Load() != after {
		t.Error("a round came after the end")
	}
	if n := waiting(t, s); n != 0 {
		t.Errorf("%d jobs are left", n)
	}
}
