package storefront

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// A file may be large and a line slow: what counts is that it goes on.
const (
	downloadMost = time.Hour
	downloadStep = 30 * time.Second // for each chunk
)

// downloadOf opens what the address's token stands for. False means that the
// answer is out.
func (s *Shop) downloadOf(w http.ResponseWriter, r *http.Request) (order.Order, store.Download, bool) {
	o, f, err := s.desk.Download(r.Context(), r.PathValue("token"))
	if fault.Is(err, fault.NotFound) {
		err = s.gate.Missed(r, err)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return o, f, false
	}
	return o, f, true
}

// download shows the button. The visit itself counts nothing, so that a
// scanner of mails uses nothing up.
func (s *Shop) download(w http.ResponseWriter, r *http.Request) {
	if _, f, ok := s.downloadOf(w, r); ok {
		s.show(w, r, http.StatusOK, page.Download{Layout: s.layout(r), Name: f.Name, Size: f.Size, Left: f.Left,
			Ends: time.UnixMilli(f.EndsAt), Open: f.Open(s.db.Now().UnixMilli())})
	}
}

// startDownload counts and sends the file. Whoever was cut off begins again
// within the hour, or asks for the rest with Range, and it is not counted twice.
func (s *Shop) startDownload(w http.ResponseWriter, r *http.Request) {
	o, f, ok := s.downloadOf(w, r)
	if !ok {
		return
	}
	from, err := rangeOf(r.Header.Get("Range"), f.Size)
	if err == nil {
		err = s.desk.BeginDownload(r.Context(), o, f)
	}
	if fault.Is(err, fault.Conflict) {
		seeOther(w, r.URL.Path)
		return
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	h.Set("Content-Length", strconv.FormatInt(f.Size-from, 10))
	h.Set("Accept-Ranges", "bytes")
	status := http.StatusOK
	if from > 0 {
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, f.Size-1, f.Size))
		status = http.StatusPartialContent
	}
	w.WriteHeader(status)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), downloadMost)
	defer cancel()
	if err := s.desk.WriteDownload(ctx, f, from, &steady{w, http.NewResponseController(w)}); err != nil {
		panic(http.ErrAbortHandler) // half of it is out: a cut connection says so, a short file would not
	}
}

// steady gives each chunk its own time.
type steady struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (s *steady) Write(b []byte) (int, error) {
	if err := s.control.SetWriteDeadline(time.Now().Add(downloadStep)); err != nil {
		return 0, err
	}
	n, err := s.ResponseWriter.Write(b)
	if err == nil {
		err = s.control.Flush()
	}
	return n, err
}

// rangeOf reads "bytes=N-": the rest of a file. Other forms ask for all of it,
// which is always a right answer.
func rangeOf(header string, size int64) (int64, error) {
	text, ok := strings.CutPrefix(header, "bytes=")
	number, end, two := strings.Cut(text, "-")
	if !ok || !two || end != "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 {
		return 0, nil
	}
	if n >= size {
		return 0, fault.Field("range", "The file has no such part.")
	}
	return n, nil
}

// digital is what the order page shows of it.
func (s *Shop) digital(ctx context.Context, o order.Order) (page.Digital, error) {
	got, err := s.desk.Digital(ctx, o)
	if err != nil {
		return page.Digital{}, err
	}
	out := page.Digital{Waiting: got.Waiting}
	titles := map[string]string{}
	for _, l := range o.Lines {
		titles[string(l.Variant)] = l.Title
	}
	for _, f := range got.Downloads {
		out.Files = append(out.Files, page.Link{Text: f.Name, URL: page.PathDownloads + s.desk.DownloadToken(o, f.ID)})
	}
	for _, k := range got.Keys {
		out.Keys = append(out.Keys, page.LicenceKey{Title: titles[string(k.Variant)], Key: k.Key})
	}
	return out, nil
}
