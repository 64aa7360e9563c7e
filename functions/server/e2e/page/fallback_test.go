package page_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
)

// fallsBack is how long a page may take until it reads by a way that works.
const fallsBack = 8 * time.Second

// Some proxies hold an event stream back until it ends, and some hold or refuse
// WebSocket as well.
func TestStreamThatIsHeldBackIsReadAnotherWay(t *testing.T) {
	t.Parallel()
	for _, sockets := range []string{"pass", "refused", "held"} {
		t.Run("sockets "+sockets, func(t *testing.T) {
			t.Parallel()
			s := process.Start(t)
			proxy := httptest.NewServer(holding(s.URL, sockets))
			t.Cleanup(proxy.Close)
			t.Cleanup(proxy.CloseClientConnections)
			ann, bob := visit(t, proxy.URL, before(noteTimeToLive)), s.Login("bob")
			ann.setCut(true)
			ann.join("ann")
			t.Logf("live after %.0f ms", eval[float64](ann, "window.live - window.streamed"))
			if took := eval[float64](ann, "window.live - window.streamed"); took > float64(fallsBack.Milliseconds()) {
				t.Errorf("it was live after %.0f ms, want %s", took, fallsBack)
			}
			want := numbered("by another way", 3)
			for _, text := range want {
				if _, _, err := s.Post(bob, "lobby", text, ""); err != nil {
					t.Fatal(err)
				}
				ann.sees(text)
			}
			ann.shows("each once", want)
		})
	}
}

// noteTimeToLive notes when the page first asked for a stream, and when it was
// live first.
const noteTimeToLive = `(() => {
	const fetches = window.fetch
	window.fetch = (url, how) => {
		if (String(url).startsWith('/stream')) window.streamed ??= performance.now()
		return fetches(url, how)
	}
	new MutationObserver(() => {
		if (document.body?.dataset.link === 'live') window.live ??= performance.now()
	}).observe(document, { attributes: true, childList: true, subtree: true })
})()`

// holding passes everything on, but answers the head of an event stream and
// holds its body.
func holding(to, sockets string) http.Handler {
	target, _ := url.Parse(to)
	next := httputil.NewSingleHostReverseProxy(target)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.Header.Get("Accept"), "text/event-stream"):
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(http.StatusOK)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case r.Header.Get("Upgrade") == "" || sockets == "pass":
			next.ServeHTTP(w, r)
		case sockets == "refused":
			http.Error(w, "what is that?", http.StatusBadRequest)
		default:
			<-r.Context().Done()
		}
	})
}
