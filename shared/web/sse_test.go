package web_test

import (
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/shared/hub"
	"confab/shared/identity"
	"confab/shared/web"
)

// A stream over HTTP/1.1 begins with this chunk.
var openingChunk = regexp.MustCompile(`^[1-9a-f][0-9a-f]*\r\nretry: 2000\nevent: open\ndata: \{"kind":"open","rooms":\["lobby"\],"cursor":"(\d+-\d+)","ping":15\}\nid: (\d+-\d+)\n\n\r\n$`)

// The head and the opening id come at once and before anything else, also
// where nothing is ever said: an EventSource that is cut then loses nothing.
func TestHeadAndOpeningIDComeFirstAndAtOnce(t *testing.T) {
	l := live(t, nil)
	l.say(t.Context(), t, "lobby", 1)
	addr := strings.TrimPrefix(l.URL, "http://")
	token, err := l.users.Token(identity.NewUser("Ann"))
	if err != nil {
		t.Fatal(err)
	}
	var took []time.Duration
	for range 21 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		fmt.Fprintf(conn, "GET /stream?room=lobby HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", token)
		var got []byte
		for buf := make([]byte, 4096); !strings.HasSuffix(string(got), "\n\n\r\n"); {
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, buf[:n]...)
		}
		took = append(took, time.Since(begun))
		conn.Close()
		head, body, _ := strings.Cut(string(got), "\r\n\r\n")
		if !strings.HasPrefix(head, "HTTP/1.1 200 ") || !openingChunk.MatchString(body) {
			t.Fatalf("began with %q", got)
		}
	}
	first := took[0]
	slices.Sort(took)
	t.Logf("head and opening id after %v (the first), %v (median), %v (slowest)", first, took[10], took[20])
	if took[10] > 10*time.Millisecond {
		t.Errorf("the median is %v, want 10 ms", took[10])
	}
}

// A jam takes an answer's head, and nothing more in time.
type jam struct{ *httptest.ResponseRecorder }

func (jam) Write([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestReaderThatTakesNothingIsCountedAsStalled(t *testing.T) {
	var rooms *hub.Hub
	l := live(t, func(cfg *web.Config) { rooms = cfg.Hub })
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/stream", nil)
	l.Config.Handler.ServeHTTP(jam{httptest.NewRecorder()}, r)
	if s := rooms.Stats(); s.Ends[hub.Stalled] != 1 || s.Waiting != 0 {
		t.Errorf("after a write that timed out: %+v", s)
	}
}
