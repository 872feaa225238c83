package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// What stands inside age and zstd is a run of frames:
//
//	kind 1 byte ‖ length uvarint ‖ that many bytes
//
//	'h'  the header, as JSON; first, once
//	't'  a table with its columns, as JSON; the rows after it are its rows
//	'r'  a row: for each column a value
//	'e'  the manifest, signed; last, once
//
// A value is 'n' (NULL), 'i' and a signed varint (numbers, times, yes and no),
// or 't' (text) or 'b' (bytes) with a uvarint length. Nothing in it is of one
// engine, so what SQLite kept can be restored into PostgreSQL and back.
const (
	frameHeader = 'h'
	frameTable  = 't'
	frameRow    = 'r'
	frameEnd    = 'e'

	maxFrame = 256 << 20
	format   = 1
)

// Header says what a part is.
type Header struct {
	Format     int       `json:"format"`
	Part       string    `json:"part"`
	Shop       string    `json:"shop"`
	At         time.Time `json:"at"`     // of the snapshot
	Schema     int64     `json:"schema"` // the newest migration that it has seen
	Checkpoint string    `json:"checkpoint"`
}

// Manifest is the signed end of a part.
type Manifest struct {
	Rows map[string]int64 `json:"rows"`
	// Key names the oldest key part that a data part can be restored with: the one
	// that was taken after it.
	Key string `json:"key,omitempty"`
}

type tableFrame struct {
	Name    string   `json:"table"`
	Columns []string `json:"columns"`
}

// partWriter writes one part.
type partWriter struct {
	sealed io.WriteCloser // age
	packed *zstd.Encoder
	out    *bufio.Writer
	sum    hash.Hash
	buf    []byte
	table  string
	rows   map[string]int64
	total  int64
}

func newPartWriter(w io.Writer, to []age.Recipient, h Header) (*partWriter, error) {
	sealed, err := age.Encrypt(w, to...)
	if err != nil {
		return nil, fmt.Errorf("seal part: %w", err)
	}
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(2))
	if err != nil {
		return nil, err
	}
	p := &partWriter{sealed: sealed, packed: packed, out: bufio.NewWriterSize(packed, 256<<10), sum: sha256.New(), rows: map[string]int64{}}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return p, p.frame(frameHeader, text)
}

func (p *partWriter) frame(kind byte, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("a row of %s is too long for a backup", p.table)
	}
	var head [1 + binary.MaxVarintLen64]byte
	head[0] = kind
	n := 1 + binary.PutUvarint(head[1:], uint64(len(payload)))
	if kind != frameEnd {
		p.sum.Write(head[:n])
		p.sum.Write(payload)
	}
	if _, err := p.out.Write(head[:n]); err != nil {
		return err
	}
	_, err := p.out.Write(payload)
	return err
}

func (p *partWriter) begin(table string, columns []string) error {
	text, err := json.Marshal(tableFrame{table, columns})
	if err != nil {
		return err
	}
	p.table, p.rows[table] = table, 0
	return p.frame(frameTable, text)
}

func (p *partWriter) row(values []any) error {
	var err error
	if p.buf, err = appendRow(p.buf[:0], values); err != nil {
		return fmt.Errorf("%s: %w", p.table, err)
	}
	p.rows[p.table]++
	p.total++
	return p.frame(frameRow, p.buf)
}

func appendRow(b []byte, values []any) ([]byte, error) {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 'n')
		case int64:
			b = binary.AppendVarint(append(b, 'i'), v)
		case string:
			b = append(binary.AppendUvarint(append(b, 't'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, 'b'), uint64(len(v))), v...)
		default:
			return nil, fmt.Errorf("a value of type %T has no place in a backup", v)
		}
	}
	return b, nil
}

// close ends the part with its manifest, which sign has signed.
func (p *partWriter) close(note string) error {
	return errors.Join(p.frame(frameEnd, []byte(note)), p.out.Flush(), p.packed.Close(), p.sealed.Close())
}

// digest is the SHA-256 of every frame so far.
func (p *partWriter) digest() (sum [32]byte) {
	p.sum.Sum(sum[:0])
	return sum
}

// part is a part that is being read.
type part struct {
	Header
	name   string
	in     *bufio.Reader
	packed *zstd.Decoder
	read   *counter
	sum    hash.Hash
	buf    bytes.Buffer

	table tableFrame
	rows  map[string]int64
	total int64
	note  string // the signed manifest, once the end was read
}

