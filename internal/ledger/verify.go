package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
)

// Report is what VerifyExport found.
type Report struct {
	Size       int64      // events that were read
	Root       Hash       // their root hash
	Emptied    int64      // events of which only the leaf hash is left
	Checkpoint Checkpoint // the one that ends the export
	Signed     bool       // its signature was checked and is good
	Branches   []Branch   // places where the ledger was restored from a backup
	FirstBad   int64      // index of the first bad event; -1 when all is well
	Exact      bool       // the place is exact; else the trouble is at FirstBad or after it
	Problem    string     // what is wrong, for people; "" when all is well
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return r.Problem == "" }

// String is "ok SIZE ROOT", or "bad INDEX: PROBLEM".
func (r Report) String() string {
	switch {
	case r.OK():
		return fmt.Sprintf("ok %d %v", r.Size, r.Root)
	case r.Exact:
		return fmt.Sprintf("bad %d: %s", r.FirstBad, r.Problem)
	default:
		return fmt.Sprintf("bad %d or after: %s", r.FirstBad, r.Problem)
	}
}

// VerifyExport checks an export against the checkpoint at its end and, when
// old is a signed note that someone kept, against that older checkpoint: the
// export must begin with exactly what was there then. Without verifier keys
// signatures are not checked and Report.Signed stays false.
//
// What is wrong with the export stands in the report. The error is for an
// export that cannot be read and for an old checkpoint or key of no use.
func VerifyExport(r io.Reader, old string, verifierKeys ...string) (Report, error) {
	v := verifier{keys: verifierKeys, report: Report{FirstBad: -1}}
	if old != "" {
		c, err := v.open(old)
		if err != nil {
			return v.report, fmt.Errorf("older checkpoint: %w", err)
		}
		v.old = &c
	} else if len(verifierKeys) > 0 {
		// A key that cannot be read is the caller's mistake, not the export's.
		if _, err := OpenCheckpoint("", verifierKeys...); !errors.Is(err, ErrSignature) {
			return v.report, err
		}
	}
	v.reached()
	err := eachBlock(r, v.block)
	if err != nil && !errors.Is(err, errStop) {
		return v.report, fmt.Errorf("read export: %w", err)
	}
	v.finish()
	return v.report, nil
}

// verifier takes blocks in order.
type verifier struct {
	keys    []string
	old     *Checkpoint
	proven  int64 // leaves that an older checkpoint vouches for
	differs bool  // the older checkpoint has another root
	tree    rangeHash
	note    string
	ended   bool // the checkpoint line was there
	report  Report
}

// errStop ends reading when the first bad place is known.
var errStop = errors.New("ledger: first bad place found")

func (v *verifier) bad(index int64, exact bool, format string, args ...any) {
	if v.report.Problem == "" {
		v.report.FirstBad, v.report.Exact = index, exact
		v.report.Problem = fmt.Sprintf(format, args...)
	}
}

func (v *verifier) open(signed string) (Checkpoint, error) {
	if len(v.keys) > 0 {
		return OpenCheckpoint(signed, v.keys...)
	}
	i := strings.LastIndex(signed, "\n\n")
	if i < 0 {
		return Checkpoint{}, ErrCheckpoint
	}
	return ParseCheckpoint(signed[:i+1])
}

// block takes the next block of lines.
func (v *verifier) block(b *block) error {
	if v.ended && (len(b.hashes) > 0 || b.fault != nil || b.ended) {
		v.bad(v.report.Size, true, "something follows the checkpoint")
		return errStop
	}
	if len(b.hashes) > 0 && b.first != v.report.Size {
		v.order(b.first)
		return errStop
	}
	for _, h := range b.hashes {
		v.tree.add(h, 0)
		v.report.Size++
		if v.old != nil && v.report.Size == v.old.Size {
			v.reached()
		}
	}
	v.report.Emptied += b.emptied
	if b.ended {
		v.note, v.ended = b.note, true
	}
	switch {
	case b.fault == nil:
		return nil
	case v.ended:
		v.bad(v.report.Size, true, "something follows the checkpoint")
	case b.index >= 0 && b.index != v.report.Size:
		v.order(b.index)
	case errors.Is(b.fault, errStated):
		v.bad(v.report.Size, true, "the event was changed")
	default:
		v.bad(v.report.Size, true, "the line is damaged")
	}
	return errStop
}

func (v *verifier) order(got int64) {
	if got < v.report.Size {
		v.bad(got, true, "the index comes twice")
		return
	}
	v.bad(v.report.Size, true, "the event is missing; index %d comes in its place", got)
}

// reached compares with the older checkpoint when its size is reached.
func (v *verifier) reached() {
	if v.old == nil || v.old.Size != v.report.Size {
		return
	}
	if v.tree.root() != v.old.Root {
		v.differs = true // which is right where a restore is announced; the end of the export tells
		return
	}
	v.proven = v.old.Size
}

// forked says whether the older checkpoint is of events that a restore has lost,
// and notes what is wrong with it. c is the checkpoint at the end; nil when there
// is none that holds.
func (v *verifier) forked(c *Checkpoint) (lost bool) {
	if v.old == nil {
		return false
	}
	problem := ""
	if c != nil {
		lost, problem = forked(*c, *v.old)
	}
	if v.differs && !lost {
		// Before whatever came after it.
		v.report.Problem = ""
		v.bad(0, false, "events before the older checkpoint (size %d, %s) were changed, or it is of another branch", v.old.Size, v.old.Origin)
	} else if problem != "" {
		v.bad(min(v.old.Size, v.report.Size), false, "%s", problem)
	}
	return lost
}

