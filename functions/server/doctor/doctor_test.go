package doctor

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"confab/functions/server/httpserver"
	"confab/public"
	"confab/shared/app"
	"confab/shared/store/redis"
	"confab/shared/web/websocket"
)

// A path is a proxy in front of a server, which may do harm.
type path struct {
	ask    func(*http.Request)                 // to what is asked
	stream func(io.ReadCloser) io.ReadCloser   // to the body of a stream
	answer func(*http.Response)                // to the head of one
	serve  func(http.Handler) http.HandlerFunc // around all
}

func (p path) open(t *testing.T, to string) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			if p.ask != nil {
				p.ask(r.Out)
			}
		},
		ModifyResponse: func(res *http.Response) error {
			if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
				if p.stream != nil {
					res.Body = p.stream(res.Body)
				}
				if p.answer != nil {
					p.answer(res)
				}
			}
			return nil
		},
	}
	var h http.Handler = proxy
	if p.serve != nil {
		h = p.serve(proxy)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	return srv.URL
}

// A reshaped body passes bytes on in a way of its own.
type reshaped struct {
	io.Reader
	io.Closer
}

// reshape has pass write what it reads of a body.
func reshape(pass func(io.Writer, io.Reader) error) func(io.ReadCloser) io.ReadCloser {
	return func(body io.ReadCloser) io.ReadCloser {
		r, w := io.Pipe()
		go func() { w.CloseWithError(pass(w, body)) }()
		return reshaped{r, closers{body, r}}
	}
}

type closers []io.Closer

func (cs closers) Close() (err error) {
	for _, c := range cs {
		err = errors.Join(err, c.Close())
	}
	return err
}

// gather passes on what came within every d.
func gather(d time.Duration) func(io.ReadCloser) io.ReadCloser {
	return reshape(func(w io.Writer, r io.Reader) error {
		return each(r, d, func(b []byte, quiet bool) error {
			_, err := w.Write(b)
			return err
		})
	})
}

// each calls f with what came within every d, which may be nothing.
func each(r io.Reader, d time.Duration, f func(b []byte, quiet bool) error) error {
	pieces, ended := make(chan []byte), make(chan struct{})
	defer close(ended)
	go func() {
		defer close(pieces)
		for {
			b := make([]byte, 4096)
			n, err := r.Read(b)
			if err != nil {
				return
			}
			select {
			case pieces <- b[:n]:
			case <-ended:
				return
			}
		}
	}()
	tick := time.NewTicker(d)
	defer tick.Stop()
	var all []byte
	for {
		select {
		case b, ok := <-pieces:
			if !ok {
				return io.EOF
			}
			all = append(all, b...)
		case <-tick.C:
			if err := f(all, len(all) == 0); err != nil {
				return err
			}
			all = nil
		}
	}
}

// cutAfter ends a stream on which nothing came for d.
func cutAfter(d time.Duration) func(io.ReadCloser) io.ReadCloser {
	return reshape(func(w io.Writer, r io.Reader) error {
		quiet := time.NewTimer(d)
		defer quiet.Stop()
		return each(r, d/20, func(b []byte, nothing bool) error {
			if !nothing {
				quiet.Reset(d)
				_, err := w.Write(b)
				return err
			}
			select {
			case <-quiet.C:
				return io.EOF
			default:
				return nil
			}
		})
	})
}

func compress(body io.ReadCloser) io.ReadCloser {
	return reshape(func(w io.Writer, r io.Reader) error {
		z := gzip.NewWriter(w)
		b := make([]byte, 4096)
		for {
			n, err := r.Read(b)
			if err != nil {
				return err
			}
			z.Write(b[:n])
			if err := z.Flush(); err != nil {
				return err
			}
		}
	})(body)
}

// old answers streams as HTTP/1.0 does.
func old(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept"), "event-stream") {
			next.ServeHTTP(w, r)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		next.ServeHTTP(&bare{conn: conn, header: http.Header{}}, r)
	}
}

type bare struct {
	conn   io.Writer
	header http.Header
}

func (b *bare) Header() http.Header         { return b.header }
func (b *bare) Write(p []byte) (int, error) { return b.conn.Write(p) }
func (b *bare) Flush()                      {}
func (b *bare) WriteHeader(code int) {
	fmt.Fprintf(b.conn, "HTTP/1.0 %d OK\r\n", code)
	b.header.Write(b.conn)
	io.WriteString(b.conn, "\r\n")
}

