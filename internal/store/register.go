package store

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/cartkeep/cartkeep/internal/personal"
)

// Undeclared compares the live schema with the register and returns, sorted,
// every "table.column" that is neither declared personal nor listed as not
// personal, and, behind a "-", every declaration that has no column.
func (db *DB) Undeclared(ctx context.Context) ([]string, error) {
	live, err := db.columns(ctx)
	if err != nil {
		return nil, err
	}
	for _, table := range []string{"restoring", listed} { // go before the shop is one
		delete(live, table)
	}
	known := map[string]bool{}
	for _, f := range personal.All() {
		known[f.Name()] = false
	}
	waived := personal.NotPersonal()
	for table, columns := range waived {
		for column := range columns {
			known[table+"."+column] = false
		}
	}
	var out []string
	for table, columns := range live {
		for _, column := range columns {
			switch {
			case has(known, table+"."+column):
				known[table+"."+column] = true
			case has(known, table+".*"):
				known[table+".*"] = true
			default:
				out = append(out, table+"."+column)
			}
		}
	}
	for name, seen := range known {
		if !seen {
			out = append(out, "-"+name)
		}
	}
	sort.Strings(out)
	return out, nil
}

func has(m map[string]bool, key string) bool {
	_, ok := m[key]
	return ok
}

// checkRegister refuses to serve from a schema that could keep something
// nobody declared.
func (db *DB) checkRegister(ctx context.Context) error {
	bad, err := db.Undeclared(ctx)
	if err != nil {
		return err
	}
	if len(bad) > 0 {
		return fmt.Errorf("the schema and the register of personal data differ: %s", strings.Join(bad, ", "))
	}
	return nil
}
