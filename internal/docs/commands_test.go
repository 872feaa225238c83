package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// promised are the chapters of docs/operations.md that somebody reads on the worst
// day of their shop. Each command in them has been run to a good end by a test.
var promised = []string{"Keys", "When a person asks", "Backups", "Disaster", "Moving house"}

// notRun are commands and options of these chapters that no script runs, and why.
var notRun = map[string]string{
	"keys move": "stands for those with a keeper behind it",
}

var (
	fenced  = regexp.MustCompile("(?ms)^```\\n(.*?)^```$")
	inline  = regexp.MustCompile("`cartkeep ([^`]*)`")
	line    = regexp.MustCompile(`(?m)^cartkeep (.*)$`)
	started = regexp.MustCompile(`(?:^|[ '(/])cartkeep ([a-z][^|;&)\n]*)`)
	within  = regexp.MustCompile(`\$\([^)]*\)`)
	byTest  = regexp.MustCompile(`\.must\(t((?:, "[^"]*")+)`)
	plain   = regexp.MustCompile(`^[a-z][a-z-]*$`)
	option  = regexp.MustCompile(`^--[a-z][a-z-]*`)
)

// A page for bad days promises nothing that was not tried.
func TestEveryCommandForABadDayIsRun(t *testing.T) {
	text, done, excused := read(t, "docs/operations.md"), runs(t), map[string]bool{}
	for _, title := range promised {
		asked := commands(chapter(t, text, title))
		if len(asked) < 5 {
			t.Errorf("the chapter %q has %d commands, want more", title, len(asked))
		}
		for _, c := range asked {
			for _, want := range c.parts() {
				switch {
				case slices.ContainsFunc(done, func(r command) bool { return slices.Contains(r.parts(), want) }):
				case notRun[want] != "":
					excused[want] = true
				default:
					t.Errorf("%q has `cartkeep %s`, which no script of cmd/cartkeep/testdata and no test of internal/e2e runs to a good end", title, want)
				}
			}
		}
	}
	for want, why := range notRun {
		if !excused[want] {
			t.Errorf("`cartkeep %s` needs no excuse (%s): it is run, or is on no page", want, why)
		}
	}
}

func TestACommandIsSeenWhereverItStands(t *testing.T) {
	asked := commands("So `cartkeep keys list` and `cartkeep privacy receipt\n  REFERENCE` tell.\n\n```\ncartkeep keys rotate --index   # not keys move\necho cartkeep\n```\n")
	var got []string
	for _, c := range asked {
		got = append(got, c.parts()...)
	}
	want := []string{"keys rotate", "keys rotate --index", "keys list", "privacy receipt"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	script := "exec cartkeep a b $X --c=1\nexits 1 cartkeep no\n! exec cartkeep no\nexec sh -c 'cartkeep d --to e | tail > path && cartkeep f $(cat path) --g'\nexec as bin/cartkeep g\nexec cartkeep no --help\n# exec cartkeep no\n"
	if got := ofScript(script); len(got) != 4 || got[0].parts()[1] != "a b --c" || got[1].parts()[1] != "d --to" || got[2].parts()[1] != "f --g" || got[3].words != "g" {
		t.Errorf("got %q", got)
	}
}

// command is what is typed behind the program's name, without what differs from
// shop to shop.
type command struct {
	words   string
	options []string
}

// parts are the command by itself, and with each option.
func (c command) parts() []string {
	all := []string{c.words}
	for _, o := range c.options {
		all = append(all, c.words+" "+o)
	}
	return all
}

// commandOf reads what is typed: words up to the first that is none, and options.
func commandOf(typed string) command {
	var c command
	var words []string
	named := true
	for _, w := range strings.Fields(typed) {
		if w = strings.Trim(w, "'"); w == "#" {
			break
		}
		if o := option.FindString(w); o != "" {
			c.options = append(c.options, o)
		}
		if named = named && plain.MatchString(w); named {
			words = append(words, w)
		}
	}
	c.words = strings.Join(words, " ")
	return c
}

// commands lists those of a page's text.
func commands(text string) []command {
	var all []command
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		for _, m := range line.FindAllStringSubmatch(block[1], -1) {
			all = append(all, commandOf(m[1]))
		}
	}
	for _, m := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		all = append(all, commandOf(m[1]))
	}
	return all
}

// chapter is a page's text from a heading to the next of its kind.
func chapter(t *testing.T, text, title string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n## "+title+"\n")
	if !ok {
		t.Fatalf("there is no chapter %q", title)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

// runs lists what scripts and the tests of whole shops run to a good end.
func runs(t *testing.T) []command {
	t.Helper()
	var all []command
	err := filepath.WalkDir(filepath.Join(root, "cmd/cartkeep/testdata"), func(p string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(p, ".txtar") {
			return err
		}
		text, err := os.ReadFile(p)
		all = append(all, ofScript(string(text))...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range goFiles(t) {
		if !strings.HasPrefix(file, "internal/e2e/") {
			continue
		}
		for _, m := range byTest.FindAllStringSubmatch(read(t, file), -1) {
			all = append(all, commandOf(strings.NewReplacer(`"`, "", ",", "").Replace(m[1])))
		}
	}
	return all
}

// ofScript lists the commands that a script wants to end well.
func ofScript(text string) []command {
	var all []command
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, "exec ") || strings.Contains(l, "--help") {
			continue
		}
		for _, m := range started.FindAllStringSubmatch(within.ReplaceAllString(l, "X"), -1) {
			all = append(all, commandOf(m[1]))
		}
	}
	return all
}