func TestDoctorFindsWhatIsWrongWithAPath(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path
		fault string // the check that finds it
		says  string
		mends string
	}{
		"buffers":           {path{stream: gather(time.Hour)}, "stream", "buffers", "proxy_buffering off"},
		"clumps":            {path{stream: gather(1800 * time.Millisecond)}, "events", "clumps", "proxy_buffering off"},
		"compresses":        {path{stream: compress, answer: func(r *http.Response) { r.Header.Set("Content-Encoding", "gzip") }}, "compression", "gzip", "gzip off"},
		"cuts silence":      {path{stream: cutAfter(1500 * time.Millisecond)}, "silence", "cut after 1", "Key=idle_timeout.timeout_seconds,Value=75"},
		"forgets the place": {path{ask: func(r *http.Request) { r.Header.Del("Last-Event-ID") }}, "resume", "Last-Event-ID", "AllViewerExceptHostHeader"},
		"speaks HTTP/1.0":   {path{serve: old}, "HTTP", "HTTP/1.0", "proxy_http_version 1.1"},
		"drops the upgrade": {path{ask: func(r *http.Request) { r.Header.Del("Upgrade"); r.Header.Del("Connection") }}, "WebSocket", "upgrade", "$http_upgrade"},
		"takes no posts": {path{serve: func(next http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					http.Error(w, "no", http.StatusForbidden)
					return
				}
				next.ServeHTTP(w, r)
			}
		}}, "posts", "403", "AllowedMethods"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, err := look(t, tt.path, 4*time.Second)
			if !errors.Is(err, errSick) {
				t.Errorf("the doctor said %v", err)
			}
			found := false
			for line := range strings.Lines(said) {
				found = found || strings.HasPrefix(line, tt.fault+" ") && strings.Contains(line, "FAULT") && strings.Contains(line, tt.says)
			}
			if !found || !strings.Contains(said, tt.mends) {
				t.Errorf("no fault of %s that says %q and is mended by %q:\n%s", tt.fault, tt.says, tt.mends, said)
			}
		})
	}
}

func TestDoctorFindsNothingWrongWithAGoodPath(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a ping")
	}
	t.Parallel()
	said, err := look(t, path{}, 27*time.Second) // who comes and goes is told of at first, which puts the ping off
	if err != nil || strings.Contains(said, "FAULT") {
		t.Errorf("%v\n%s", err, said)
	}
	for _, want := range []string{"stream       ok", "WebSocket    ok", "events       ok", "resume       ok", "compression  ok", "with 1 pings", "s  ping"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
}

func TestDoctorLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	server := serve(t)
	u, _ := url.Parse(server)
	newDoctor(u, "doctor", time.Second, io.Discard).run(t.Context())
	res, err := http.Get(server + "/r/doctor")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); len(b) > 0 {
		t.Errorf("it left %s", b)
	}
}

func TestDoctorAsksForAnAddress(t *testing.T) {
	for _, args := range [][]string{{}, {"chat.example.org"}, {"ftp://x"}, {"https://a", "https://b"}, {"-idle", "soon", "https://a"}} {
		var out bytes.Buffer
		if err := Run(t.Context(), args, &out); err == nil || !strings.Contains(out.String(), "usage:") {
			t.Errorf("%q: %v, %s", args, err, &out)
		}
	}
}

// serve starts a server in this process and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	cfg := app.Config{Addr: "127.0.0.1:0", DataDir: t.TempDir(), Guests: "read", Durability: "primary", History: 1000}
	a, err := app.Open(t.Context(), cfg, slog.New(slog.DiscardHandler), app.Parts{Store: redis.OpenLocal, Site: public.Files, Upgrade: websocket.Upgrade})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	addr, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() { ended <- httpserver.Serve(ctx, a, func(at net.Addr) { addr <- at }) }()
	t.Cleanup(func() { stop(); <-ended })
	return "http://" + (<-addr).String()
}

// look has the doctor look at a server through a path.
func look(t *testing.T, p path, idle time.Duration) (string, error) {
	t.Helper()
	server := serve(t)
	u, err := url.Parse(p.open(t, server))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	d := newDoctor(u, "doctor", idle, &out)
	d.patience = 3 * time.Second
	err = d.run(t.Context())
	return out.String(), err
}
