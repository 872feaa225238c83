package app

import (
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/web/gate"
)

//go:embed outbox.html
var outboxHTML string

// bankRoutes is the demo's outside world, on an origin of its own: the
// make-believe bank, and the mailbox in which every letter of the shop lands.
func (s *server) bankRoutes() http.Handler {
	t := template.Must(template.New("outbox").Parse(outboxHTML))
	mux := http.NewServeMux()
	mux.Handle("/", s.sandbox.Handler())
	mux.HandleFunc("GET /outbox/previews", s.previews)
	mux.HandleFunc("GET /outbox/previews/{name}", s.previewOf)
	mux.HandleFunc("GET /outbox", func(w http.ResponseWriter, r *http.Request) {
		gate.Harden(w, "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		list, err := letters(r.Context(), s.vault.db, 100)
		if err != nil {
			s.log.ErrorContext(r.Context(), "outbox cannot be read", "error", err)
			http.Error(w, "The outbox can't be read right now.", http.StatusServiceUnavailable)
			return
		}
		type line struct{ Text, Link string }
		type row struct {
			At, Channel, To, Subject string
			Lines                    []line
		}
		rows := make([]row, 0, len(list))
		for i := len(list) - 1; i >= 0; i-- {
			l := list[i]
			one := row{l.At.Format(time.RFC1123), l.Channel, l.To, l.Subject, nil}
			for text := range strings.Lines(l.Text) {
				link := strings.TrimSpace(text)
				if !strings.HasPrefix(link, s.origin+"/") {
					link = "" // only our own links can be followed
				}
				one.Lines = append(one.Lines, line{text, link})
			}
			rows = append(rows, one)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := t.Execute(w, rows); err != nil {
			s.log.WarnContext(r.Context(), "outbox page was cut short")
		}
	})
	return mux
}
