package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/shoptest/s3"
	"github.com/cartkeep/cartkeep/internal/shoptest/vault"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cartkeep": main, "keyplugin": keyplugin})
}

// TestCommandLine runs the stories of testdata, each with a home of its own:
// the data folder is data, and the key file lies where nobody named a place.
//
// Besides testscript's own there are these words:
//
//	exits CODE CMD …     runs a command that has to end with this code
//	ready DIR            waits until the demo in DIR answers
//	remember NAME DIR    notes every file of DIR
//	unchanged NAME DIR   fails when a file came, went or changed since
//	flip FILE LINE       changes one byte in a line of an export, counted from 0
//	cut FILE LINE        takes a line out
//	json FILE            fails when FILE is not one JSON value
//	buy DIR NAME         orders from the demo in DIR; NAME becomes the order's number
//	lastline NAME FILE   NAME becomes the last line of FILE
//	identity FILE NAME   makes an age identity; NAME becomes its public key
//	letter DIR TEXT      waits until the demo in DIR keeps a letter with this text
//	coreless             fails when what runs beside the script may dump its memory
//	forge FILE DIR       makes a key file with other keys for the shop in DIR
func TestCommandLine(t *testing.T) { scripts(t, "testdata", nil) }

// TestCommandLineWithStorage runs those stories that need an S3 server.
func TestCommandLineWithStorage(t *testing.T) {
	s := s3.Start(t, true)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(s.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	scripts(t, filepath.Join("testdata", "storage"), map[string]string{"BUCKET": "s3://" + s3.Bucket, "CARTKEEP_S3_ENDPOINT": s.Endpoint, "CARTKEEP_S3_CA": s.CAFile,
		"CARTKEEP_S3_ACCESS_KEY": s.Access, "CARTKEEP_S3_SECRET_KEY_FILE": secret})
}

// TestCommandLineWithPostgreSQL runs those stories that need an empty database.
func TestCommandLineWithPostgreSQL(t *testing.T) {
	scripts(t, filepath.Join("testdata", "postgres"), map[string]string{"DATABASE": pg.Shared(t).NewDatabase(t)})
}

// TestCommandLineWithVault runs those stories that need a Vault: a double of it.
func TestCommandLineWithVault(t *testing.T) {
	d := vault.Start()
	t.Cleanup(d.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(vault.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	scripts(t, filepath.Join("testdata", "vault"), map[string]string{"VAULT": d.URL, "TOKEN": token})
}

func scripts(t *testing.T, dir string, env map[string]string) {
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Condition: func(word string) (bool, error) {
			if word == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %s", word)
		},
		Setup: func(e *testscript.Env) error {
			for _, kv := range [][2]string{{"HOME", e.WorkDir}, {"XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config")},
				{"CARTKEEP_DATA", filepath.Join(e.WorkDir, "data")}} {
				e.Setenv(kv[0], kv[1])
			}
			for name, value := range env {
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "ready": ready, "remember": remember, "unchanged": unchanged, "flip": flip, "cut": cut, "json": isJSON, "forge": forge, "buy": buy, "press": press, "lastline": lastLine, "firstword": firstWord,
			"identity": identity, "letter": letter, "coreless": coreless,
		},
	})
}

func words(ts *testscript.TestScript, neg bool, args []string, n int) {
	if neg || len(args) != n {
		ts.Fatalf("want %d words and no negation", n)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE CMD …")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			ts.Fatalf("%v", err)
		}
		code = ended.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("got exit %d, want %s", code, args[0])
	}
}

func ready(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 1)
	// Only whether it answers counts here; certificates have tests of their own.
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var ports struct{ Shop int }
		text, err := os.ReadFile(filepath.Join(ts.MkAbs(args[0]), "ports.json"))
		if err != nil || json.Unmarshal(text, &ports) != nil {
			continue
		}
		res, err := client.Get(fmt.Sprintf("https://localhost:%d/readyz", ports.Shop))
		if err != nil {
			continue
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	ts.Fatalf("no shop is ready in %s", args[0])
}

// digest lists the files of a folder with their content's hash.
func digest(ts *testscript.TestScript, dir string) string {
	var b strings.Builder
	err := filepath.WalkDir(ts.MkAbs(dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", path, sha256.Sum256(content))
		return err
	})
	ts.Check(err)
	return b.String()
}

func remember(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 2)
	ts.Setenv("REMEMBERED_"+args[0], digest(ts, args[1]))
}

func unchanged(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 2)
	before, now := ts.Getenv("REMEMBERED_"+args[0]), digest(ts, args[1])
	if before == "" || before != now {
		ts.Fatalf("%s has changed, from\n%sto\n%s", args[1], before, now)
	}
}

// lines reads a file's lines and the index of one of them.
func lines(ts *testscript.TestScript, neg bool, args []string) (file string, all []string, n int) {
	words(ts, neg, args, 2)
	file = ts.MkAbs(args[0])
	text, err := os.ReadFile(file)
	ts.Check(err)
	all = strings.SplitAfter(string(text), "\n")
	n, err = strconv.Atoi(args[1])
	ts.Check(err)
	if n < 0 || n >= len(all) {
		ts.Fatalf("%s has no line %d", args[0], n)
	}
	return file, all, n
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	file, all, n := lines(ts, neg, args)
	before, leaf, ok := strings.Cut(all[n], `"leaf":"`)
	if !ok {
		ts.Fatalf("line %d is no leaf", n)
	}
	b := []byte(leaf)
	at := len(b) / 2 // amid the commitments
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	all[n] = before + `"leaf":"` + string(b)
	ts.Check(os.WriteFile(file, []byte(strings.Join(all, "")), 0o600))
}

func cut(ts *testscript.TestScript, neg bool, args []string) {
	file, all, n := lines(ts, neg, args)
	all = append(all[:n:n], all[n+1:]...)
	ts.Check(os.WriteFile(file, []byte(strings.Join(all, "")), 0o600))
}

func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 1)
	if !json.Valid([]byte(ts.ReadFile(args[0]))) {
		ts.Fatalf("%s is not JSON", args[0])
	}
}

func forge(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 2)
	id := strings.TrimSpace(ts.ReadFile(filepath.Join(args[1], "shop.id")))
	_, err := keyfile.Create(ts.MkAbs(args[0]), id, keyfile.Options{}, seal.Epoch{ID: 1, Key: seal.NewEpochKey(), Created: time.Now()})
	ts.Check(err)
}
