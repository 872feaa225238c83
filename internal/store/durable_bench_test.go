package store_test

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// limit is the plainest group commit one can write on SQLite: whoever waits is
// served together, one INSERT each, and one durable COMMIT answers all of them.
type limit struct{ queue chan chan error }

const insertJob = `INSERT INTO jobs (owner, id, kind, ref, run_at, lease_until, attempts, failure) VALUES ($1, $2, 'bench', 'ref', $3, 0, 0, '')`

// newLimit opens a file beside the shop's, on the same disk, with the same
// durability and the same table.
func newLimit(b *testing.B, s *shoptest.Shop) *limit {
	b.Helper()
	ctx := context.Background()
	schema := shoptest.One[string](b, s.Raw(b), `SELECT group_concat(sql, ';') FROM sqlite_master WHERE tbl_name = 'jobs' AND sql IS NOT NULL`)
	source := "file:" + (&url.URL{Path: filepath.Join(s.Dir, "limit.db")}).EscapedPath() +
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(ON)"
	db, err := sql.Open("sqlite", source)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := conn.ExecContext(ctx, schema); err != nil {
		b.Fatal(err)
	}
	insert, err := conn.PrepareContext(ctx, insertJob)
	if err != nil {
		b.Fatal(err)
	}
	l := &limit{make(chan chan error, 256)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for first := range l.queue {
			l.commit(ctx, conn, insert, first)
		}
	}()
	b.Cleanup(func() {
		close(l.queue)
		<-done
		if err := conn.Close(); err != nil {
			b.Error(err)
		}
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}

func (l *limit) commit(ctx context.Context, conn *sql.Conn, insert *sql.Stmt, first chan error) {
	_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	waiting := []chan error{first}
	for i := 0; i < len(waiting) && err == nil; i++ {
		_, err = insert.ExecContext(ctx, "owner", store.NewID(), time.Now().UnixMilli())
		select {
		case next := <-l.queue:
			waiting = append(waiting, next)
		default:
		}
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	for _, w := range waiting {
		w <- err
	}
}

func (l *limit) write() error {
	answer := make(chan error, 1)
	l.queue <- answer
	return <-answer
}

// BenchmarkDurableWrites tells how much of what group commit can reach on this
// disk a transaction of the store reaches: 32 writers, one row each. The two
// take turns. The budget is 80 %.
func BenchmarkDurableWrites(b *testing.B) {
	const writers, rounds = 32, 8
	s := shoptest.Open(b, "sqlite")
	plain := newLimit(b, s)
	ours := func() error {
		return s.DB.InTx(noCtx, ledger.System("bench"), func(t *store.Tx) error { return t.Enqueue("bench", "owner", "ref", t.Now()) })
	}
	spent := [2]time.Duration{}
	n := max(b.N/rounds, 1)
	for round := range rounds {
		for i := range 2 {
			which := (round + i) % 2
			began := time.Now()
			together(b, writers, n, []func() error{plain.write, ours}[which])
			spent[which] += time.Since(began)
		}
	}
	rate := func(d time.Duration) float64 { return float64(n*rounds) / d.Seconds() }
	b.ReportMetric(rate(spent[0]), "limit-writes/s")
	b.ReportMetric(rate(spent[1]), "writes/s")
	b.ReportMetric(100*rate(spent[1])/rate(spent[0]), "%-of-limit")
	b.ReportMetric(80, "%-budget")
}

// together carries out n writes by several writers at the same time.
func together(b *testing.B, writers, n int, write func() error) {
	var group sync.WaitGroup
	var next atomic.Int64
	for range writers {
		group.Go(func() {
			for next.Add(1) <= int64(n) {
				if err := write(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}
