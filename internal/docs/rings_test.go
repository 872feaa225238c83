package docs

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/cartkeep/cartkeep"

// ring is a layer of the program. A package may import those of lower rings,
// and of its own ring only what inside says.
type ring struct {
	name     string
	packages string            // below internal/, subpackages included
	inside   map[string]string // package → what it may import of its own ring
}

// rings is the whole order, from the middle outwards.
var rings = []ring{
	{"words", "fault access abuse tries money discount credit contact challenge catalog search cart order area tax shipping demo", map[string]string{
		"abuse": "fault", "money": "fault", "discount": "fault money", "credit": "discount money", "contact": "fault", "challenge": "fault", "catalog": "fault money", "search": "catalog", "cart": "catalog credit discount fault money",
		"order": "cart catalog contact credit discount fault money", "area": "fault", "tax": "area fault money", "shipping": "area fault money"}},
	{"guards", "seal personal ledger erasure password otp", map[string]string{"erasure": "ledger", "personal": "seal", "seal": "seal/locked", "seal/keyfile": "seal seal/locked", "otp": "seal"}},
	{"outside world", "store keystore payment paymentpage message passkey breach picture certs bucket", map[string]string{"payment/sandbox": "payment", "payment/stripe": "payment", "payment/mollie": "payment", "payment/transfer": "payment", "payment/onaccount": "payment payment/transfer", "payment/statement": "payment/transfer", "message/smtp": "message", "message/sms": "message"}},
	{"doings", "account checkout intake settings privacy keylife backup job pagewatch", nil},
	{"delivery", "web", map[string]string{"web/storefront": "web/gate web/page", "web/admin": "web/gate web/page", "web/api": "web/gate web/page", "web/embed": "web/gate web/page", "web/notices": "web/gate"}},
	{"assembly", "app", nil},
}

// testOnly is what tests and measurements stand on. The product imports none of it.
var testOnly = []string{"shoptest", "bench", "e2e", "docs", "payment/paymenttest"}

// ours says who alone may import something from outside the module. A name
// that ends in a slash stands for everything below it.
var ours = map[string]string{
	"database/sql":                  "store",
	"github.com/jackc/pgx/":         "store",
	"modernc.org/sqlite":            "store",
	"github.com/pressly/goose/":     "store",
	"crypto/aes":                    "seal",
	"crypto/cipher":                 "seal",
	"crypto/hkdf":                   "seal",
	"golang.org/x/crypto/":          "seal password",
	"github.com/FastFilter/":        "password",
	"rsc.io/qr":                     "otp",
	"filippo.io/age":                "seal backup",
	"github.com/cloudflare/circl/":  "seal",
	"golang.org/x/mod/":             "ledger",
	"github.com/klauspost/compress": "backup",
	"net/http":                      "payment paymentpage message picture certs breach keystore bucket web app",
	"github.com/danielgtaylor/huma": "web/api",
	"github.com/caddyserver/":       "certs",
	"github.com/go-webauthn/":       "passkey",
	"github.com/wneessen/go-mail":   "message/smtp",
	"github.com/emersion/":          "message/smtp",
	"github.com/minio/minio-go/":    "bucket",
	"github.com/stripe/stripe-go/":  "payment/stripe",
	"github.com/alecthomas/kong":    "app",
	"html/template":                 "web/page payment/sandbox message app",
}

// words may be built on these beside each other.
func fitForWords(imported string) bool {
	for _, closed := range []string{"os", "net", "net/http", "database/sql", "syscall", "log/slog/internal"} {
		if imported == closed {
			return false
		}
	}
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") || under(imported, "golang.org/x/text/") || imported == "golang.org/x/net/idna"
}

func TestArrowsPointInwards(t *testing.T) {
	imports := importGraph(t)
	for _, from := range sortedKeys(imports) {
		place := ringOf(from)
		if place < 0 && !isTestOnly(from) && from != "cmd/cartkeep" {
			t.Errorf("%s is in no ring: give it a place in rings_test.go", from)
			continue
		}
		for _, to := range imports[from] {
			if why := forbidden(from, to); why != "" {
				t.Errorf("%s imports %s: %s", from, to, why)
			}
		}
	}
}

// TestAForbiddenArrowIsSeen shows that the test above can fail.
func TestAForbiddenArrowIsSeen(t *testing.T) {
	in := func(p string) string { return module + "/internal/" + p }
	for _, arrow := range []struct{ from, to string }{
		{"cart", in("store")},
		{"money", in("order")},
		{"seal", in("personal")},
		{"ledger", in("seal")},
		{"store", in("checkout")},
		{"checkout", in("job")},
		{"web/storefront", in("web/api")},
		{"web/gate", in("web/page")},
		{"web/page", in("app")},
		{"app", in("shoptest")},
		{"payment/sandbox", in("payment/paymenttest")},
		{"checkout", "database/sql"},
		{"contact", "net/http"},
		{"money", "github.com/google/uuid"},
		{"store", "crypto/aes"},
	} {
		if forbidden(arrow.from, arrow.to) == "" {
			t.Errorf("%s may import %s, want it refused", arrow.from, arrow.to)
		}
	}
	for _, arrow := range []struct{ from, to string }{
		{"order", in("contact")}, {"personal", in("seal")}, {"checkout", in("store")}, {"web/api", in("web/gate")},
		{"app", in("web/api")}, {"cmd/cartkeep", in("app")}, {"bench", in("shoptest/pg")}, {"contact", "golang.org/x/net/idna"},
	} {
		if why := forbidden(arrow.from, arrow.to); why != "" {
			t.Errorf("%s may not import %s (%s), want it allowed", arrow.from, arrow.to, why)
		}
	}
}

