package app

import (
	"html/template"
	"io"
	"net/http"

	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

var previewList = template.Must(template.New("previews").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Letters of the shop</title>
<link rel="stylesheet" href="/style.css">
<main>
<h1>Letters of the shop</h1>
<p>Every letter and text that this shop can write, about an order and an account that do not exist. <a href="/outbox">Back to the outbox</a></p>
{{range .}}
<article>
<h2>{{or .Message.Subject "A text to a phone"}}</h2>
<p>Sent when {{.When}}.{{if .Message.HTML}} <a href="/outbox/previews/{{.Name}}">See it as a page</a>{{end}}</p>
<pre>{{.Message.Text}}</pre>
</article>
{{end}}
</main>
</html>
`))

func (s *server) allPreviews(w http.ResponseWriter, r *http.Request) ([]message.Preview, bool) {
	shop, err := s.vault.db.Settings(r.Context())
	if err == nil {
		var writer *message.Writer
		if writer, err = s.writer(); err == nil {
			var list []message.Preview
			if list, err = writer.Previews(shop.Currency); err == nil {
				return list, true
			}
		}
	}
	s.log.ErrorContext(r.Context(), "letters cannot be shown", "error", err)
	http.Error(w, "The letters can't be shown right now.", http.StatusServiceUnavailable)
	return nil, false
}

// previews shows every letter as text.
func (s *server) previews(w http.ResponseWriter, r *http.Request) {
	gate.Harden(w, "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	list, ok := s.allPreviews(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := previewList.Execute(w, list); err != nil {
		s.log.WarnContext(r.Context(), "the page of letters was cut short")
	}
}

// previewOf shows one letter as a mail program would. Letters carry their
// styles in themselves, since mail programs read no other; the sandbox lets
// them do nothing else. The page stands on the demo's other origin.
func (s *server) previewOf(w http.ResponseWriter, r *http.Request) {
	gate.Harden(w, "default-src 'none'; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	list, ok := s.allPreviews(w, r)
	if !ok {
		return
	}
	for _, p := range list {
		if p.Name == r.PathValue("name") && p.Message.HTML != "" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, p.Message.HTML)
			return
		}
	}
	http.NotFound(w, r)
}
