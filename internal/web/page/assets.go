package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/paymentpage"
)

//go:embed assets
var assetFiles embed.FS

// Asset is one file that pages load, under a path that names its content.
type Asset struct {
	Path      string // /assets/NAME.HASH.css: other content, other path
	Integrity string // for the integrity attribute: sha384-…
}

// assets are all of them, whole and compressed, ready to be written.
type assets struct {
	byName    map[string]Asset
	byPath    map[string]*File
	inventory []paymentpage.Entry
}

// File is bytes that never change, whole and compressed, ready to be written.
type File struct {
	Asset
	kind        string // Content-Type
	body, small []byte // small is gzip, nil when it gains nothing
}

var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func newAssets(a Accent) (assets, error) {
	out := assets{byName: map[string]Asset{}, byPath: map[string]*File{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		return out, fmt.Errorf("page: %w", err)
	}
	for _, e := range entries {
		body, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return out, fmt.Errorf("page: %w", err)
		}
		if err := out.add(e.Name(), body); err != nil {
			return out, err
		}
	}
	if err := out.add("theme.css", []byte(a.css())); err != nil {
		return out, err
	}
	return out, out.list()
}

func (as *assets) add(name string, body []byte) error {
	f, err := NewFile(PathAssets, name, body)
	if err != nil {
		return err
	}
	as.byName[name], as.byPath[f.Path] = f.Asset, f
	return nil
}

// NewFile prepares a file whose path, below a folder, names its content.
func NewFile(folder, name string, body []byte) (*File, error) {
	ext := path.Ext(name)
	f := &File{kind: kinds[ext], body: body}
	if f.kind == "" {
		return nil, fmt.Errorf("page: asset %s has no known kind", name)
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	z.Write(body) // into memory: the error would come back from Close
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if b.Len() < len(body) {
		f.small = b.Bytes()
	}
	short, long := sha256.Sum256(body), sha512.Sum384(body)
	f.Asset = Asset{
		Path:      folder + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(short[:8]) + ext,
		Integrity: "sha384-" + base64.StdEncoding.EncodeToString(long[:]),
	}
	return f, nil
}

// Size is how many bytes go over the network to a browser that takes gzip.
func (f *File) Size() int {
	if f.small != nil {
		return len(f.small)
	}
	return len(f.body)
}

// ServeHTTP writes the file. How long it may be kept is the caller's to say.
func (f *File) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept-Encoding")
	body := f.body
	if f.small != nil && takesGzip(r.Header.Get("Accept-Encoding")) {
		body = f.small
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body) // a reader that went away is no error of ours
	}
}

// AssetPath is where an asset is served: AssetPath("style.css"). It is "" for
// a name that is none.
func (s *Set) AssetPath(name string) string { return s.assets.byName[name].Path }

// Assets serves every asset for good: a path never changes its content, so
// browsers keep it for a year without asking again. missing answers for a path
// that is none. Mount it for GET, which brings HEAD.
func (s *Set) Assets(missing http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.assets.byPath[r.URL.Path]
		if f == nil {
			missing.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		f.ServeHTTP(w, r)
	})
}

// takesGzip reads an Accept-Encoding header. "gzip;q=0" refuses it.
func takesGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, weighted := strings.Cut(strings.TrimSpace(part), ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		if !weighted {
			return true
		}
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		return err == nil && q > 0
	}
	return false
}
