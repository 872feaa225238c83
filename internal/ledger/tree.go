package ledger

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight is the height of the tiles the tree is kept in.
const TileHeight = 8

const (
	tileWidth = 1 << TileHeight
	hashSize  = tlog.HashSize
	maxTree   = 1 << 48 // far above any shop; keeps all arithmetic inside an int64
)

// TileStore keeps tiles: up to 256 hashes of 32 bytes, joined. A tile is
// written again, longer, while it fills; the longer one begins with the shorter.
type TileStore interface {
	// ReadTile gives a tile as written last. A missing tile is an error.
	ReadTile(level int, n int64) ([]byte, error)
	// WriteTile keeps a tile in place of its shorter self.
	WriteTile(level int, n int64, data []byte) error
}

// ErrTile means a tile that is missing, too short or not part of the tree.
var ErrTile = errors.New("ledger: tile missing or damaged")

// Tree is the growing end of the tree: its size and the tiles being filled.
// It lives as long as one transaction; after a rollback it is thrown away and
// opened again.
type Tree struct {
	store TileStore
	size  int64
	edge  [][]byte // edge[L]: the hashes of the tile being filled at level L
}

// OpenTree opens a tree of a known size. It reads one tile for each level.
func OpenTree(store TileStore, size int64) (*Tree, error) {
	if size < 0 || size > maxTree {
		return nil, fmt.Errorf("ledger: no tree has size %d", size)
	}
	t := &Tree{store: store, size: size}
	for level := 0; size>>(TileHeight*level) > 0; level++ {
		hashes := size >> (TileHeight * level)
		width := int(hashes % tileWidth)
		tile := make([]byte, 0, tileWidth*hashSize)
		if width > 0 {
			data, err := readTile(store, level, hashes/tileWidth, width)
			if err != nil {
				return nil, err
			}
			tile = append(tile, data...)
		}
		t.edge = append(t.edge, tile)
	}
	return t, nil
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Append adds leaves in order and writes each tile it touches once.
func (t *Tree) Append(leaves [][]byte) error {
	hashes := make([]Hash, len(leaves))
	for i, leaf := range leaves {
		if len(leaf) == 0 {
			return fmt.Errorf("append leaf %d: %w", t.size+int64(i), ErrLeaf)
		}
		hashes[i] = tlog.RecordHash(leaf)
	}
	return t.AppendHashes(hashes)
}

// AppendHashes adds leaves of which only the hash is left. After an error the
// tree is of no more use.
func (t *Tree) AppendHashes(hashes []Hash) error {
	if len(hashes) == 0 {
		return nil
	}
	if t.size > maxTree-int64(len(hashes)) {
		return errors.New("ledger: the tree is full")
	}
	touched := make([]bool, len(t.edge), len(t.edge)+2)
	for _, h := range hashes {
		t.size++
		for level := 0; ; level++ {
			if level == len(t.edge) {
				t.edge = append(t.edge, make([]byte, 0, tileWidth*hashSize))
			}
			if level >= len(touched) {
				touched = append(touched, false)
			}
			t.edge[level] = append(t.edge[level], h[:]...)
			touched[level] = true
			if len(t.edge[level]) < tileWidth*hashSize {
				break
			}
			n := t.size>>(TileHeight*(level+1)) - 1
			if err := t.store.WriteTile(level, n, t.edge[level]); err != nil {
				return fmt.Errorf("write tile %d/%d: %w", level, n, err)
			}
			h = tileRoot(t.edge[level])
			// A fresh slice: the store may keep the one it was given.
			t.edge[level] = make([]byte, 0, tileWidth*hashSize)
			touched[level] = false
		}
	}
	for level, tile := range t.edge {
		if level >= len(touched) || !touched[level] || len(tile) == 0 {
			continue
		}
		n := t.size >> (TileHeight * (level + 1))
		if err := t.store.WriteTile(level, n, append([]byte(nil), tile...)); err != nil {
			return fmt.Errorf("write tile %d/%d: %w", level, n, err)
		}
	}
	return nil
}

// Root is the root hash at the present size.
func (t *Tree) Root() Hash {
	var r rangeHash
	for level := len(t.edge) - 1; level >= 0; level-- {
		tile := t.edge[level]
		for len(tile) > 0 {
			var h Hash
			copy(h[:], tile)
			r.add(h, TileHeight*level)
			tile = tile[hashSize:]
		}
	}
	return r.root()
}

// tileRoot is the hash of a full tile.
func tileRoot(tile []byte) Hash {
	var hashes [tileWidth]Hash
	for i := range hashes {
		copy(hashes[i][:], tile[i*hashSize:])
	}
	for n := tileWidth; n > 1; n /= 2 {
		for i := range n / 2 {
			hashes[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
		}
	}
	return hashes[0]
}

// rangeHash adds complete subtrees from left to right and keeps only the few
// that are not joined yet, each larger than the next.
type rangeHash struct {
	hashes []Hash
	levels []int
}

func (r *rangeHash) add(h Hash, level int) {
	for n := len(r.levels); n > 0 && r.levels[n-1] == level; n-- {
		h = tlog.NodeHash(r.hashes[n-1], h)
		level++
		r.hashes, r.levels = r.hashes[:n-1], r.levels[:n-1]
	}
	r.hashes, r.levels = append(r.hashes, h), append(r.levels, level)
}

func (r *rangeHash) root() Hash {
	if len(r.hashes) == 0 {
		return emptyRoot()
	}
	h := r.hashes[len(r.hashes)-1]
	for i := len(r.hashes) - 2; i >= 0; i-- {
		h = tlog.NodeHash(r.hashes[i], h)
	}
	return h
}

func readTile(store TileStore, level int, n int64, width int) ([]byte, error) {
	data, err := store.ReadTile(level, n)
	if err != nil {
		return nil, fmt.Errorf("read tile %d/%d: %w", level, n, err)
	}
	if len(data) < width*hashSize || len(data) > tileWidth*hashSize || len(data)%hashSize != 0 {
		return nil, fmt.Errorf("read tile %d/%d: %w", level, n, ErrTile)
	}
	return data[:width*hashSize], nil
}
