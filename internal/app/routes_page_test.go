package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// hashed is the part of an address that changes with what is behind it.
var hashed = regexp.MustCompile(`[.-][0-9a-zA-Z_-]{12,}\.(js|css)$`)

// routesPage is docs/routes.md, written from the table that a shop serves from.
func routesPage(rows []gate.Row) string {
	var b strings.Builder
	b.WriteString("# Routes\n\nWritten from the table that the shop serves from (`make docs`). *Level* is the rung of the assurance ladder that a session must stand on; " +
		"*fresh* means a proof in the last ten minutes; *opened by* is what else has to be shown. Every address counts as `general` and every look-up that finds nothing as `misses`; " +
		"*does* names acts of package abuse, whose rules are counted beside those. A form of a session carries its token (`csrf`). The rules stand at the end.\n\n" +
		"Not in this table, because they are other origins: the make-believe bank and the outbox of the demo, and metrics on the private listener, which is on a loopback address only.\n")
	surface := ""
	carried := map[access.Act]bool{}
	for _, r := range rows {
		if r.Surface != surface {
			surface = r.Surface
			fmt.Fprintf(&b, "\n## %s\n\n| route | level | fresh | roles | act | opened by | does |\n|---|---|---|---|---|---|---|\n", surface)
		}
		carried[r.Act] = true
		fmt.Fprintf(&b, "| `%s %s` | %s | %s | %s | %s | %s | %s |\n", r.Method, hashed.ReplaceAllString(r.Path, "-{hash}.$1"), r.Need.Level, yes(r.Need.Fresh),
			list(r.Need.Staff), r.Act, r.Token, list(r.Does))
	}
	var missing []string
	for act := range access.Acts() {
		if !carried[act] {
			missing = append(missing, "`"+string(act)+"`")
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		fmt.Fprintf(&b, "\n## Acts without a route yet\n\nThese always need a fresh proof (and for staff a role); a route for one that says less is refused at start: %s.\n", strings.Join(missing, ", "))
	}
	b.WriteString("\n## Acts that are worth abusing\n\nEach act fills buckets, and every road to it takes the same rule. A bucket counts acts or failures of one network (a /24 of IPv4, a /64 of IPv6), or of everybody; " +
		"what is in it goes out with time, and beyond what goes in nothing is carried out before the time that the refusal names.\n\n| act | fills |\n|---|---|\n")
	for _, a := range abuse.Acts() {
		fmt.Fprintf(&b, "| %s | %s |\n", a, list(a.Rule().Buckets))
	}
	b.WriteString("\n| bucket | counts | of each | goes in | goes out in an hour |\n|---|---|---|---|---|\n")
	for _, k := range abuse.Buckets() {
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %.4g |\n", k, k.Counts(), k.By(), k.Burst(), k.PerSecond()*3600)
	}
	return b.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func list[T any](in []T) string {
	out := make([]string, 0, len(in))
	for _, v := range in {
		out = append(out, fmt.Sprint(v))
	}
	return strings.Join(out, ", ")
}
