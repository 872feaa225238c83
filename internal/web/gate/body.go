package gate

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/fault"
)

type body = io.ReadCloser

// Body replaces the default bound on the request's body. Call it before the
// first byte is read.
func (g *Gate) Body(r *http.Request, limit int64) {
	if v := visitOf(r); v != nil {
		r.Body = v.whole
		g.bound(v.answer, r, limit)
	}
}

func (g *Gate) bound(a *answer, r *http.Request, limit int64) {
	if r.Body != nil && r.Body != http.NoBody {
		// The real writer, so that the server learns to close the connection.
		r.Body = http.MaxBytesReader(a.ResponseWriter, r.Body, limit)
	}
}

// ReadError turns a failure to read a body into what a caller may know.
func ReadError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fault.Because(fault.TooLarge, "The request has more bytes than are accepted here.", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.Because(fault.Malformed, "The request came too slowly.", err)
	}
	return fault.Because(fault.Malformed, "The request ended early.", err)
}

// MaxFields is how many values a form may have.
const MaxFields = 200

// Form reads a posted form: urlencoded, at most MaxFields values, UTF-8 without
// NUL, and no number of a payment card. A form in any other type, such as the text/plain that lets another site
// smuggle JSON, is refused.
func Form(r *http.Request) (url.Values, error) {
	v := visitOf(r)
	if v != nil && v.form != nil {
		return v.form, nil
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || kind != "application/x-www-form-urlencoded" ||
		(charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return nil, fault.New(fault.MediaType, "A form is sent as application/x-www-form-urlencoded.")
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, ReadError(err)
	}
	if strings.Count(string(raw), "&") >= MaxFields {
		return nil, fault.New(fault.Malformed, "The form has too many fields.")
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, fault.New(fault.Malformed, "The form can't be read.")
	}
	for name, values := range form {
		for _, text := range append(values, name) {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return nil, fault.New(fault.Malformed, "The form holds bytes that are no text.")
			}
		}
	}
	if v == nil || v.route == nil || !v.route.Cards {
		if err := noCards(form); err != nil {
			return nil, err
		}
	}
	if v != nil {
		v.form = form // the guard of a route reads it first, then its handler
	}
	return form, nil
}

// Server returns an HTTP server with limits on time and size, whose own
// complaints reach log without the addresses of visitors. On HTTP/2 the limits
// hold for each stream.
func Server(handler http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 128},
		// Else OPTIONS * is answered before any handler, without our headers.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(withoutAddresses{log.Handler()}, slog.LevelDebug),
	}
}

// hideAddresses replaces network addresses in a line of net/http's error log.
func hideAddresses(line string) string {
	words := strings.Fields(line)
	for i, word := range words {
		bare := strings.TrimRight(word, ":,;)")
		bare = strings.TrimLeft(bare, "(")
		if _, err := netip.ParseAddrPort(bare); err == nil {
			words[i] = "[address]"
		} else if _, err := netip.ParseAddr(strings.Trim(bare, "[]")); err == nil {
			words[i] = "[address]"
		} else if from, to, ok := strings.Cut(bare, "->"); ok && from != "" && to != "" {
			words[i] = "[address]"
		}
	}
	return strings.Join(words, " ")
}
