package settings

import (
	"fmt"
	"strings"
)

// lineIndex tells on which line of a file a key stands: "shop.name",
// "method[0].rate[1].zone", "method[0]" for the head of its table.
type lineIndex map[string]int

// of returns a key's line, or that of the nearest thing around it; 0 when the
// file mentions nothing of it.
func (x lineIndex) of(key string) int {
	for key != "" {
		if n := x[key]; n > 0 {
			return n
		}
		if i := strings.LastIndexAny(key, ".["); i >= 0 {
			key = key[:i]
		} else {
			key = ""
		}
	}
	return 0
}

// indexLines reads a file that is known to be TOML, line by line: heads of
// tables and keys at the beginning of a line, which is how people write. What
// stands inside one line has the line's number.
func indexLines(file string) lineIndex {
	x, table, counts, quote := lineIndex{}, "", map[string]int{}, ""
	for i, line := range strings.Split(file, "\n") {
		if quote != "" { // inside a text of several lines
			if strings.Contains(line, quote) {
				quote = ""
			}
			continue
		}
		s := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(s, "[["):
			name, _, _ := strings.Cut(s[2:], "]]")
			name = within(plainKey(name), counts)
			table = fmt.Sprintf("%s[%d]", name, counts[name])
			counts[name]++
			x.note(table, i+1)
			x.note(name, i+1)
		case strings.HasPrefix(s, "["):
			name, _, _ := strings.Cut(s[1:], "]")
			table = within(plainKey(name), counts)
			x.note(table, i+1)
		case s != "" && s[0] != '#':
			key, value, ok := strings.Cut(s, "=")
			if !ok {
				continue // a list goes on
			}
			if name := plainKey(key); table == "" {
				x.note(name, i+1)
			} else {
				x.note(table+"."+name, i+1)
			}
			for _, q := range []string{`"""`, `'''`} {
				if strings.Count(value, q) == 1 {
					quote = q
				}
			}
		}
	}
	return x
}

func (x lineIndex) note(key string, line int) {
	if x[key] == 0 {
		x[key] = line
	}
}

// plainKey takes spaces and quotes away: people rarely write them.
func plainKey(s string) string {
	return strings.NewReplacer(" ", "", "\t", "", `"`, "", "'", "").Replace(s)
}

// within puts the newest number after the outer lists of a dotted name:
// method.rate below the second [[method]] is method[1].rate.
func within(name string, counts map[string]int) string {
	parts := strings.Split(name, ".")
	out := ""
	for i, part := range parts {
		if out != "" {
			out += "."
		}
		out += part
		if n := counts[out]; n > 0 && i < len(parts)-1 {
			out += fmt.Sprintf("[%d]", n-1)
		}
	}
	return out
}
