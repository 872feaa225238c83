package app

import (
	"reflect"
	"strings"
)

// Setting is one setting as the documentation tells it.
type Setting struct {
	Name    string // of the flag and the key in cartkeep.toml
	Env     string
	Help    string
	Default string
	Secret  bool // may also be given as a file, ENV_FILE
}

// ListSettings lists every setting from the tags of Settings.
func ListSettings() []Setting {
	var out []Setting
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		if f.Anonymous || !f.IsExported() {
			continue // the fields of an embedded one are listed by themselves
		}
		name := f.Tag.Get("name")
		if name == "" {
			name = kebab(f.Name)
		}
		out = append(out, Setting{Name: name, Env: envName(name), Help: f.Tag.Get("help"), Default: f.Tag.Get("default"), Secret: f.Tag.Get("secret") != ""})
	}
	return out
}

// kebab writes a field's name as a flag's: KeyFile is key-file.
func kebab(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
