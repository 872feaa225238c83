package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/cartkeep/cartkeep/internal/store"
)

// What stands inside age and zstd is a run of frames:
//
//	kind 1 byte ‖ length uvarint ‖ that many bytes
//
//	'h'  the header, as JSON; first, once
//	't'  a table with its columns, as JSON; the rows after it are its rows
//	'r'  rows: for each, and each of its columns, a value
//	'e'  the manifest, signed; last, once
//
// A value is 'n' (NULL), 'i' and a signed varint (numbers, times, yes and no),
// or 't' (text) or 'b' (bytes) with a uvarint length. Nothing in it is of one
// engine, so what SQLite kept can be restored into PostgreSQL and back.
const (
	frameHeader = 'h'
	frameTable  = 't'
	frameRows   = 'r'
	frameEnd    = 'e'

	maxFrame = 256 << 20
	// fullFrame is when a frame of rows takes no more.
	fullFrame = 64 << 10
	format    = 1
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

// partWriter writes one part. Rows are read and put into frames by its caller,
// which packing, sealing and writing run beside.
type partWriter struct {
	sealed io.WriteCloser // age
	packed *zstd.Encoder
	sum    hash.Hash
	buf    []byte // rows of the next frame
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
	p := &partWriter{sealed: sealed, packed: packed, sum: sha256.New(), rows: map[string]int64{}}
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
	head := frameHead(kind, len(payload))
	if kind != frameEnd {
		p.sum.Write(head)
		p.sum.Write(payload)
	}
	if _, err := p.packed.Write(head); err != nil {
		return err
	}
	_, err := p.packed.Write(payload)
	return err
}

func frameHead(kind byte, length int) []byte {
	return binary.AppendUvarint(append(make([]byte, 0, 1+binary.MaxVarintLen64), kind), uint64(length))
}

func (p *partWriter) begin(table string, columns []string) error {
	text, err := json.Marshal(tableFrame{table, columns})
	if err != nil {
		return err
	}
	if err := p.flush(); err != nil {
		return err
	}
	p.table, p.rows[table] = table, 0
	return p.frame(frameTable, text)
}

func (p *partWriter) row(values []store.Value) error {
	p.buf = appendRow(p.buf, values)
	p.rows[p.table]++
	p.total++
	if len(p.buf) < fullFrame {
		return nil
	}
	return p.flush()
}

// flush ends the frame of rows that was begun.
func (p *partWriter) flush() error {
	if len(p.buf) == 0 {
		return nil
	}
	err := p.frame(frameRows, p.buf)
	p.buf = p.buf[:0]
	return err
}

func appendRow(b []byte, values []store.Value) []byte {
	for _, v := range values {
		b = append(b, byte(v.Kind))
		switch v.Kind {
		case store.KindInt:
			b = binary.AppendVarint(b, v.Int)
		case store.KindText, store.KindBytes:
			b = append(binary.AppendUvarint(b, uint64(len(v.Raw))), v.Raw...)
		}
	}
	return b
}

// close ends the part with its manifest, which sign has signed.
func (p *partWriter) close(note string) error {
	return errors.Join(p.frame(frameEnd, []byte(note)), p.packed.Close(), p.sealed.Close())
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
	held   hash.Hash // of what comes after the header, where somebody asks

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
	kind, payload, err := p.frame(nil)
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

// frame reads the next frame into room.
func (p *part) frame(room []byte) (kind byte, payload []byte, err error) {
	if kind, err = p.in.ReadByte(); err != nil {
		return 0, nil, p.damaged("what comes next")
	}
	n, err := binary.ReadUvarint(p.in)
	if err != nil || n > maxFrame {
		return 0, nil, p.damaged("a length")
	}
	payload = room[:0]
	for left := int(n); left > 0; {
		// What is claimed is not made room for before it is there.
		step := min(left, 1<<20)
		payload = slices.Grow(payload, step)
		payload = payload[:len(payload)+step]
		if _, err := io.ReadFull(p.in, payload[len(payload)-step:]); err != nil {
			return 0, nil, p.damaged("a row or table")
		}
		left -= step
	}
	if kind != frameEnd {
		head := frameHead(kind, len(payload))
		p.sum.Write(head)
		p.sum.Write(payload)
		if p.held != nil {
			p.held.Write(head)
			p.held.Write(payload)
		}
	}
	return kind, payload, nil
}

// ahead bounds how many frames are read ahead of whoever takes the rows.
const ahead = 4

// batch is what one frame says: rows, a table or the end.
type batch struct {
	raw    []byte
	sum    [32]byte      // of everything up to the end of these rows
	values []store.Value // of rows, one after the other; they lie in raw
	table  *tableFrame
	end    bool
	err    error
}

// each reads the rest of a part: begin is called for each table, and row for
// each of its rows, which are good until row returns. Reading, which opens, unpacks,
// sums and parses, runs ahead beside what is done with the rows. Now and then mark
// is called with how far that came, if there is one.
func (p *part) each(begin func(table string, columns []string) error, row func([]store.Value) error, mark func(store.Mark) error) error {
	next, free, stop := make(chan *batch, ahead), make(chan *batch, ahead+2), make(chan struct{})
	for range cap(free) {
		free <- &batch{}
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(next)
		p.readAhead(free, next, stop)
	})
	// Nobody reads on once this returns: the caller closes the file.
	defer reading.Wait()
	defer close(stop)
	for b := range next {
		if err := p.take(b, begin, row); err != nil || b.end {
			return err
		}
		if mark != nil && len(b.values) > 0 {
			if err := mark(store.Mark{Rows: p.total, Sum: hex.EncodeToString(b.sum[:])}); err != nil {
				return err
			}
		}
		free <- b
	}
	return p.damaged("its end")
}

// take does with a batch what each was asked to.
func (p *part) take(b *batch, begin func(table string, columns []string) error, row func([]store.Value) error) error {
	if b.err != nil {
		return b.err
	}
	if b.table != nil {
		if _, twice := p.rows[b.table.Name]; twice {
			return p.damaged("a table")
		}
		p.table, p.rows[b.table.Name] = *b.table, 0
		return begin(p.table.Name, p.table.Columns)
	}
	width := len(p.table.Columns)
	for at := 0; at < len(b.values); at += width {
		p.rows[p.table.Name]++
		p.total++
		if err := row(b.values[at : at+width]); err != nil {
			return err
		}
	}
	return nil
}

// readAhead reads frames and sends what they say, in order, until the end, an
// error or a stop. There are as many batches as free holds.
func (p *part) readAhead(free <-chan *batch, next chan<- *batch, stop <-chan struct{}) {
	for columns := 0; ; {
		var b *batch
		select {
		case b = <-free:
		case <-stop:
			return
		}
		p.read1(b, &columns)
		last := b.end || b.err != nil
		select {
		case next <- b:
		case <-stop:
			return
		}
		if last {
			return
		}
	}
}

// read1 reads what the next frame says. columns is how many the table has.
func (p *part) read1(b *batch, columns *int) {
	b.values, b.table = b.values[:0], nil
	var kind byte
	if kind, b.raw, b.err = p.frame(b.raw); b.err != nil {
		return
	}
	switch kind {
	case frameTable:
		b.table = &tableFrame{}
		if json.Unmarshal(b.raw, b.table) != nil || b.table.Name == "" || len(b.table.Columns) == 0 {
			b.err = p.damaged("a table")
		}
		*columns = len(b.table.Columns)
	case frameRows:
		var err error
		if b.values, err = parseRows(b.values, b.raw, *columns); err != nil {
			b.err = p.damaged("a row")
		}
		p.sum.Sum(b.sum[:0])
	case frameEnd:
		p.note, b.end = string(b.raw), true
		if _, err := p.in.ReadByte(); err != io.EOF {
			b.err = p.damaged("its end")
		}
	default:
		b.err = p.damaged("a frame")
	}
}

var errRow = errors.New("not a row")

// parseRows reads rows of so many columns and appends their values, which lie
// where they were read. Before a full frame's last row there is no room for more
// values than bytes, and one that claims more is none that we wrote.
func parseRows(values []store.Value, b []byte, columns int) ([]store.Value, error) {
	if columns == 0 || len(b) == 0 {
		return values, errRow
	}
	for len(b) > 0 {
		if len(values) > fullFrame+columns {
			return values, errRow
		}
		v, rest, err := parseValue(b)
		if err != nil {
			return values, err
		}
		values, b = append(values, v), rest
	}
	if len(values)%columns != 0 {
		return values, errRow
	}
	return values, nil
}

func parseValue(b []byte) (v store.Value, rest []byte, err error) {
	v.Kind = store.Kind(b[0])
	b = b[1:]
	switch v.Kind {
	case store.KindNull:
		return v, b, nil
	case store.KindInt:
		n, size := binary.Varint(b)
		if size <= 0 {
			return v, nil, errRow
		}
		v.Int = n
		return v, b[size:], nil
	case store.KindText, store.KindBytes:
		length, size := binary.Uvarint(b)
		if size <= 0 || length > uint64(len(b)-size) {
			return v, nil, errRow
		}
		end := size + int(length)
		v.Raw = b[size:end:end]
		return v, b[end:], nil
	}
	return v, nil, errRow
}
