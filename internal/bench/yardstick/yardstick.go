// Package yardstick is the plainest cart one can write in Go, for comparison.
//
// It has the six calls of a cart session, a table of products, and nothing
// else: no tokens, no sealing, no ledger, no limits, no stock. It is written
// as one would write it in an afternoon and not made slow: statements are
// prepared, SQLite has one writer and several readers, and both engines are as
// durable as the shop's. The shop's speed is given as a share of this one's.
package yardstick

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// Products is how many products a new yardstick has, named p0, p1 and so on.
const Products = 1000

// Shop is the yardstick: a handler over a database.
type Shop struct {
	mux          *http.ServeMux
	read, write  *sql.DB // the same one on PostgreSQL
	create       *sql.Stmt
	add          *sql.Stmt
	change       *sql.Stmt
	exists, list *sql.Stmt
}

// New opens a yardstick on a PostgreSQL address (postgres://…) or on an SQLite
// file, and fills its products when there are none.
func New(ctx context.Context, database string) (*Shop, error) {
	s := &Shop{mux: http.NewServeMux()}
	err := s.open(database)
	if err == nil {
		err = s.fill(ctx)
	}
	if err == nil {
		err = s.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.mux.HandleFunc("POST /carts", s.createCart)
	s.mux.HandleFunc("GET /carts/{id}", s.showCart)
	s.mux.HandleFunc("POST /carts/{id}/lines", s.addLine)
	s.mux.HandleFunc("PATCH /carts/{id}/lines/{line}", s.changeLine)
	return s, nil
}

// ServeHTTP answers one call.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close closes the database.
func (s *Shop) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

func (s *Shop) open(database string) (err error) {
	if strings.HasPrefix(database, "postgres://") {
		if s.read, err = sql.Open("pgx", database); err != nil {
			return err
		}
		s.read.SetMaxOpenConns(16)
		s.read.SetMaxIdleConns(16)
		s.write = s.read
		return nil
	}
	source := "file:" + database + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)"
	if s.write, err = sql.Open("sqlite", source+"&_txlock=immediate"); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", source); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(4)
	s.read.SetMaxIdleConns(4)
	return nil
}

func (s *Shop) fill(ctx context.Context) error {
	for _, statement := range []string{
		`CREATE TABLE IF NOT EXISTS products (id TEXT PRIMARY KEY, title TEXT NOT NULL, price BIGINT NOT NULL)`,
		`CREATE TABLE IF NOT EXISTS carts (id TEXT PRIMARY KEY)`,
		`CREATE TABLE IF NOT EXISTS lines (
			id TEXT PRIMARY KEY,
			cart_id TEXT NOT NULL REFERENCES carts (id),
			product_id TEXT NOT NULL REFERENCES products (id),
			quantity BIGINT NOT NULL,
			UNIQUE (cart_id, product_id))`,
	} {
		if _, err := s.write.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing to undo after Commit
	for i := range Products {
		_, err := tx.ExecContext(ctx, `INSERT INTO products (id, title, price) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			fmt.Sprintf("p%d", i), fmt.Sprintf("Product %d", i), 100+i)
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (s *Shop) prepare(ctx context.Context) error {
	for _, p := range []struct {
		to   **sql.Stmt
		db   *sql.DB
		text string
	}{
		{&s.create, s.write, `INSERT INTO carts (id) VALUES ($1)`},
		{&s.add, s.write, `INSERT INTO lines (id, cart_id, product_id, quantity) VALUES ($1, $2, $3, $4)
			ON CONFLICT (cart_id, product_id) DO UPDATE SET quantity = lines.quantity + excluded.quantity`},
		{&s.change, s.write, `UPDATE lines SET quantity = $3 WHERE cart_id = $1 AND id = $2`},
		{&s.exists, s.read, `SELECT id FROM carts WHERE id = $1`},
		{&s.list, s.read, `SELECT lines.id, products.id, products.title, lines.quantity, products.price
			FROM lines JOIN products ON products.id = lines.product_id WHERE lines.cart_id = $1 ORDER BY lines.id`},
	} {
		var err error
		if *p.to, err = p.db.PrepareContext(ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

// Cart is what every call answers.
type Cart struct {
	ID    string `json:"id"`
	Lines []Line `json:"lines"`
	Total int64  `json:"total"`
}

// Line is one product in a quantity.
type Line struct {
	ID        string `json:"id"`
	ProductID string `json:"product_id"`
	Title     string `json:"title"`
	Quantity  int64  `json:"quantity"`
	Price     int64  `json:"price"`
	Total     int64  `json:"total"`
}

func (s *Shop) createCart(w http.ResponseWriter, r *http.Request) {
	cart := Cart{ID: rand.Text(), Lines: []Line{}}
	if _, err := s.create.ExecContext(r.Context(), cart.ID); err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusCreated, cart)
}

func (s *Shop) addLine(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ProductID string `json:"product_id"`
		Quantity  int64  `json:"quantity"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Quantity < 1 {
		http.Error(w, "bad line", http.StatusBadRequest)
		return
	}
	if _, err := s.add.ExecContext(r.Context(), rand.Text(), r.PathValue("id"), in.ProductID, in.Quantity); err != nil {
		fail(w, err)
		return
	}
	s.answerCart(w, r, http.StatusCreated)
}

func (s *Shop) changeLine(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Quantity int64 `json:"quantity"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Quantity < 1 {
		http.Error(w, "bad quantity", http.StatusBadRequest)
		return
	}
	if _, err := s.change.ExecContext(r.Context(), r.PathValue("id"), r.PathValue("line"), in.Quantity); err != nil {
		fail(w, err)
		return
	}
	s.answerCart(w, r, http.StatusOK)
}

func (s *Shop) showCart(w http.ResponseWriter, r *http.Request) { s.answerCart(w, r, http.StatusOK) }

func (s *Shop) answerCart(w http.ResponseWriter, r *http.Request, status int) {
	cart := Cart{Lines: []Line{}}
	if err := s.exists.QueryRowContext(r.Context(), r.PathValue("id")).Scan(&cart.ID); err != nil {
		fail(w, err)
		return
	}
	rows, err := s.list.QueryContext(r.Context(), cart.ID)
	if err != nil {
		fail(w, err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var l Line
		if err := rows.Scan(&l.ID, &l.ProductID, &l.Title, &l.Quantity, &l.Price); err != nil {
			fail(w, err)
			return
		}
		l.Total = l.Price * l.Quantity
		cart.Total += l.Total
		cart.Lines = append(cart.Lines, l)
	}
	if err := rows.Err(); err != nil {
		fail(w, err)
		return
	}
	answer(w, status, cart)
}

func answer(w http.ResponseWriter, status int, cart Cart) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(cart) // the client is gone; nobody to tell
}

func fail(w http.ResponseWriter, err error) {
	if errors.Is(err, sql.ErrNoRows) {
		http.Error(w, "no such cart", http.StatusNotFound)
		return
	}
	http.Error(w, "something went wrong", http.StatusInternalServerError)
}
