package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// Protection can be left out in one way only: by the constructors that the
// benchmark uses. No setting, flag or other line of the product leads there.
func TestNothingOfTheProductSwitchesProtectionOff(t *testing.T) {
	for _, file := range goFiles(t) {
		dir := strings.TrimPrefix(path.Dir(file), "internal/")
		if strings.HasSuffix(file, "_test.go") || isTestOnly(dir) || dir == "store" {
			continue
		}
		source, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range switchesOff(t, file, string(source)) {
			t.Error(found)
		}
	}
}

func TestASwitchIsSeenHoweverItIsWritten(t *testing.T) {
	for _, body := range []string{
		`_ = store.Config{Unprotected: true}`,
		`var c store.Config; c.Unprotected = flag`,
		`c := &store.Config{}; (*c).Unprotected = true`,
		`var c store.Config; p := &c.Unprotected; *p = true`,
		`_ = personal.Dossier{Clear: true}`,
		`_ = personal.Dossier{"cart", nil, true}`,
		`var d personal.Dossier; d.Clear = true`,
		`_ = []personal.Dossier{{Clear: true}}`,
	} {
		if switchesOff(t, "case.go", "package p\nfunc f() {\n"+body+"\n}\n") == nil {
			t.Errorf("not seen: %s", body)
		}
	}
	for _, body := range []string{`_ = store.Config{Ring: r}`, `desk.Clear(ctx)`, `if d.Clear { return }`, `clear(d)`} {
		if found := switchesOff(t, "case.go", "package p\nfunc f() {\n"+body+"\n}\n"); found != nil {
			t.Errorf("seen where nothing is: %s: %v", body, found)
		}
	}
}

// switchesOff names every place of a file that sets store.Config.Unprotected
// or personal.Dossier.Clear.
func switchesOff(t *testing.T, file, source string) []string {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	say := func(n ast.Node, what string) {
		found = append(found, set.Position(n.Pos()).String()+": "+what)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && isSwitch(key.Name) {
				say(n, "sets "+key.Name)
			}
		case *ast.CompositeLit:
			if holdsSwitch(n.Type) && slices.ContainsFunc(n.Elts, func(e ast.Expr) bool { _, keyed := e.(*ast.KeyValueExpr); return !keyed }) {
				say(n, "fills in every field without its name")
			}
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if s, ok := left.(*ast.SelectorExpr); ok && isSwitch(s.Sel.Name) {
					say(n, "sets "+s.Sel.Name)
				}
			}
		case *ast.UnaryExpr:
			if s, ok := n.X.(*ast.SelectorExpr); ok && n.Op == token.AND && isSwitch(s.Sel.Name) {
				say(n, "takes the address of "+s.Sel.Name)
			}
		}
		return true
	})
	return found
}

func isSwitch(name string) bool { return name == "Unprotected" || name == "Clear" }

// holdsSwitch reports whether a literal's type is one of the two.
func holdsSwitch(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && (pkg.Name == "store" && s.Sel.Name == "Config" || pkg.Name == "personal" && s.Sel.Name == "Dossier")
}

// A value is sealed and opened through a field of the register, so that none
// is kept which was not declared: the dossier's own key is for personal alone.
func TestOnlyTheRegisterSealsAndOpens(t *testing.T) {
	for _, file := range goFiles(t) {
		dir := strings.TrimPrefix(path.Dir(file), "internal/")
		if strings.HasSuffix(file, "_test.go") || isTestOnly(dir) || dir == "personal" || under(dir, "seal") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, filepath.Join(root, file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			method, ok := n.(*ast.SelectorExpr)
			if !ok || method.Sel.Name != "Seal" && method.Sel.Name != "Open" {
				return true
			}
			if key, ok := method.X.(*ast.SelectorExpr); ok && key.Sel.Name == "Key" {
				t.Errorf("%s: %s goes past the register", set.Position(n.Pos()), method.Sel.Name)
			}
			return true
		})
	}
}

func TestEveryPackageSaysWhatItKnows(t *testing.T) {
	comments := map[string][]string{}
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(file)
		if _, ok := comments[dir]; !ok {
			comments[dir] = nil
		}
		if f.Doc == nil {
			continue
		}
		opening := "Package " + f.Name.Name + " "
		if f.Name.Name == "main" {
			opening = "Command " + path.Base(dir) + " "
		}
		if text := f.Doc.Text(); !strings.HasPrefix(text, opening) {
			t.Errorf("%s: the package comment begins %.40q, want %q", file, text, opening)
		}
		comments[dir] = append(comments[dir], file)
	}
	for _, dir := range sortedKeys(comments) {
		if len(comments[dir]) != 1 {
			t.Errorf("%s has %d package comments %v, want one", dir, len(comments[dir]), comments[dir])
		}
	}
}

// dependencyRow is a line of the table in docs/architecture.md.
var dependencyRow = regexp.MustCompile("(?m)^\\| `([a-z]+[^`/]*\\.[^`/]+/[^`]+)` \\|")

func TestEveryDependencySaysWhyItIsHere(t *testing.T) {
	text := read(t, "go.mod")
	mod, err := modfile.Parse("go.mod", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(read(t, "docs/architecture.md"), "\n## Dependencies\n")
	if !ok {
		t.Fatal("docs/architecture.md has no section named Dependencies")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	told := map[string]bool{}
	for _, row := range dependencyRow.FindAllStringSubmatch(section, -1) {
		told[row[1]] = true
	}
	for _, r := range mod.Require {
		if !r.Indirect && !told[r.Mod.Path] {
			t.Errorf("docs/architecture.md does not say why %s is a dependency", r.Mod.Path)
		}
		if !r.Indirect {
			delete(told, r.Mod.Path)
		}
	}
	for _, name := range sortedKeys(told) {
		t.Errorf("docs/architecture.md gives a reason for %s, which go.mod does not require directly", name)
	}
}
