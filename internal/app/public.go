package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/api"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// shelf shows the API the catalogue.
type shelf struct{ db *store.DB }

// Products implements api.Shelf.
func (s shelf) Products(ctx context.Context, q api.Query) (list []catalog.Product, next string, err error) {
	err = s.db.View(ctx, func(v *store.View) error {
		list, next, err = v.Products(store.ProductQuery{Text: q.Text, Collection: q.Collection, Limit: q.Limit, Cursor: q.Cursor})
		return err
	})
	return list, next, err
}

// ProductByHandle implements api.Shelf.
func (s shelf) ProductByHandle(ctx context.Context, handle string) (p catalog.Product, err error) {
	err = s.db.View(ctx, func(v *store.View) error {
		p, err = v.ProductByHandle(handle)
		return err
	})
	return p, err
}

// checkpointHour is when the public checkpoint of a day is made, UTC. Its size
// tells volume, so strangers get one a day.
const checkpointHour = 3

// publish makes the day's public checkpoint when it is due; a new shop gets
// its first at once.
func publish(ctx context.Context, db *store.DB) error {
	var last int64
	err := db.View(ctx, func(v *store.View) (err error) {
		_, last, err = v.PublicCheckpoint()
		return err
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	now := db.Now()
	due := time.Date(now.Year(), now.Month(), now.Day(), checkpointHour, 0, 0, 0, time.UTC)
	if due.After(now) {
		due = due.AddDate(0, 0, -1)
	}
	if err == nil && !time.UnixMilli(last).Before(due) {
		return nil
	}
	if _, err := db.Sequence(ctx); err != nil {
		return err
	}
	_, err = db.Checkpoint(ctx, true)
	return err
}

// wellKnown answers what machines look for at fixed places.
func wellKnown(mux *http.ServeMux, db *store.DB, shop store.Settings, origin string, g *gate.Gate) {
	text := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		gate.Cache(w, "public, max-age=300")
		io.WriteString(w, body)
	}
	mux.HandleFunc("GET /.well-known/cartkeep/checkpoint", func(w http.ResponseWriter, r *http.Request) {
		var note string
		err := db.View(r.Context(), func(v *store.View) (err error) {
			note, _, err = v.PublicCheckpoint()
			return err
		})
		if err != nil {
			g.Refuse(w, r, err)
			return
		}
		text(w, note)
	})
	mux.HandleFunc("GET /.well-known/cartkeep/ledger-key", func(w http.ResponseWriter, r *http.Request) {
		signer, err := db.Signer()
		if err != nil {
			g.Refuse(w, r, err)
			return
		}
		text(w, signer.VerifierKey()+"\n")
	})
	contact := shop.Contact
	if contact != "" {
		if !hasScheme(contact) {
			contact = "mailto:" + contact
		}
		mux.HandleFunc("GET /.well-known/security.txt", func(w http.ResponseWriter, r *http.Request) {
			// RFC 9116: made at request time, so that Expires is always near.
			text(w, "Contact: "+contact+"\nExpires: "+time.Now().UTC().AddDate(0, 3, 0).Format(time.RFC3339)+"\nCanonical: "+origin+"/.well-known/security.txt\nPreferred-Languages: en\n")
		})
	}
}

func hasScheme(s string) bool { return len(s) > 8 && (s[:8] == "https://" || s[:7] == "mailto:") }

// ledgerRoutes answers proofs, for those who hold a leaf or a checkpoint.
func ledgerRoutes(db *store.DB, g *gate.Gate) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/ledger/inclusion", func(w http.ResponseWriter, r *http.Request) {
		prove(w, r, db, g, "index", "size", func(t ledger.TileStore, index, size int64) ([]ledger.Hash, error) {
			if index >= size {
				return nil, fault.Field("index", "The index must be smaller than the size.")
			}
			return ledger.ProveInclusion(t, size, index)
		})
	})
	mux.HandleFunc("GET /api/v1/ledger/consistency", func(w http.ResponseWriter, r *http.Request) {
		prove(w, r, db, g, "from", "to", func(t ledger.TileStore, from, to int64) ([]ledger.Hash, error) {
			if from < 1 || from > to {
				return nil, fault.Field("from", "Give sizes with 1 ≤ from ≤ to.")
			}
			return ledger.ProveConsistency(t, from, to)
		})
	})
	for _, path := range []string{"/api/v1/ledger/inclusion", "/api/v1/ledger/consistency"} {
		mux.Handle(path, g.MethodNotAllowed(http.MethodGet, http.MethodHead))
	}
	mux.Handle("/", g.NotFound())
	return mux
}

// prove reads two numbers, bounds them by the tree's size and answers hashes.
func prove(w http.ResponseWriter, r *http.Request, db *store.DB, g *gate.Gate, a, b string, proof func(ledger.TileStore, int64, int64) ([]ledger.Hash, error)) {
	x, err := number(r, a)
	if err != nil {
		g.Refuse(w, r, err)
		return
	}
	y, err := number(r, b)
	if err != nil {
		g.Refuse(w, r, err)
		return
	}
	var hashes []ledger.Hash
	err = db.View(r.Context(), func(v *store.View) error {
		size, err := v.TreeSize()
		if err != nil {
			return err
		}
		if y > size {
			return fault.Field(b, "The ledger is not that long.")
		}
		hashes, err = proof(v.Tiles(), x, y)
		return err
	})
	if err != nil {
		g.Refuse(w, r, err)
		return
	}
	out := struct {
		Proof []string `json:"proof"`
	}{make([]string, len(hashes))}
	for i, h := range hashes {
		out.Proof[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(out)
}

func number(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
	if err != nil || n < 0 {
		return 0, fault.Field(name, "Give a whole number from 0.")
	}
	return n, nil
}