// counter counts the bytes of the file, so that a damaged place can be named.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// openPart reads a part's header. The caller closes the part.
func openPart(r io.Reader, name string, ids []age.Identity) (*part, error) {
	p := &part{name: name, read: &counter{r: r}, sum: sha256.New(), rows: map[string]int64{}}
	plain, err := age.Decrypt(p.read, ids...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) || len(ids) == 0 {
		return nil, fmt.Errorf("%s: %w", name, ErrIdentity)
	}
	if err != nil {
		return nil, p.damaged("its age header")
	}
	if p.packed, err = zstd.NewReader(plain, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderMaxMemory(64<<20)); err != nil {
		return nil, err
	}
	p.in = bufio.NewReaderSize(p.packed, 256<<10)
	kind, payload, err := p.frame()
	if err == nil && (kind != frameHeader || json.Unmarshal(payload, &p.Header) != nil) {
		err = p.damaged("its header")
	}
	if err == nil && p.Format != format {
		err = fmt.Errorf("%s: %w", name, ErrNewer)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *part) close() { p.packed.Close() }

func (p *part) damaged(what string) error {
	return fmt.Errorf("%s: %w: %s does not read, at byte %d of the file or just before", p.name, ErrDamaged, what, p.read.n.Load())
}

// frame reads the next frame. Its payload is good until the next one.
func (p *part) frame() (kind byte, payload []byte, err error) {
	if kind, err = p.in.ReadByte(); err != nil {
		return 0, nil, p.damaged("what comes next")
	}
	n, err := binary.ReadUvarint(p.in)
	if err != nil || n > maxFrame {
		return 0, nil, p.damaged("a length")
	}
	// What is claimed is not made room for before it is there.
	p.buf.Reset()
	if got, err := io.CopyN(&p.buf, p.in, int64(n)); err != nil || got != int64(n) {
		return 0, nil, p.damaged("a row or table")
	}
	payload = p.buf.Bytes()
	if kind != frameEnd {
		var head [1 + binary.MaxVarintLen64]byte
		head[0] = kind
		m := 1 + binary.PutUvarint(head[1:], n)
		p.sum.Write(head[:m])
		p.sum.Write(payload)
	}
	return kind, payload, nil
}

const (
	// batchRows and batchBytes bound what is read ahead of whoever takes the rows.
	batchRows  = 256
	batchBytes = 1 << 20
)

// batch is what comes next in a part: some rows, then perhaps a table or the end.
type batch struct {
	rows  [][]any
	table *tableFrame
	end   bool
	err   error
}

// each reads the rest of a part: begin is called for each table, and row for
// each of its rows. Reading, which opens, unpacks, sums and parses, runs ahead
// beside what is done with the rows.
func (p *part) each(begin func(table string, columns []string) error, row func([]any) error) error {
	next, stop := make(chan batch, 2), make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(next)
		p.ahead(func(b batch) bool {
			select {
			case next <- b:
				return true
			case <-stop:
				return false
			}
		})
	})
	// Nobody reads on once this returns: the caller closes the file.
	defer reading.Wait()
	defer close(stop)
	for b := range next {
		for _, values := range b.rows {
			p.rows[p.table.Name]++
			p.total++
			if err := row(values); err != nil {
				return err
			}
		}
		if b.err != nil || b.end {
			return b.err
		}
		if b.table != nil {
			if _, twice := p.rows[b.table.Name]; twice {
				return p.damaged("a table")
			}
			p.table = *b.table
			p.rows[p.table.Name] = 0
			if err := begin(p.table.Name, p.table.Columns); err != nil {
				return err
			}
		}
	}
	return p.damaged("its end")
}

// ahead reads frames and sends what they say, in order, until the end, an error or
// no for an answer.
func (p *part) ahead(send func(batch) bool) {
	var b batch
	columns, size := 0, 0
	for {
		kind, payload, err := p.frame()
		if err != nil {
			b.err = err
			send(b)
			return
		}
		switch kind {
		case frameTable:
			t := &tableFrame{}
			if json.Unmarshal(payload, t) != nil || t.Name == "" || len(t.Columns) == 0 {
				b.err = p.damaged("a table")
				send(b)
				return
			}
			b.table, columns = t, len(t.Columns)
		case frameRow:
			values := make([]any, columns)
			if columns == 0 || parseRow(values, payload) != nil {
				b.err = p.damaged("a row")
				send(b)
				return
			}
			b.rows = append(b.rows, values)
			if size += len(payload); size < batchBytes && len(b.rows) < batchRows {
				continue
			}
		case frameEnd:
			p.note = string(payload)
			if _, err := p.in.ReadByte(); err != io.EOF {
				b.err = p.damaged("its end")
			}
			b.end = true
			send(b)
			return
		default:
			b.err = p.damaged("a frame")
			send(b)
			return
		}
		if !send(b) {
			return
		}
		b, size = batch{}, 0
	}
}

var errRow = errors.New("not a row")

// parseRow reads a row into as many values as there are columns. Texts and bytes
// are copies.
func parseRow(values []any, b []byte) error {
	for i := range values {
		if len(b) == 0 {
			return errRow
		}
		kind := b[0]
		b = b[1:]
		switch kind {
		case 'n':
			values[i] = nil
		case 'i':
			v, n := binary.Varint(b)
			if n <= 0 {
				return errRow
			}
			values[i], b = v, b[n:]
		case 't', 'b':
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return errRow
			}
			raw := b[n : n+int(size)]
			if b = b[n+int(size):]; kind == 't' {
				values[i] = string(raw)
			} else {
				values[i] = append([]byte{}, raw...)
			}
		default:
			return errRow
		}
	}
	if len(b) > 0 {
		return errRow
	}
	return nil
}
