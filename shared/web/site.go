package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

const (
	indexPage    = "index.html"
	workerScript = "sw.js"
	hashed       = "app/" // the names of the files in here hold a hash of what is in them
)

// Site are the browser's files, each under its own name, and the page at "/".
func Site(s *Server, mux *http.ServeMux) {
	if s.site == nil {
		return
	}
	mux.Handle("GET /{$}", s.wrap(s.site.index.serve))
	for name, f := range s.site.files {
		mux.Handle("GET /"+name, s.wrap(f.serve))
	}
}

// A site is the browser's files, read and compressed once.
type site struct {
	files map[string]*file
	index *file
	rooms map[string]*roomMarkup // by language; empty: the page draws its rooms itself
}

// A file never changes.
type file struct {
	kind  string
	cache string // how long it is good for
	plain form
	gzip  form // empty: it is not worth it

	guarded bool // it has the headers of a document
}

// A form is the bytes of a file and their ETag.
type form struct {
	body []byte
	tag  string
}

// Types that every system must agree on.
var fileTypes = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".mjs":         "text/javascript; charset=utf-8",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
}

func openSite(fsys fs.FS, compress func([]byte) []byte) (*site, error) {
	st := &site{files: map[string]*file{}, rooms: map[string]*roomMarkup{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".go") {
			return err
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if lang, ok := strings.CutPrefix(strings.TrimSuffix(name, ".json"), "room."); ok {
			st.rooms[lang] = new(roomMarkup)
			return json.Unmarshal(body, st.rooms[lang])
		}
		st.files[name] = newFile(name, body, compress)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if st.index = st.files[indexPage]; st.index == nil {
		return nil, fmt.Errorf("%w: %s", fs.ErrNotExist, indexPage)
	}
	return st, nil
}

func newFile(name string, body []byte, compress func([]byte) []byte) *file {
	ext := path.Ext(name)
	f := &file{
		cache: "no-cache", // kept, but asked for each time whether it is still the same
		kind:  cmp.Or(fileTypes[ext], mime.TypeByExtension(ext), "application/octet-stream"),
		plain: newForm(body),
	}
	f.guarded = runsScripts(name, f.kind)
	if strings.HasPrefix(name, hashed) {
		f.cache = "public, max-age=31536000, immutable"
	}
	if compress == nil {
		return f
	}
	if small := compress(body); len(small) < len(body)*9/10 { // a picture is compressed already
		f.gzip = newForm(small)
	}
	return f
}

func newForm(body []byte) form {
	sum := sha256.Sum256(body)
	return form{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// serve answers with the file.
func (f *file) serve(w http.ResponseWriter, r *http.Request) error {
	h, sent := w.Header(), f.plain
	h.Set("Cache-Control", f.cache)
	if f.guarded {
		guardDocument(h)
	}
	if f.gzip.body != nil {
		h.Add("Vary", "Accept-Encoding")
		if gzipped(r) {
			h.Set("Content-Encoding", "gzip")
			sent = f.gzip
		}
	}
	h.Set("ETag", sent.tag)
	if etagMatches(r.Header.Get("If-None-Match"), sent.tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(sent.body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(sent.body)
	}
	return nil
}

// etagMatches reports whether an If-None-Match header names the tag.
func etagMatches(header, tag string) bool {
	for t := range strings.SplitSeq(header, ",") {
		if t = strings.TrimSpace(t); t == "*" || strings.TrimPrefix(t, "W/") == tag {
			return true
		}
	}
	return false
}
