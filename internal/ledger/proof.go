package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrProof means a proof that does not show what it should.
var ErrProof = errors.New("ledger: the proof does not hold")

// emptyRoot is the root of a tree without leaves: the hash of nothing (RFC 6962).
func emptyRoot() Hash { return sha256.Sum256(nil) }

// Root computes the root at any size up to the stored one, from tiles alone.
func Root(store TileStore, size int64) (Hash, error) {
	t, err := OpenTree(store, size)
	if err != nil {
		return Hash{}, err
	}
	return t.Root(), nil
}

// ProveInclusion shows that the tree of this size holds leaf index.
func ProveInclusion(store TileStore, size, index int64) ([]Hash, error) {
	if index < 0 || index >= size || size > maxTree {
		return nil, fmt.Errorf("ledger: no leaf %d in a tree of size %d", index, size)
	}
	return tlog.ProveRecord(size, index, tiles{store})
}

// ProveConsistency shows that the tree of size to begins with the one of size from.
func ProveConsistency(store TileStore, from, to int64) ([]Hash, error) {
	if from < 1 || from > to || to > maxTree {
		return nil, fmt.Errorf("ledger: no proof from size %d to %d", from, to)
	}
	return tlog.ProveTree(to, from, tiles{store})
}

// CheckInclusion checks what ProveInclusion shows.
func CheckInclusion(proof []Hash, size int64, root Hash, index int64, leaf Hash) error {
	if index < 0 || index >= size || tlog.CheckRecord(proof, size, root, index, leaf) != nil {
		return ErrProof
	}
	return nil
}

// CheckConsistency checks what ProveConsistency shows.
func CheckConsistency(proof []Hash, to int64, root Hash, from int64, old Hash) error {
	if from < 1 || from > to || tlog.CheckTree(proof, to, root, from, old) != nil {
		return ErrProof
	}
	return nil
}

// LeafHashes gives the hashes of leaves from (included) to to (excluded), after
// checking the tiles they stand in against size and root of a checkpoint. A row
// whose leaf hashes to something else is the bad one. Changed tiles are ErrTile.
// A whole ledger is asked for in runs of some thousand leaves.
func LeafHashes(store TileStore, size int64, root Hash, from, to int64) ([]Hash, error) {
	if from < 0 || from > to || to > size || size > maxTree {
		return nil, fmt.Errorf("ledger: no leaves %d to %d in a tree of size %d", from, to, size)
	}
	if from == to {
		return nil, nil
	}
	indexes := make([]int64, 0, to-from)
	for i := from; i < to; i++ {
		indexes = append(indexes, tlog.StoredHashIndex(0, i))
	}
	reader := &trusted{tiles: tiles{store}}
	hashes, err := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, reader).ReadHashes(indexes)
	if reader.err != nil {
		return nil, reader.err
	}
	if err != nil {
		return nil, fmt.Errorf("leaves %d to %d: %w", from, to, ErrTile)
	}
	return hashes, nil
}

// tiles reads any hash of the tree from its tiles.
type tiles struct{ store TileStore }

// ReadHashes is tlog.HashReader.
func (t tiles) ReadHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, index := range indexes {
		tile := tlog.TileForIndex(TileHeight, index)
		data, err := readTile(t.store, tile.L, tile.N, tile.W)
		if err != nil {
			return nil, err
		}
		if hashes[i], err = tlog.HashFromTile(tile, data, index); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// trusted is a tlog.TileReader that remembers why reading failed, to tell a
// broken disk from a changed tile.
type trusted struct {
	tiles
	err error
}

// Height is tlog.TileReader.
func (t *trusted) Height() int { return TileHeight }

// ReadTiles is tlog.TileReader.
func (t *trusted) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	for i, tile := range list {
		data, err := readTile(t.store, tile.L, tile.N, tile.W)
		if err != nil {
			t.err = err
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}

// SaveTiles is tlog.TileReader; the tiles are kept already.
func (t *trusted) SaveTiles([]tlog.Tile, [][]byte) {}
