package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// The journal is a file of JSON lines that only grows. Each line is one record
// and is on disk before its effect is told to anyone:
//
//	opened    a session, with all that was asked for
//	decided   the outcome, its event id, and when its call-back is due
//	answered  the call-back of that event was answered
//	refunded  an amount was paid back
//	captured  an amount of what was reserved was taken, and the rest let go
//	released  all of what was reserved was let go
//	arrived   a customer, for whom cards can be kept
//	kept      a card of a customer
//	dropped   a card of a customer, or with none named the customer
//
// A line without its end is the mark of a crash while writing; nobody was told
// of it, and it is cut off. Any other damage stops the start.
type record struct {
	V    int       `json:"v"`
	Kind kind      `json:"kind"`
	At   time.Time `json:"at"`
	Ref  string    `json:"ref"`

	Opened *openBody       `json:"opened,omitempty"`
	Event  string          `json:"event,omitempty"`
	Result payment.Outcome `json:"outcome,omitempty"`
	Due    *time.Time      `json:"due,omitempty"`
	Card   string          `json:"card,omitempty"` // its fingerprint; of a customer, its id
	Kept   *cardBody       `json:"kept,omitempty"`
	Refund string          `json:"refund,omitempty"`
	Amount *money.Amount   `json:"amount,omitempty"`
}

type kind string

const (
	opened   kind = "opened"
	decided  kind = "decided"
	answered kind = "answered"
	refunded kind = "refunded"
	captured kind = "captured"
	released kind = "released"
	arrived  kind = "arrived"
	kept     kind = "kept"
	dropped  kind = "dropped"
)

type journal struct {
	f      *os.File
	size   int64
	broken bool
}

// openJournal reads path, giving each record to apply, and is then ready to grow.
func openJournal(path string, apply func(record) error) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sandbox journal: %w", err)
	}
	j := &journal{f: f}
	if err := errors.Join(f.Chmod(0o600), j.read(apply)); err != nil {
		f.Close()
		return nil, fmt.Errorf("sandbox journal: %w", err)
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil { // so that the name survives too
		dir.Sync()
		dir.Close()
	}
	return j, nil
}

func (j *journal) read(apply func(record) error) error {
	all, err := io.ReadAll(j.f)
	if err != nil {
		return err
	}
	for line := 1; ; line++ {
		raw, rest, whole := bytes.Cut(all, []byte{'\n'})
		if !whole {
			break // what is left was never finished
		}
		var r record
		if err := decodeStrict(raw, &r); err != nil || r.V != 1 {
			return fmt.Errorf("line %d is damaged", line)
		}
		if err := apply(r); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		j.size += int64(len(raw)) + 1
		all = rest
	}
	if err := j.f.Truncate(j.size); err != nil {
		return err
	}
	_, err = j.f.Seek(j.size, io.SeekStart)
	return err
}

// add writes one record and returns when it is on disk. A half-written line is
// taken back; where even that does not work the journal takes nothing more.
func (j *journal) add(r record) error {
	if j.broken {
		return errors.New("sandbox journal: an earlier write did not end well")
	}
	r.V = 1
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	raw = append(raw, '\n')
	if _, err = j.f.WriteAt(raw, j.size); err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		if terr := j.f.Truncate(j.size); terr != nil {
			j.broken = true
		}
		return fmt.Errorf("sandbox journal: %w", err)
	}
	j.size += int64(len(raw))
	return nil
}

func (j *journal) close() error {
	j.broken = true
	return j.f.Close()
}
