package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/app"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/web/api"
)

// root is the top of the repository, seen from this package.
const root = "../.."

func TestDocsAPI(t *testing.T) { keep(t, "docs/api.md", api.Markdown()) }

func TestDocsConfig(t *testing.T) { keep(t, "docs/config.md", configPage(app.ListSettings())) }

func TestDocsPersonalData(t *testing.T) { keep(t, "docs/personal-data.md", personalPage()) }

// keep compares a document with what it should say, or writes it.
func keep(t *testing.T, name, want string) {
	t.Helper()
	path := filepath.Join(root, name)
	if os.Getenv("CARTKEEP_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got := read(t, name)
	if got == want {
		return
	}
	have, should := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(have), len(should)) {
		if have[i] != should[i] {
			t.Fatalf("%s is not what the code says; run make docs and look at the difference.\nline %d: got  %s\n        want %s", name, i+1, have[i], should[i])
		}
	}
	t.Fatalf("%s is not what the code says; run make docs. It has %d lines, want %d.", name, len(have), len(should))
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const configHead = `# Settings

This page is written from the code (` + "`internal/app/settings.go`" + `); change it there and run ` + "`make docs`" + `.

A setting is looked for in this order, and the first place that has it wins:

1. a flag on the command line: ` + "`--hold 20m`" + `
2. an environment variable: ` + "`CARTKEEP_HOLD=20m`" + `
3. a key in ` + "`cartkeep.toml`" + ` in the data folder: ` + "`hold = \"20m\"`" + `

The data folder itself is named by ` + "`--data`" + ` or ` + "`CARTKEEP_DATA`" + ` only, because the settings file lies in it. Without either
it is ` + "`$XDG_DATA_HOME/cartkeep`" + `, or ` + "`~/.local/share/cartkeep`" + ` where that variable is not set.

A key in the file that is no setting stops the program, so a misspelt one is noticed. All wrong values are told at once.

A secret can also be a file that holds it: put ` + "`_FILE`" + ` behind the variable's name (` + "`CARTKEEP_PASSPHRASE_FILE=/run/secrets/pass`" + `) or
` + "`-file`" + ` behind the key's. Use that: flags show in the list of processes, and variables are inherited.

No setting switches off TLS, sealing, the ledger or the strict page headers.

| setting | variable | default | what it does |
|---|---|---|---|
`

// configPage is docs/config.md.
func configPage(settings []app.Setting) string {
	var b strings.Builder
	b.WriteString(configHead)
	for _, s := range settings {
		byDefault := "none"
		switch {
		case s.Name == "data":
			byDefault = "see above"
		case s.Default != "":
			byDefault = "`" + s.Default + "`"
		}
		variable := "`" + s.Env + "`"
		if s.Secret {
			variable += ", `" + s.Env + "_FILE`"
		}
		fmt.Fprintf(&b, "| `--%s` | %s | %s | %s |\n", s.Name, variable, byDefault, cell(s.Help))
	}
	return b.String()
}

// cell keeps a text inside its place in a table.
func cell(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "\n", " "), "|", `\|`) }

const personalHead = `# What is kept about people

This page is written from the register in ` + "`internal/personal`" + `; change it there and run ` + "`make docs`" + `. The same register seals
values, ends them on their date and fills the shop's own privacy page, so the three can't differ. A column that is in
neither list below stops the shop from starting.

A field is kept in one of four ways:

| kept | means |
|---|---|
| sealed | encrypted under the key of its dossier: one person, one purpose, one order or cart |
| index | a keyed hash, or a random word such as an order number, by which a row is found |
| hash | a keyed hash to compare with; nothing can be read from it |
| linked | readable, and tied to a person only by a random id; the reason is given |

Legal bases and periods are proposals. The merchant answers for them and should have them checked.

Not carried out yet: a paid order counts as under way until it is delivered, which this version can't be told, so its sealed
values are kept on; and readable rows, events of the ledger included, stay when their period is over. Sealed values of carts
and of orders that were never paid do end on their date.

What lies outside the database: the log has routes, counts, times and random references, and no address of a visitor. Rate
limits count in memory under a hash of the visitor's network, whose key is thrown away after a day. The shopper's browser
holds the cookies that the privacy page lists.
`

// personalPage is docs/personal-data.md.
func personalPage() string {
	var b strings.Builder
	b.WriteString(personalHead)
	b.WriteString("\n## Purposes\n\n| purpose | what for | legal basis | kept |\n|---|---|---|---|\n")
	used := map[personal.Purpose]bool{}
	for _, f := range personal.All() {
		used[f.Purpose] = true
	}
	var idle []string
	for _, t := range personal.Purposes() {
		if !used[t.Purpose] {
			idle = append(idle, "`"+string(t.Purpose)+"`")
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s. %s | %s | %s |\n", t.Purpose, cell(t.Title), cell(t.Why), cell(t.Basis), cell(t.Keep.String()))
	}
	fmt.Fprintf(&b, "\nDeclared for what is still to come, with nothing stored yet: %s.\n", strings.Join(idle, ", "))
	for _, t := range personal.Purposes() {
		writeFields(&b, t)
	}
	b.WriteString("\n## Who gets what\n\nThe privacy page names those who carry letters and texts once they are set up, and leaves them out otherwise.\n\n| who | gets |\n|---|---|\n")
	for _, r := range personal.Everybody().Receivers() {
		fmt.Fprintf(&b, "| %s | %s |\n", r.Recipient, cell(strings.Join(r.Gets, "; ")))
	}
	b.WriteString("\n## Not personal\n\nThese columns say nothing about a person. A star is the whole table.\n\n| column | because |\n|---|---|\n")
	for _, line := range notPersonal() {
		b.WriteString(line)
	}
	return b.String()
}

// writeFields lists the fields of one purpose, if there are any.
func writeFields(b *strings.Builder, t personal.Terms) {
	head := false
	for _, f := range personal.All() {
		if f.Purpose != t.Purpose {
			continue
		}
		if !head {
			fmt.Fprintf(b, "\n## %s: %s\n\n", t.Purpose, t.Title)
			if len(t.Open) > 0 {
				fmt.Fprintf(b, "Once there is a staff console, these roles may open sealed fields, with a reason: %s.\n\n", strings.Join(t.Open, ", "))
			}
			b.WriteString("| field | column | kept | category | goes to | why it is not sealed |\n|---|---|---|---|---|---|\n")
			head = true
		}
		fmt.Fprintf(b, "| %s | `%s` | %s | `%s` | %s | %s |\n", cell(f.Label), f.Name(), f.Kind, f.Category, dash(strings.Join(personal.Everybody().Of(f), ", ")), dash(cell(f.Reason)))
	}
}

func notPersonal() []string {
	var lines []string
	for table, columns := range personal.NotPersonal() {
		for column, why := range columns {
			lines = append(lines, fmt.Sprintf("| `%s.%s` | %s |\n", table, column, cell(why)))
		}
	}
	sort.Strings(lines)
	return lines
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
