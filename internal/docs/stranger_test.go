package docs

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// docs/operations.md tells strangers how to check a ledger with a program of
// their own. The program printed there is built and run here.
func TestAStrangerChecksTheLedgerAsOperationsSays(t *testing.T) {
	_, rest, ok := strings.Cut(read(t, "docs/operations.md"), "```go\n")
	source, _, ended := strings.Cut(rest, "```\n")
	if !ok || !ended {
		t.Fatal("docs/operations.md has no Go program")
	}
	if strings.Contains(source, module) {
		t.Error("the stranger's program imports ours")
	}
	dir := t.TempDir()
	check := filepath.Join(dir, "check")
	write(t, check+".go", source)
	build := exec.Command("go", "build", "-o", check, check+".go")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	export := read(t, "internal/ledger/testdata/export.jsonl")
	var vector struct {
		Key string `json:"verifier_key"`
	}
	if err := json.Unmarshal([]byte(read(t, "internal/ledger/testdata/events.json")), &vector); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(export, "\n"), "\n")
	var last struct{ Checkpoint string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(dir, "kept")
	write(t, kept, last.Checkpoint)

	run := func(export string) (string, error) {
		cmd := exec.Command(check, vector.Key, kept)
		cmd.Stdin = strings.NewReader(export)
		out, err := cmd.CombinedOutput()
		return string(bytes.TrimSpace(out)), err
	}
	if out, err := run(export); err != nil || !strings.HasPrefix(out, "ok ") {
		t.Errorf("the whole export: got %q, %v, want ok", out, err)
	}
	changed := strings.Replace(export, `"leaf":"A`, `"leaf":"B`, 1)
	short := strings.Join(append(lines[:1:1], lines[2:]...), "")
	for what, bad := range map[string]string{"an event changed": changed, "an event left out": short} {
		if out, err := run(bad); err == nil {
			t.Errorf("%s: got %q, want a refusal", what, out)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
