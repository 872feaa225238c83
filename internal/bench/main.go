// Command bench measures a built shop beside the yardstick and prints the
// figures with their budgets.
//
// Both are servers in processes of their own, on the same database engine with
// the same durability, behind TLS, in one run, loaded one after the other. The
// load comes from this process, so server and load share the processors; the
// processor time is that of the server and, on PostgreSQL, of the database.
//
//	go run ./internal/bench -shop bin/cartkeep
//
// Figures of the inside (sealing, the ledger) come from go test -bench.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/bench/load"
	"github.com/cartkeep/cartkeep/internal/bench/purchase"
	"github.com/cartkeep/cartkeep/internal/bench/yardstick"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
)

// options are what can be chosen.
type options struct {
	shop     string        // the binary; "" measures the yardstick alone
	engines  []string      // sqlite, postgres
	clients  []int         // how many at the same time
	goods    int           // rows of the file that is imported; 0 imports none
	grown    int           // customers of the past that growth is measured with; 0 measures none
	duration time.Duration // of each measurement
}

func main() {
	// The servers are to die with this process. Linux ties that to the thread
	// that started them, so it must be one that stays.
	runtime.LockOSThread()
	if len(os.Args) > 1 && os.Args[1] == serveWord {
		if err := serve(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench: serve:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.StringVar(&o.shop, "shop", "", "path of the cartkeep binary; without it the yardstick alone is measured")
	flag.DurationVar(&o.duration, "for", 8*time.Second, "how long each measurement takes")
	engines := flag.String("engines", "sqlite,postgres", "database engines, in order")
	clients := flag.String("clients", "1,8,32", "numbers of clients at the same time")
	flag.IntVar(&o.grown, "grown", 1_000_000, "customers and orders of the past that growth is measured with; 0 leaves it out")
	flag.IntVar(&o.goods, "goods", 50_000, "rows of the file whose import is measured; 0 leaves it out")
	flag.Parse()
	o.engines = strings.Split(*engines, ",")
	for c := range strings.SplitSeq(*clients, ",") {
		n, err := strconv.Atoi(c)
		if err != nil || n < 1 {
			fmt.Fprintln(os.Stderr, "bench: -clients takes numbers joined by commas")
			os.Exit(2)
		}
		o.clients = append(o.clients, n)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// run measures every engine and prints as it goes.
func run(ctx context.Context, o options) error {
	if o.shop != "" {
		info, err := os.Stat(o.shop)
		if err != nil {
			return err
		}
		fmt.Printf("binary: %.1f MB (budget 40)\n", float64(info.Size())/1e6)
	}
	for _, engine := range o.engines {
		if err := runEngine(ctx, o, engine); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	return nil
}

// runEngine measures the yardstick and the shop on one engine.
func runEngine(ctx context.Context, o options, engine string) (err error) {
	dir, err := os.MkdirTemp("", "cartkeep-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	at := map[string]string{} // each shop has a database of its own; on SQLite, the server's own lie with its data
	for _, name := range []string{"sealed", "clear", "young", "grown"} {
		at[name] = filepath.Join(dir, name, "shop.db")
	}
	at["plain"] = filepath.Join(dir, "plain.db")
	database := 0
	switch engine {
	case "sqlite":
	case "postgres":
		server, err := pg.Start()
		if err != nil {
			return err
		}
		defer server.Stop()
		database = server.PID()
		for _, name := range []string{"sealed", "clear", "young", "grown", "plain", "shop", "goods"} {
			if at[name], err = server.Database(ctx, name); err != nil {
				return err
			}
		}
		for _, name := range []string{"plain", "shop", "goods"} {
			at[name] = server.TLSURL(at[name])
		}
	default:
		return errors.New("the engines are sqlite and postgres")
	}

	if err := protection(ctx, engine, at["sealed"], at["clear"]); err != nil {
		return err
	}
	if o.shop != "" && o.goods > 0 {
		if err := goods(ctx, o.shop, engine, dir, at["goods"], o.goods); err != nil {
			return err
		}
	}
	if o.grown > 0 {
		if err := growth(ctx, engine, at["young"], at["grown"], o.grown); err != nil {
			return err
		}
	}
	plain, err := startYardstick(ctx, at["plain"])
	if err != nil {
		return err
	}
	defer plain.stop()
	plain.database = database
	goods := make([]string, yardstick.Products)
	for i := range goods {
		goods[i] = fmt.Sprintf("p%d", i)
	}
	plain.plan = load.Plan{Base: plain.base, Roots: plain.roots, Dialect: load.Plain(), Goods: goods}

	var shop *server
	if o.shop != "" {
		if shop, err = startShop(ctx, o.shop, filepath.Join(dir, "shop"), at["shop"]); err != nil {
			return err
		}
		defer shop.stop()
		shop.database = database
		fmt.Printf("%s: shop ready after %v (budget 150ms with 1,000 products), resident idle %.0f MiB (budget 40)\n",
			engine, shop.started.Round(time.Millisecond), mib(shop.idle))
	}
	budget := map[string]float64{"sqlite": 1.2, "postgres": 2.8}[engine]
	for _, n := range o.clients {
		of, err := plain.measure(ctx, n, o.duration)
		if err != nil {
			return err
		}
		fmt.Printf("%s, %2d clients: yardstick %v, %.2f ms processor\n", engine, n, of.Result, of.processor())
		if shop == nil {
			continue
		}
		is, err := shop.measure(ctx, n, o.duration)
		if err != nil {
			return err
		}
		fmt.Printf("%s, %2d clients: shop      %v, %.2f ms processor (budget %.1f) = %.0f %% of the yardstick (budget 75)\n",
			engine, n, is.Result, is.processor(), budget, 100*is.Rate()/of.Rate())
	}
	if shop == nil {
		return nil
	}
	return pages(ctx, o, engine, shop)
}

// protection measures whole purchases with and without sealing and ledger.
func protection(ctx context.Context, engine, sealedDB, clearDB string) (err error) {
	const products, rounds, each, clients = 100, 6, 150, 8
	sealed, err := purchase.Open(ctx, sealedDB, false, products)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sealed.Close()) }()
	bare, err := purchase.Open(ctx, clearDB, true, products)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.Close()) }()
	counts, err := sealed.StatementsPerChange(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%s: statements: add %d, change %d, remove %d, read %d (budget 8 a change)\n", engine, counts["add"], counts["change"], counts["remove"], counts["read"])
	r, err := purchase.Compare(ctx, []*purchase.Shop{sealed, bare}, rounds, each, clients)
	if err != nil {
		return err
	}
	fmt.Printf("%s: whole purchase: protected %.0f/s, %.2f ms processor; unprotected %.0f/s, %.2f ms processor; protection costs %.1f %% of throughput (budget 10)\n",
		engine, r[0].Rate(), r[0].Each(), r[1].Rate(), r[1].Each(), 100*(1-r[0].Rate()/r[1].Rate()))
	return nil
}

// growth measures what a session and a purchase cost in a shop of a thousand
// customers and in one with many more, which take turns.
func growth(ctx context.Context, engine, youngDB, grownDB string, customers int) (err error) {
	const products, rounds, each, clients = 1000, 8, 150, 8
	var shops []*purchase.Shop
	defer func() {
		for _, s := range shops {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, database := range []string{youngDB, grownDB} {
		shop, err := purchase.Open(ctx, database, false, products)
		if err != nil {
			return err
		}
		shops = append(shops, shop)
	}
	began := time.Now()
	if err := purchase.Grow(ctx, youngDB, 1000); err != nil {
		return err
	}
	if err := purchase.Grow(ctx, grownDB, customers); err != nil {
		return err
	}
	filled := time.Since(began)
	session, err := purchase.Sessions(ctx, shops, rounds, 2*each, clients)
	if err != nil {
		return err
	}
	whole, err := purchase.Compare(ctx, shops, rounds, each, clients)
	if err != nil {
		return err
	}
	fmt.Printf("%s: growth from 1,000 to %d customers and orders (made in %v): session %.2f to %.2f ms processor, %.0f to %.0f/s = %.2f times the time (budget 1.3); whole purchase %.2f to %.2f ms, %.0f to %.0f/s = %.2f times\n",
		engine, customers, filled.Round(time.Second), session[0].Each(), session[1].Each(), session[0].Rate(), session[1].Rate(), session[0].Rate()/session[1].Rate(),
		whole[0].Each(), whole[1].Each(), whole[0].Rate(), whole[1].Rate(), whole[0].Rate()/whole[1].Rate())
	return nil
}

// pages measures a product page against a handler that writes the same bytes.
func pages(ctx context.Context, o options, engine string, shop *server) error {
	loaded, err := load.Resident(shop.pid())
	if err != nil {
		return err
	}
	fmt.Printf("%s: resident after load %.0f MiB (budget 100)\n", engine, mib(loaded))
	const clients = 8
	path, err := load.Product(ctx, shop.base, shop.roots)
	if err != nil {
		return err
	}
	page, err := load.Fetch(ctx, shop.base+path, shop.roots)
	if err != nil {
		return err
	}
	same, err := startBytes(ctx, page)
	if err != nil {
		return err
	}
	defer same.stop()
	most, err := load.Pages(ctx, same.base+"/", same.roots, clients, o.duration)
	if err != nil {
		return err
	}
	got, err := load.Pages(ctx, shop.base+path, shop.roots, clients, o.duration)
	if err != nil {
		return err
	}
	fmt.Printf("%s: product page %d bytes, %.0f/s, the same bytes from a plain handler %.0f/s = %.0f %% (budget 50)\n",
		engine, len(page), got, most, 100*got/most)
	return nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
