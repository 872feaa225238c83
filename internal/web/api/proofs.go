package api

import (
	"context"
	"encoding/base64"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
)

// Proofs is what the API needs of the ledger. A size beyond the tree is Invalid.
type Proofs interface {
	Inclusion(ctx context.Context, index, size int64) ([]ledger.Hash, error)
	Consistency(ctx context.Context, from, to int64) ([]ledger.Hash, error)
}

// Proof is a list of hashes (RFC 6962), each in standard base64.
type Proof struct {
	Proof []string `json:"proof" doc:"Hashes of 32 bytes in base64, as RFC 6962 orders them"`
}

// maxSize bounds the numbers of a proof, far above any shop.
const maxSize = 1 << 48

func inclusion(c *call) (any, error) {
	index, size := c.number("index"), c.number("size")
	if index >= size {
		return nil, fault.Field("index", "The index must be smaller than the size.")
	}
	return proofOf(c.cfg.Proofs.Inclusion(c.r.Context(), index, size))
}

func consistency(c *call) (any, error) {
	from, to := c.number("from"), c.number("to")
	if from > to {
		return nil, fault.Field("from", "The first size must not be larger than the second.")
	}
	return proofOf(c.cfg.Proofs.Consistency(c.r.Context(), from, to))
}

// number is a query value that readQuery has checked.
func (c *call) number(name string) int64 {
	n, _ := strconv.ParseInt(c.query[name], 10, 64)
	return n
}

func proofOf(hashes []ledger.Hash, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	out := Proof{Proof: make([]string, len(hashes))}
	for i, h := range hashes {
		out.Proof[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return out, nil
}
