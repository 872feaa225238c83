package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
)

// identity makes an age identity as age-keygen does: into a file, and NAME becomes
// what it prints as public key.
func identity(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 2)
	id, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("# public key: "+id.Recipient().String()+"\n"+id.String()+"\n"), 0o600))
	ts.Setenv(args[1], id.Recipient().String())
}

// letter waits for one that the demo in a folder keeps instead of sending it, and
// that has a text in it.
func letter(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 2)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		ts.Check(ts.Exec("cartkeep", "outbox", "list", "--json", "--data", args[0]))
		if strings.Contains(ts.ReadFile("stdout"), args[1]) {
			return
		}
	}
	ts.Fatalf("no letter says %q", args[1])
}

var noCore = regexp.MustCompile(`(?m)^Max core file size +0 +0 `)

// coreless fails when a command that goes on beside the script may write its memory
// to a file, now or after it has asked for that.
func coreless(ts *testscript.TestScript, neg bool, args []string) {
	words(ts, neg, args, 0)
	beside := ts.BackgroundCmds()
	if len(beside) == 0 {
		ts.Fatalf("nothing goes on beside the script")
	}
	for _, cmd := range beside {
		text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(cmd.Process.Pid), "limits"))
		ts.Check(err)
		if !noCore.Match(text) {
			ts.Fatalf("%v may dump its memory:\n%s", cmd.Args, text)
		}
	}
}
