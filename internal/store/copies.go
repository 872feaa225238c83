package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Copying is what can be seen of others that copy the database as it lies on the disk.
// Such copies hold wraps beside what they open, so what was erased opens from them until
// its epoch ends.
type Copying struct {
	Archive   bool     // PostgreSQL hands its log to an archive
	IdleSlots []string // replication slots that nobody reads: PostgreSQL keeps its log for them
	Shadow    string   // the folder in which Litestream keeps its place, or ""
}

// Copying looks who copies the database. Base backups, snapshots of disks, and whatever
// only reads the files, can't be seen from here.
func (v *View) Copying() (c Copying, err error) {
	if v.db.engine != onPostgres {
		// MetaDirSuffix in github.com/benbjohnson/litestream: beside the database, named after it.
		shadow := filepath.Join(filepath.Dir(v.db.path), "."+filepath.Base(v.db.path)+"-litestream")
		switch _, err := os.Stat(shadow); {
		case err == nil:
			c.Shadow = shadow
		case !errors.Is(err, fs.ErrNotExist):
			return c, fmt.Errorf("look for copies: %w", err)
		}
		return c, nil
	}
	if err := v.row(`SELECT current_setting('archive_mode') <> 'off'`).Scan(&c.Archive); err != nil {
		return c, fmt.Errorf("ask for copies: %w", err)
	}
	rows, err := v.rows(`SELECT slot_name FROM pg_replication_slots WHERE NOT active AND restart_lsn IS NOT NULL ORDER BY slot_name`)
	if err != nil {
		return c, fmt.Errorf("ask for copies: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return c, fmt.Errorf("ask for copies: %w", err)
		}
		c.IdleSlots = append(c.IdleSlots, name)
	}
	return c, rows.Err()
}
