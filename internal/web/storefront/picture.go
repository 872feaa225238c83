package storefront

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// picturePolicy lets a picture do nothing but be looked at, also when it is
// opened by itself.
const picturePolicy = "default-src 'none'; style-src 'none'; sandbox"

// picture shows a picture of the catalogue: one of the program's own, or one
// that was fetched and drawn anew. The latter's address names its content, so
// a copy of it never grows old.
func (s *Shop) picture(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if body, ok := s.cfg.Pictures(name); ok {
		if typ := pictureType(name); typ != "" {
			sum := sha256.Sum256(body)
			sendPicture(w, r, hex.EncodeToString(sum[:12]), typ, cacheDay, body)
			return
		}
	}
	var typ string
	var body []byte
	err := s.cfg.Store.View(r.Context(), func(v *store.View) (err error) {
		typ, body, err = v.Picture(name)
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		s.gate.NotFound().ServeHTTP(w, r)
	case err != nil:
		s.gate.Refuse(w, r, err)
	default:
		sendPicture(w, r, name, typ, gate.CacheForever, body)
	}
}

// pictureType goes by the names of the program's own pictures.
func pictureType(name string) string {
	switch path.Ext(name) {
	case ".svg":
		return typeSVG
	case ".jpg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	}
	return ""
}

func sendPicture(w http.ResponseWriter, r *http.Request, tag, typ, cache string, body []byte) {
	h := w.Header()
	tag = `"` + tag + `"`
	h["Content-Security-Policy"] = one(picturePolicy)
	h["Cache-Control"] = one(cache)
	h["Etag"] = one(tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = one(typ)
	h["Content-Length"] = one(strconv.Itoa(len(body)))
	w.Write(body)
}