func (v *verifier) finish() {
	r := &v.report
	r.Root = v.tree.root()
	if !r.OK() || !v.ended {
		v.forked(nil)
	}
	if !r.OK() {
		return
	}
	if !v.ended {
		v.bad(r.Size, true, "the end is cut off: no checkpoint follows")
		return
	}
	c, err := v.open(v.note)
	if err != nil {
		v.forked(nil)
		v.bad(v.proven, false, "the checkpoint at the end does not hold: %v", err)
		return
	}
	r.Checkpoint, r.Signed, r.Branches = c, len(v.keys) > 0, c.Branches()
	shorter := v.forked(&c)
	if !r.OK() {
		return
	}
	switch {
	case v.old != nil && v.old.Size > r.Size && !shorter:
		v.bad(r.Size, true, "the end is cut off: an older checkpoint had %d events", v.old.Size)
	case c.Size > r.Size:
		v.bad(r.Size, true, "the end is cut off: the checkpoint has %d events", c.Size)
	case c.Size < r.Size:
		v.bad(c.Size, true, "events follow that the checkpoint does not have")
	case c.Root != r.Root:
		v.bad(v.proven, false, "the events do not give the checkpoint's root; an event and its stated hash were changed together, or events were renumbered")
	}
}

// block is a run of whole lines, read by one goroutine and hashed by another.
type block struct {
	data []byte
	done chan struct{}

	first   int64 // index of the first event
	hashes  []Hash
	emptied int64
	note    string // from the checkpoint line
	ended   bool
	fault   error // what is wrong with the line after the last good one
	index   int64 // the index that line claims
}

const blockSize = 256 << 10

var errOrder = errors.New("ledger: index out of order")

// eachBlock reads and hashes blocks on all cores and gives them in order.
func eachBlock(r io.Reader, each func(*block) error) error {
	workers := runtime.GOMAXPROCS(0)
	var (
		work  = make(chan *block, workers)
		order = make(chan *block, 2*workers) // bounds what is in memory
		free  = make(chan *block, 4*workers)
		stop  = make(chan struct{})
		group sync.WaitGroup
		fault error
	)
	for range workers {
		group.Go(func() {
			var leaf []byte
			for b := range work {
				leaf = b.parse(leaf)
				close(b.done)
			}
		})
	}
	group.Go(func() {
		defer close(order)
		defer close(work)
		fault = readBlocks(r, free, func(b *block) bool {
			select {
			case order <- b:
				work <- b
				return true
			case <-stop:
				return false
			}
		})
	})
	var err error
	for b := range order {
		<-b.done
		if err != nil {
			continue // drain, so that everybody ends
		}
		if err = each(b); err != nil {
			close(stop)
			continue
		}
		select {
		case free <- b:
		default:
		}
	}
	group.Wait()
	if err == nil {
		err = fault
	}
	return err
}

// readBlocks cuts the input after line feeds. A rest without one, or a line
// that is too long, comes as a block by itself, which cannot parse.
func readBlocks(r io.Reader, free <-chan *block, send func(*block) bool) error {
	var rest []byte
	for {
		b := &block{}
		select {
		case used := <-free:
			*b = block{data: used.data[:0], hashes: used.hashes[:0]}
		default:
			b.data = make([]byte, 0, blockSize+MaxLine)
		}
		b.done = make(chan struct{})
		b.data = append(b.data, rest...)
		have := len(b.data)
		n, err := io.ReadFull(r, b.data[have:have+blockSize])
		b.data = b.data[:have+n]
		atEOF := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !atEOF {
			return err
		}
		cut := bytes.LastIndexByte(b.data, '\n') + 1
		if atEOF || len(b.data)-cut > MaxLine {
			cut = len(b.data)
			atEOF = true
		}
		rest = append(rest[:0], b.data[cut:]...)
		b.data = b.data[:cut]
		if len(b.data) > 0 && !send(b) {
			return nil
		}
		if atEOF {
			return nil
		}
	}
}

// parse reads and hashes the lines up to the first bad one. The scratch space
// for a leaf is handed from block to block.
func (b *block) parse(leaf []byte) []byte {
	for data := b.data; len(data) > 0; {
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 || end > MaxLine {
			b.fault = errLine
			return leaf
		}
		text := data[:end]
		data = data[end:]
		if b.ended {
			b.fault = errLine
			return leaf
		}
		if b.note, b.ended = parseCheckpointLine(text); b.ended {
			continue
		}
		var line Line
		var err error
		line, leaf, err = parseLine(text, leaf)
		if len(b.hashes) == 0 {
			b.first = line.Index
		}
		if b.index = line.Index; err == nil && line.Index != b.first+int64(len(b.hashes)) {
			err = errOrder
		}
		if err != nil {
			b.fault = err
			return leaf
		}
		if line.Emptied {
			b.emptied++
		}
		b.hashes = append(b.hashes, line.Hash)
	}
	return leaf
}