// forbidden says why an arrow must not be there, or "".
func forbidden(from, imported string) string {
	if isTestOnly(from) {
		return ""
	}
	to, internal := strings.CutPrefix(imported, module+"/internal/")
	if !internal {
		return forbiddenOutside(from, imported)
	}
	if isTestOnly(to) {
		return "that is for tests, and the product stands without it"
	}
	if from == "cmd/cartkeep" {
		if to != "app" {
			return "the command is one call of app"
		}
		return ""
	}
	a, b := ringOf(from), ringOf(to)
	switch {
	case b < 0:
		return "it is in no ring"
	case b > a:
		return fmt.Sprintf("ring %d (%s) does not know ring %d (%s)", a, rings[a].name, b, rings[b].name)
	case b == a && !slices.Contains(strings.Fields(rings[a].inside[from]), to):
		return fmt.Sprintf("inside ring %d (%s) that arrow is not one of those agreed", a, rings[a].name)
	}
	return ""
}

func forbiddenOutside(from, imported string) string {
	if ringOf(from) == 0 && !fitForWords(imported) {
		return "the words of the shop stand on the standard library alone and touch nothing outside"
	}
	for name, owners := range ours {
		if !under(imported, name) || from == "cmd/cartkeep" {
			continue
		}
		if !slices.ContainsFunc(strings.Fields(owners), func(o string) bool { return under(from, o) }) {
			return "only " + owners + " may"
		}
	}
	return ""
}

// under reports whether p is name or lies below it.
func under(p, name string) bool {
	name = strings.TrimSuffix(name, "/")
	return p == name || strings.HasPrefix(p, name+"/")
}

func isTestOnly(p string) bool {
	return slices.ContainsFunc(testOnly, func(name string) bool { return under(p, name) })
}

// ringOf returns the number of a package's ring, or -1.
func ringOf(p string) int {
	if isTestOnly(p) {
		return -1
	}
	for i, r := range rings {
		if slices.ContainsFunc(strings.Fields(r.packages), func(name string) bool { return under(p, name) }) {
			return i
		}
	}
	return -1
}

// importGraph reads what every package of the module imports outside of its
// tests. Packages are named below internal/, the command as cmd/cartkeep.
func importGraph(t *testing.T) map[string][]string {
	t.Helper()
	graph := map[string][]string{}
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(path.Dir(file), "internal/")
		if _, ok := graph[name]; !ok {
			graph[name] = nil
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(graph[name], imported) {
				graph[name] = append(graph[name], imported)
			}
		}
	}
	for _, list := range graph {
		sort.Strings(list)
	}
	return graph
}

// goFiles lists every Go file of the module, from its root.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, top := range []string{"cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && d.Name() == "testdata" {
				return filepath.SkipDir
			}
			if strings.HasSuffix(p, ".go") {
				rel, err := filepath.Rel(root, p)
				if err != nil {
					return err
				}
				files = append(files, filepath.ToSlash(rel))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

const (
	ringsBegin = "<!-- rings: drawn by make docs -->\n"
	ringsEnd   = "<!-- end of rings -->\n"
)

// TestDocsRings keeps the picture in docs/architecture.md as the code is.
func TestDocsRings(t *testing.T) {
	const name = "docs/architecture.md"
	text := read(t, name)
	before, rest, ok := strings.Cut(text, ringsBegin)
	_, after, ended := strings.Cut(rest, ringsEnd)
	if !ok || !ended {
		t.Fatalf("%s has no place for the rings: want %q and %q", name, ringsBegin, ringsEnd)
	}
	keep(t, name, before+ringsBegin+drawRings(importGraph(t))+ringsEnd+after)
}

// drawRings draws the outermost ring first, so that every arrow points down.
func drawRings(graph map[string][]string) string {
	var b strings.Builder
	b.WriteString("```\n")
	for i := len(rings) - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "ring %d  %s\n", i, rings[i].name)
		for _, name := range sortedKeys(graph) {
			if ringOf(name) == i {
				b.WriteString(drawPackage(name, graph[name]))
			}
		}
	}
	b.WriteString("beside   tests and measurements; nothing above imports them\n")
	for _, name := range sortedKeys(graph) {
		if isTestOnly(name) {
			b.WriteString(drawPackage(name, graph[name]))
		}
	}
	b.WriteString("```\n")
	return b.String()
}

// drawPackage writes one package and its arrows, broken into lines.
func drawPackage(name string, imports []string) string {
	const width, indent = 110, 27
	line := fmt.Sprintf("   %-22s", name)
	var b strings.Builder
	first := true
	for _, imported := range imports {
		to, ok := strings.CutPrefix(imported, module+"/internal/")
		if !ok {
			continue
		}
		if first {
			line += "→"
			first = false
		}
		if len(line)+1+len(to) > width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = strings.Repeat(" ", indent-1)
		}
		line += " " + to
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}
