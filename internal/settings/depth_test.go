package settings

import (
	"os"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/money"
)

func TestAFileThatIsTooDeepIsRefusedBeforeItCostsAnything(t *testing.T) {
	const n = 250_000
	for name, file := range map[string]string{
		"a dotted key":     strings.Repeat("a.", n) + "a = 1\n",
		"a dotted head":    "[" + strings.Repeat("a.", n) + "a]\n",
		"quoted parts":     "[" + strings.Repeat(`"]" . `, n/4) + "a]\n",
		"tables in tables": "x = " + strings.Repeat("{a=", n/2) + "1" + strings.Repeat("}", n/2) + "\n",
		"closed in texts":  "x = " + strings.Repeat(`{"}"=`, n/4) + "1" + strings.Repeat("}", n/4) + "\n",
		"tables in lists":  "x = " + strings.Repeat("[{a=", n/4) + "1" + strings.Repeat("}]", n/4) + "\n",
	} {
		if _, bad := parse([]byte("\n"+file), money.Currency{}); len(bad) != 1 || bad[0].Line != 2 || !strings.Contains(bad[0].Detail, "too deep") {
			t.Errorf("%s: got %v", name, bad)
		}
	}
	whole, err := os.ReadFile("testdata/whole.toml")
	if err != nil {
		t.Fatal(err)
	}
	prose := "[texts]\nterms = \"\"\"\n" + strings.Repeat("{[a.\\\" b.", 100) + "\n\"\"\" # [[[ " + strings.Repeat("a.", 100) + "\n"
	for name, file := range map[string]string{"an ordinary file": string(whole), "prose": prose} {
		if line := tooDeep(file); line != 0 {
			t.Errorf("%s: line %d is called too deep", name, line)
		}
	}
}
