package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest = regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w*\b`)
	namedFile = regexp.MustCompile("`((?:internal|cmd|docs)/[A-Za-z0-9_./-]*[A-Za-z0-9_/-])`")
	linked    = regexp.MustCompile(`\]\(([^)#][^)]*)\)`)
)

// Documents promise by naming tests and files; a name that leads nowhere is a
// promise that nobody keeps.
func TestDocumentsNameOnlyWhatExists(t *testing.T) {
	tests := testNames(t)
	for _, name := range documents(t) {
		text := read(t, name)
		for _, test := range namedTest.FindAllString(text, -1) {
			if !tests[test] {
				t.Errorf("%s names %s, which is no test", name, test)
			}
		}
		for _, file := range namedFile.FindAllStringSubmatch(text, -1) {
			exists(t, name, file[1])
		}
		for _, link := range linked.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(link[1], "#")
			if !strings.Contains(target, ":") {
				exists(t, name, path.Join(path.Dir(name), target))
			}
		}
	}
}

func exists(t *testing.T, document, file string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, file)); err != nil {
		t.Errorf("%s leads to %s, which is not there", document, file)
	}
}

// documents lists the pages for people, from the root of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			rel, err := filepath.Rel(root, f)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, filepath.ToSlash(rel))
		}
	}
	if len(names) < 10 {
		t.Fatalf("got %d documents, want all of them", len(names))
	}
	return names
}

// testNames collects the names of every test and fuzz target.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range goFiles(t) {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}
