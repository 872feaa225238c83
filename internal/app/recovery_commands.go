package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
	"github.com/cartkeep/cartkeep/internal/seal/recovery"
)

type recoveryCmd struct {
	State   recoveryStateCmd   `cmd:"" default:"1" help:"Tell who may bring the keys back, and what is left to do."`
	Add     recoveryAddCmd     `cmd:"" help:"Let an age recipient open the recovery file, now and after each new epoch."`
	Split   recoverySplitCmd   `cmd:"" help:"Make shares of which several together open the recovery file."`
	Try     recoveryTryCmd     `cmd:"" help:"Open a copy of the recovery file, compare it with the living keys, and remember that it works."`
	Restore recoveryRestoreCmd `cmd:"" help:"Bring the key file back from a recovery file, where it is lost."`
}

type recoveryStateCmd struct{}

// Run tells of the recovery file.
func (recoveryStateCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "keys recovery"}, nil)
}

type recoveryAddCmd struct {
	Recipient string `arg:"" help:"Whose it is: what age-keygen prints as public key." placeholder:"age1…"`
}

// Run registers a recipient.
func (c recoveryAddCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if list, err := recovery.Recipients(c.Recipient); err != nil || len(list) != 1 {
		return misused("recipient: %w", recovery.ErrRecipient)
	}
	return carryOut(ctx, p, set, call{Name: "keys recovery add", Args: map[string]string{"recipient": c.Recipient}}, nil)
}

type recoverySplitCmd struct {
	Needed int    `help:"How many have to come together." default:"2" placeholder:"K"`
	Total  int    `help:"How many shares there are." default:"3" placeholder:"N"`
	Out    string `help:"An empty or new folder for the shares. Give each to somebody else, and keep none here." type:"path" required:"" placeholder:"DIR"`
}

// Run writes shares.
func (c recoverySplitCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if c.Needed < 2 || c.Total < c.Needed || c.Total > recovery.MaxShares {
		return misused("needed, total: two to %d shares, of which at least two are needed", recovery.MaxShares)
	}
	if err := os.MkdirAll(c.Out, 0o700); err != nil {
		return misused("out: %w", err)
	}
	if there, err := os.ReadDir(c.Out); err != nil || len(there) > 0 {
		return misused("out: the folder is not empty")
	}
	var said bytes.Buffer
	to := *p
	to.Out = &said
	err := carryOut(ctx, &to, set, call{Name: "keys recovery split", Args: map[string]string{"needed": strconv.Itoa(c.Needed), "total": strconv.Itoa(c.Total)}}, nil)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(&said)
	for n := 1; ; n++ {
		var text string
		if err := dec.Decode(&text); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		name := filepath.Join(c.Out, fmt.Sprintf("share-%d-of-%d.txt", n, c.Total))
		if err := putFile(name, []byte(text)); err != nil {
			return fmt.Errorf("write a share: %w", err)
		}
		fmt.Fprintln(p.Out, "cartkeep: wrote "+name)
	}
	fmt.Fprintf(p.Out, "cartkeep: any %d of them open the recovery file; give each to somebody else, and keep none here\n", c.Needed)
	return nil
}

// opening is how a recovery file is opened.
type opening struct {
	File     string   `arg:"" help:"The recovery file, or a copy of it." type:"existingfile" placeholder:"FILE"`
	Identity string   `help:"A file with an age identity." type:"existingfile" placeholder:"FILE"`
	Share    []string `help:"A share; give as many as are needed." type:"existingfile" placeholder:"FILE"`
}

// epochs opens the file. The caller wipes the keys.
func (o opening) epochs(shop string) ([]seal.Epoch, error) {
	if (o.Identity == "") == (len(o.Share) == 0) {
		return nil, misused("give --identity, or --share as often as needed")
	}
	id, err := o.identity()
	if err != nil {
		return nil, err
	}
	defer clear(id)
	f, err := os.Open(o.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := recovery.Open(f, id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.File, err)
	}
	defer clear(text)
	return keyfile.Parse(text, shop)
}

func (o opening) identity() ([]byte, error) {
	if o.Identity != "" {
		return os.ReadFile(o.Identity)
	}
	var shares [][]byte
	for _, name := range o.Share {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		defer clear(text)
		shares = append(shares, text)
	}
	id, err := recovery.Join(shares...)
	if err != nil {
		for i, name := range o.Share { // it counts them; a person knows them by name
			if rest, ok := strings.CutPrefix(err.Error(), fmt.Sprintf("share %d: ", i+1)); ok {
				return nil, fmt.Errorf("%s: %s", name, rest)
			}
		}
		return nil, err
	}
	return id, nil
}

type recoveryTryCmd struct{ opening }

// Run opens the file here and lets the shop compare: no key leaves this program.
func (c recoveryTryCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	f, err := openFolder(set.Data)
	if err != nil {
		return err
	}
	shop, err := f.shopID()
	if err != nil {
		return err
	}
	epochs, err := c.epochs(shop)
	if err != nil {
		return err
	}
	ring, err := seal.Open(ctx, seal.NewMemory(epochs...))
	wipe(epochs)
	if err != nil {
		return err
	}
	defer ring.Close()
	marks := map[seal.EpochID]string{}
	for _, e := range ring.Epochs() {
		mark, err := ring.Check(e.ID)
		if err != nil {
			return err
		}
		marks[e.ID] = hex.EncodeToString(mark)
	}
	text, err := json.Marshal(marks)
	if err != nil {
		return err
	}
	return carryOut(ctx, p, set, call{Name: "keys recovery try", Args: map[string]string{"marks": string(text)}}, nil)
}

type recoveryRestoreCmd struct{ opening }

// Run makes the key file again. It needs no keys, so it works on a folder whose
// shop can't start.
func (c recoveryRestoreCmd) Run(_ context.Context, p *Process, set *Settings) error {
	f, err := openFolder(set.Data)
	if err != nil {
		return err
	}
	shop, err := f.shopID()
	if err != nil {
		return err
	}
	path, err := keyPath(set, f, shop)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("there is a key file already: %s; move it aside first", path)
	}
	epochs, err := c.epochs(shop)
	if err != nil {
		return err
	}
	defer wipe(epochs)
	pass := []byte(set.Passphrase)
	defer clear(pass)
	keys, err := keyfile.Create(path, shop, keyfile.Options{Passphrase: pass}, epochs...)
	if err != nil {
		return err
	}
	keys.Close()
	_, err = fmt.Fprintf(p.Out, "cartkeep: wrote %s with %s\n", path, many(len(epochs), "epoch"))
	return err
}
