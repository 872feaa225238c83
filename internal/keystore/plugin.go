package keystore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// Plugin wraps keys with a program of the merchant's, so that a key management
// service or a hardware module needs nothing in this one.
//
// The program is run once for each question, without arguments and with the
// environment of the shop less everything that begins with CARTKEEP_. It reads one
// JSON object from standard input and writes one to standard output:
//
//	{"version":1,"act":"new","key":"cartkeep-…"}                     → {}
//	{"version":1,"act":"wrap","key":"cartkeep-…","data":"BASE64"}    → {"data":"BASE64"}
//	{"version":1,"act":"unwrap","key":"cartkeep-…","data":"BASE64"}  → {"data":"BASE64"}
//	{"version":1,"act":"delete","key":"cartkeep-…"}                  → {}
//
// A failure is {"error":"one sentence without secrets"} and, where trying again
// may help, "again":true. data has at most 64 bytes unwrapped and 4096 wrapped.
// new of a key that is there and delete of one that is not are no failures. Beside
// its answer the program may give "note":"one sentence" for the merchant, such as
// that a deleted key is gone only after a waiting period. What the program writes
// to standard error is not looked at. It has 30 seconds.
type Plugin struct {
	path   string
	env    []string
	tell   func(note string)
	within time.Duration // in which it answers a question
}

// NewPlugin uses a program. environment is that of the shop.
func NewPlugin(path string, environment []string) (*Plugin, error) {
	if !filepath.IsAbs(path) {
		return nil, errors.New("key plugin: give the whole path of the program")
	}
	var env []string
	for _, kv := range environment {
		if !bytes.HasPrefix([]byte(kv), []byte("CARTKEEP_")) {
			env = append(env, kv)
		}
	}
	return &Plugin{path: path, env: env, tell: func(string) {}, within: pluginFor}, nil
}

// Telling says who gets the notes of the plugin.
func (p *Plugin) Telling(tell func(note string)) { p.tell = tell }

const (
	pluginFor  = 30 * time.Second
	maxWrapped = 4096
)

// Name is "plugin PROGRAM".
func (p *Plugin) Name() string { return "plugin " + filepath.Base(p.path) }

// question and answer are the two objects.
type question struct {
	Version int    `json:"version"`
	Act     string `json:"act"`
	Key     string `json:"key"`
	Data    []byte `json:"data,omitempty"`
}

type answer struct {
	Data  []byte `json:"data"`
	Error string `json:"error"`
	Again bool   `json:"again"`
	Note  string `json:"note"`
}

// New asks for a key to be made.
func (p *Plugin) New(ctx context.Context, key string) error {
	_, err := p.ask(ctx, question{Act: "new", Key: key})
	return err
}

// Wrap asks for data to be wrapped.
func (p *Plugin) Wrap(ctx context.Context, key string, data []byte) ([]byte, error) {
	return p.some(ctx, question{Act: "wrap", Key: key, Data: data})
}

// Unwrap asks for data to be unwrapped.
func (p *Plugin) Unwrap(ctx context.Context, key string, wrapped []byte) ([]byte, error) {
	return p.some(ctx, question{Act: "unwrap", Key: key, Data: wrapped})
}

// Delete asks for a key to be ended.
func (p *Plugin) Delete(ctx context.Context, key string) error {
	_, err := p.ask(ctx, question{Act: "delete", Key: key})
	return err
}

func (p *Plugin) some(ctx context.Context, q question) ([]byte, error) {
	data, err := p.ask(ctx, q)
	if err == nil && (len(data) == 0 || len(data) > maxWrapped) {
		err = fmt.Errorf("%w: the plugin gave %d bytes", ErrDamaged, len(data))
	}
	return data, err
}

func (p *Plugin) ask(ctx context.Context, q question) (data []byte, err error) {
	err = steadily(ctx, func() error {
		data, err = p.once(ctx, q)
		return err
	})
	return data, err
}

func (p *Plugin) once(ctx context.Context, q question) ([]byte, error) {
	q.Version = 1
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	ctx, cancel := context.WithTimeout(ctx, p.within)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path)
	cmd.Env, cmd.Stdin, cmd.WaitDelay = p.env, bytes.NewReader(text), time.Second
	var out bounded
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w: the plugin took too long", ErrUnreachable)
		}
		return nil, fmt.Errorf("%w: the plugin ended with an error (%T)", ErrRefused, err)
	}
	defer clear(out.b)
	var a answer
	dec := json.NewDecoder(bytes.NewReader(out.b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return nil, fmt.Errorf("%w: the plugin's answer is not understood", ErrDamaged)
	}
	switch {
	case a.Error != "" && a.Again:
		return nil, fmt.Errorf("%w: %s", ErrUnreachable, oneLine(a.Error))
	case a.Error != "":
		return nil, fmt.Errorf("%w: %s", ErrRefused, oneLine(a.Error))
	}
	if a.Note != "" {
		p.tell(oneLine(a.Note))
	}
	return a.Data, nil
}

// oneLine keeps what a plugin says from looking like something else in a log.
func oneLine(s string) string {
	out := []rune{}
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			r = ' '
		}
		if out = append(out, r); len(out) == 200 {
			break
		}
	}
	return string(out)
}

// bounded keeps as much of an output as an answer may have.
type bounded struct{ b []byte }

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.b)+len(p) > maxAnswer {
		return 0, errors.New("too long")
	}
	b.b = append(b.b, p...)
	return len(p), nil
}
