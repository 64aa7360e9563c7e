package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"confab/shared/web"
)

func TestSiteFiles(t *testing.T) {
	h := open(t, nil)
	for target, kind := range map[string]string{
		"/":                     "text/html; charset=utf-8",
		"/index.html":           "text/html; charset=utf-8",
		"/js/main.js":           "text/javascript; charset=utf-8",
		"/manifest.webmanifest": "application/manifest+json",
		"/icons/icon.png":       "image/png",
	} {
		res := h.do(t, ask{"GET", target, "", "", nobody})
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != kind || res.Header.Get("Cache-Control") != "no-cache" || read(t, res) == "" {
			t.Errorf("GET %s: %s %v", target, res.Status, res.Header)
		}
		head := h.do(t, ask{"HEAD", target, "", "", nobody})
		if head.StatusCode != 200 || read(t, head) != "" || head.Header.Get("Content-Length") != res.Header.Get("Content-Length") {
			t.Errorf("HEAD %s: %s %v", target, head.Status, head.Header)
		}
	}
}

func TestSiteIsCompressedForWhoTakesIt(t *testing.T) {
	h := open(t, nil)
	plain := h.do(t, ask{"GET", "/js/main.js", "", "", nobody})
	tag := plain.Header.Get("ETag")
	want := read(t, plain)
	for encoding, zipped := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "*": true, "gzip;q=0": false, "gzip;q=0, *": false, "br": false, "identity": false} {
		res := h.do(t, ask{"GET", "/js/main.js", "Accept-Encoding: " + encoding, "", nobody})
		if got := res.Header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("Accept-Encoding %q: zipped %t", encoding, got)
			continue
		}
		if res.Header.Get("Vary") != "Accept-Encoding" || (res.Header.Get("ETag") != tag) != zipped {
			t.Errorf("Accept-Encoding %q: Vary %q, ETag %s", encoding, res.Header.Get("Vary"), res.Header.Get("ETag"))
		}
		if zipped {
			if z, err := gzip.NewReader(res.Body); err != nil {
				t.Error(err)
			} else if got, err := io.ReadAll(z); err != nil || string(got) != want {
				t.Errorf("unzipped %d bytes of %d, %v", len(got), len(want), err)
			}
		}
	}
	if res := h.do(t, ask{"GET", "/icons/icon.png", "Accept-Encoding: gzip", "", nobody}); res.Header.Get("Content-Encoding") != "" {
		t.Error("a picture was compressed again")
	}
}

func TestSiteIsNotSentTwice(t *testing.T) {
	h := open(t, nil)
	for _, target := range []string{"/", "/js/main.js"} {
		for _, encoding := range []string{"gzip", "identity"} {
			head := "Accept: text/html\nAccept-Encoding: " + encoding
			tag := h.do(t, ask{"GET", target, head, "", nobody}).Header.Get("ETag")
			for match, code := range map[string]int{tag: 304, "W/" + tag: 304, `"a", ` + tag: 304, "*": 304, `"a"`: 200, "": 200, strings.Trim(tag, `"`): 200} {
				res := h.do(t, ask{"GET", target, head + "\nIf-None-Match: " + match, "", nobody})
				if res.StatusCode != code || (code == 304) != (read(t, res) == "") || res.Header.Get("ETag") != tag {
					t.Errorf("%s, If-None-Match %s: %s %v", target, match, res.Status, res.Header)
				}
				if code == http.StatusNotModified && (res.Header.Get("Content-Encoding") != "" || !strings.Contains(strings.Join(res.Header.Values("Vary"), ","), "Accept-Encoding")) {
					t.Errorf("%s: a 304 says %v", target, res.Header)
				}
			}
		}
	}
}

func TestHashedFilesAreNotAskedForAgain(t *testing.T) {
	h := open(t, func(c *web.Config) {
		c.Site.(fstest.MapFS)["app/main-ABC.js"] = &fstest.MapFile{Data: []byte("1")}
	})
	if got := h.do(t, ask{"GET", "/app/main-ABC.js", "", "", nobody}).Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("Cache-Control: %q", got)
	}
}

func TestWhatIsReadIsCompressed(t *testing.T) {
	h := open(t, nil)
	for range 20 {
		h.say(t, ann, "lobby", strings.Repeat("again and ", 10))
	}
	for _, target := range []string{"/r/lobby", "/r/lobby?limit=50"} {
		plain := read(t, h.do(t, ask{"GET", target, "Accept: application/json", "", ann}))
		res := h.do(t, ask{"GET", target, "Accept: application/json\nAccept-Encoding: gzip", "", ann})
		z, err := gzip.NewReader(res.Body)
		if err != nil || res.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: %v %v", target, res.Header, err)
		}
		if got, err := io.ReadAll(z); err != nil || string(got) != plain {
			t.Errorf("%s: %d bytes of %d, %v", target, len(got), len(plain), err)
		}
	}
}
