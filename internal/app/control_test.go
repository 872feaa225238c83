package app

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// TestAPanicInACommandEndsNothingElse: whoever gave the command is told that it
// failed, the log is told where, and the shop goes on.
func TestAPanicInACommandEndsNothingElse(t *testing.T) {
	dir := t.TempDir()
	var logged bytes.Buffer
	s := &server{folder: &folder{path: dir}, log: slog.New(slog.NewTextHandler(&logged, nil))}
	c, err := newControl(s) // without a vault, so that every command panics
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for range 2 {
		var out, errs bytes.Buffer
		ran, err := ask(t.Context(), s.folder, call{Name: "keys list"}, &Process{Out: &out, Err: &errs}, strings.NewReader(""))
		if !ran || err == nil || err.Error() != "the command failed" {
			t.Errorf("got %v, %v; want to be told that the command failed", ran, err)
		}
	}
	if text := logged.String(); strings.Count(text, "command panicked") != 2 || !strings.Contains(text, "operations.go:") {
		t.Errorf("got the log\n%swant two panics with their places", text)
	}
	if c.server.ErrorLog == nil || c.server.ErrorLog.Writer() == os.Stderr {
		t.Error("the socket's own log would print what a panic says")
	}
}
