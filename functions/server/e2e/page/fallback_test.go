package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"confab/functions/server/e2e/internal/process"
)

// Some proxies hold an event stream back until it ends, and some know nothing
// of WebSocket either.
func TestStreamThatIsHeldBackIsReadAnotherWay(t *testing.T) {
	t.Parallel()
	for _, sockets := range []bool{true, false} {
		t.Run(fmt.Sprintf("sockets=%t", sockets), func(t *testing.T) {
			t.Parallel()
			s := process.Start(t)
			proxy := httptest.NewServer(holding(s.URL, sockets))
			t.Cleanup(proxy.Close)
			t.Cleanup(proxy.CloseClientConnections)
			ann, bob := visit(t, proxy.URL), s.Login("bob")
			ann.setCut(true)
			ann.join("ann")
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

// holding passes everything on, but answers the head of an event stream and
// holds its body.
func holding(to string, sockets bool) http.Handler {
	target, _ := url.Parse(to)
	next := httputil.NewSingleHostReverseProxy(target)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.Header.Get("Accept"), "text/event-stream"):
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(http.StatusOK)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case r.Header.Get("Upgrade") != "" && !sockets:
			http.Error(w, "what is that?", http.StatusBadRequest)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
