package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/bench/load"
)

// goods measures how quickly a file of products is imported into an empty shop,
// how much memory that takes, and how quickly a second run finds nothing to do.
func goods(ctx context.Context, binary, engine, dir, database string, rows int) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "many.csv")
	var b strings.Builder
	b.WriteString("Handle,Title,Body (HTML),Type,Tags,Variant SKU,Variant Price\n")
	words := []string{"oak", "linen", "copper", "wool", "clay", "glass", "willow", "slate", "moss", "amber"}
	for i := range rows {
		a, c := words[i%10], words[i/10%10]
		fmt.Fprintf(&b, "goods-%d,%s %s thing %d,<p>A thing of %s and %s.</p>,Kind %d,\"%s, %s\",GOODS-%d,%d.50\n", i, a, c, i, a, c, i%40, a, c, i, 1+i%500)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return err
	}
	flags := []string{"--data", filepath.Join(dir, "goods")}
	if database != "" {
		flags = append(flags, "--database", database)
	}
	run := func(args ...string) (time.Duration, int64, error) {
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, binary, append(args, flags...)...)
		cmd.Stdout, cmd.Stderr = &out, &out
		began := time.Now()
		if err := cmd.Start(); err != nil {
			return 0, 0, err
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var most int64
		for look := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-look.C:
				// Not what the system says at the end: that counts our own memory
				// from before the program was started.
				if now, err := load.Resident(cmd.Process.Pid); err == nil {
					most = max(most, now)
				}
				continue
			case err := <-ended:
				look.Stop()
				if err != nil {
					return 0, 0, fmt.Errorf("%s: %w: %s", args[0], err, out.Bytes())
				}
			}
			return time.Since(began), most, nil
		}
	}
	if _, _, err := run("init", "--shop-name", "Bench"); err != nil {
		return err
	}
	first, memory, err := run("import", "products", file)
	if err != nil {
		return err
	}
	again, _, err := run("import", "products", file)
	if err != nil {
		return err
	}
	fmt.Printf("%s: import of %d rows: %.0f rows/s (budget 2,000 on SQLite), at most %.0f MiB; a second run finds nothing to do at %.0f rows/s\n",
		engine, rows, float64(rows)/first.Seconds(), mib(memory), float64(rows)/again.Seconds())
	return nil
}
