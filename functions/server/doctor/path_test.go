package doctor

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"confab/functions/server/httpserver"
	"confab/public"
	"confab/shared/app"
	"confab/shared/store/bolt"
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
			r.Out.Host = r.In.Host
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

// clump passes the first piece on at once, and what follows within every d.
func clump(d time.Duration) func(io.ReadCloser) io.ReadCloser {
	return reshape(func(w io.Writer, r io.Reader) error {
		b := make([]byte, 4096)
		n, err := r.Read(b)
		if _, failed := w.Write(b[:n]); err != nil || failed != nil {
			return errors.Join(err, failed)
		}
		return each(r, d, func(b []byte, _ bool) error {
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

// zipped is the head of an answer that compress changes.
func zipped(r *http.Response) { r.Header.Set("Content-Encoding", "gzip") }

// compress passes on what came within every d, compressed; at once if d is 0.
func compress(d time.Duration) func(io.ReadCloser) io.ReadCloser {
	return reshape(func(w io.Writer, r io.Reader) error {
		z := gzip.NewWriter(w)
		if d > 0 {
			return each(r, d, func(b []byte, _ bool) error {
				_, err := z.Write(b)
				return errors.Join(err, z.Flush())
			})
		}
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
	})
}

// refuse answers requests of one method by itself.
func refuse(method string, status int) func(http.Handler) http.HandlerFunc {
	return func(next http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == method {
				http.Error(w, "no", status)
				return
			}
			next.ServeHTTP(w, r)
		}
	}
}

// shorten refuses bodies of over 8 kB.
func shorten(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 8<<10 {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// cached keeps the first answer to each GET of a room.
func cached(next http.Handler) http.HandlerFunc {
	var mu sync.Mutex
	kept := map[string][]byte{}
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/r/") {
			next.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if kept[r.URL.Path] == nil {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			kept[r.URL.Path] = rec.Body.Bytes()
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(kept[r.URL.Path])
	}
}

// serve starts a server in this process and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	cfg := app.Config{Addr: "127.0.0.1:0", DataDir: t.TempDir(), Guests: "read", Durability: "primary", History: 1000}
	a, err := app.Open(t.Context(), cfg, slog.New(slog.DiscardHandler), app.Parts{Store: bolt.Open, Site: public.Files, Upgrade: websocket.Upgrade})
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
	d := newDoctor(u, "doctor", idle, nil, &out)
	d.patience = 3 * time.Second
	err = d.run(t.Context())
	return out.String(), err
}

// TestMain runs many tests at once: most of the time they wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("24")
	}
	os.Exit(m.Run())
}
