package lambdahttp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/functions/internal/lambdahttp"
	"confab/functions/internal/lambdatest"

	"github.com/aws/aws-lambda-go/lambda"
)

// The test binary is also the function that it tests.
func TestMain(m *testing.M) {
	switch os.Getenv("FUNCTION") {
	case "stream":
		lambda.Start(lambdahttp.Stream(routes("live"), routes("buffered")))
	case "buffer":
		lambda.Start(lambdahttp.Buffer(routes("whole"), routes("buffered")))
	}
	os.Exit(m.Run())
}

type seen struct {
	Mode, Method, Path, Addr, Header, Body string
	TLS                                    bool
	Rooms                                  []string
	Cookies                                map[string]string
}

func routes(mode string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo/{room}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s := seen{mode, r.Method, r.PathValue("room"), r.RemoteAddr, r.Header.Get("Last-Event-ID"), string(body), r.TLS != nil, r.URL.Query()["room"], map[string]string{}}
		for _, c := range r.Cookies() {
			s.Cookies[c.Name] = c.Value
		}
		http.SetCookie(w, &http.Cookie{Name: "one", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "two", Value: "2"})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		json.NewEncoder(w).Encode(s)
	})
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "begin")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		fmt.Fprintln(w, "end")
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	mux.HandleFunc("/panic/later", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "begin")
		panic("on purpose")
	})
	mux.HandleFunc("/empty", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/gone", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return mux
}

var doors = []lambdatest.Door{lambdatest.REST, lambdatest.RESTStream, lambdatest.HTTP, lambdatest.URL, lambdatest.URLStream}

// door starts a function behind a front door.
func door(t *testing.T, d lambdatest.Door) (*lambdatest.Environment, *http.Client, <-chan *lambdatest.Invocation) {
	t.Helper()
	function := "buffer"
	if d == lambdatest.RESTStream || d == lambdatest.URLStream {
		function = "stream"
	}
	e := lambdatest.Start(t, os.Args[0], "FUNCTION="+function)
	e.Timeout = 2 * time.Second
	made := make(chan *lambdatest.Invocation, 10)
	return e, &http.Client{Transport: &lambdatest.Transport{
		Door: d,
		Pick: func(*http.Request) *lambdatest.Environment { return e },
		Each: func(i *lambdatest.Invocation) { made <- i },
	}}, made
}

func get(t *testing.T, c *http.Client, path string) (int, string) {
	t.Helper()
	res, err := c.Get("http://chat" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestRequestIsTheSameThroughEveryDoor(t *testing.T) {
	t.Parallel()
	for _, d := range doors {
		t.Run(string(d), func(t *testing.T) {
			_, c, _ := door(t, d)
			req, _ := http.NewRequest("POST", "http://chat/echo/caf%C3%A9?room=b&room=a", strings.NewReader("grüße"))
			req.Header.Set("Last-Event-ID", "7-0")
			req.AddCookie(&http.Cookie{Name: "session", Value: "x.y.z"})
			req.AddCookie(&http.Cookie{Name: "other", Value: "o"})
			res, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var got seen
			if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			want := seen{got.Mode, "POST", "café", "203.0.113.7:0", "7-0", "grüße", true, []string{"b", "a"}, map[string]string{"session": "x.y.z", "other": "o"}}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("saw %+v, want %+v", got, want)
			}
			if got := res.Header.Get("Content-Type"); res.StatusCode != 202 || got != "application/json" {
				t.Errorf("status %d, type %q", res.StatusCode, got)
			}
			if got := res.Header["Set-Cookie"]; !slices.Equal(got, []string{"one=1", "two=2"}) {
				t.Errorf("cookies %q", got)
			}
		})
	}
}

func TestBytesPassAsTheyAreWrittenAndEndBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	for _, d := range []lambdatest.Door{lambdatest.RESTStream, lambdatest.URLStream} {
		t.Run(string(d), func(t *testing.T) {
			_, c, made := door(t, d)
			res, err := c.Get("http://chat/wait")
			if err != nil {
				t.Fatal(err)
			}
			i := <-made
			lines := bufio.NewScanner(res.Body)
			lines.Scan()
			select {
			case <-i.Over():
				t.Fatal("the first line came with the end")
			default:
			}
			lines.Scan()
			if lines.Text() != "end" || lines.Err() != nil {
				t.Errorf("last line %q, %v", lines.Text(), lines.Err())
			}
			if how := i.End(); how != "complete" {
				t.Errorf("ended by %s", how)
			}
		})
	}
}

func TestPanicIsAnAnswerAndNotADeadProcess(t *testing.T) {
	t.Parallel()
	for _, d := range doors {
		t.Run(string(d), func(t *testing.T) {
			e, c, made := door(t, d)
			status, body := get(t, c, "/panic")
			if status != 500 || !strings.Contains(body, `"Internal error."`) || strings.Contains(body, "purpose") {
				t.Errorf("status %d: %s", status, body)
			}
			if how := (<-made).End(); how != "complete" {
				t.Errorf("ended by %s", how)
			}
			if res, err := c.Get("http://chat/panic/later"); err != nil {
				t.Error(err)
			} else if _, err := io.ReadAll(res.Body); err == nil && res.StatusCode == 200 {
				t.Error("a cut answer reads like a whole one")
			}
			if status, _ := get(t, c, "/empty"); status != 200 {
				t.Errorf("status %d after the panics", status)
			}
			if !strings.Contains(e.Output(), "on purpose") {
				t.Error("the panic is not logged")
			}
		})
	}
}

func TestAnswerWithoutABody(t *testing.T) {
	t.Parallel()
	for _, d := range doors {
		t.Run(string(d), func(t *testing.T) {
			_, c, _ := door(t, d)
			if status, body := get(t, c, "/gone"); status != 204 || body != "" {
				t.Errorf("status %d, body %q", status, body)
			}
		})
	}
	_, c, _ := door(t, lambdatest.RESTStream)
	res, err := c.Head("http://chat/echo/lobby")
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 202 || len(body) > 0 {
		t.Errorf("HEAD: status %d, body %q", res.StatusCode, body)
	}
}

func TestPathThatIsNotEncodedIsTheClientsFault(t *testing.T) {
	t.Parallel()
	for _, d := range []lambdatest.Door{lambdatest.REST, lambdatest.RESTStream} {
		_, c, _ := door(t, d)
		if status, body := get(t, c, "/echo/100%25"); status != 400 || !strings.Contains(body, `"status":400`) {
			t.Errorf("%s: status %d: %s", d, status, body)
		}
	}
}

func TestHTTPAPIGetsTheBufferedAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		function string
		door     lambdatest.Door
		want     string
	}{
		{"stream", lambdatest.HTTP, "buffered"},
		{"stream", lambdatest.URLStream, "live"},
		{"stream", lambdatest.RESTStream, "live"},
		{"buffer", lambdatest.HTTP, "buffered"},
		{"buffer", lambdatest.URL, "whole"},
		{"buffer", lambdatest.REST, "whole"},
	} {
		e := lambdatest.Start(t, os.Args[0], "FUNCTION="+tt.function)
		c := &http.Client{Transport: &lambdatest.Transport{Door: tt.door, Pick: func(*http.Request) *lambdatest.Environment { return e }}}
		if _, body := get(t, c, "/echo/lobby"); !strings.Contains(body, `"Mode":"`+tt.want+`"`) {
			t.Errorf("%s behind %s: %s, want %s", tt.function, tt.door, body, tt.want)
		}
	}
}

// What CloudFront may keep, it tells everybody: its key has no cookie and no query.
func TestNoFailureMayBeKept(t *testing.T) {
	t.Parallel()
	for _, d := range doors {
		t.Run(string(d), func(t *testing.T) {
			_, c, _ := door(t, d)
			for _, tt := range []struct {
				path, upgrade string
				status        int
			}{
				{"/empty", "websocket", http.StatusNotImplemented},
				{"/panic", "", http.StatusInternalServerError},
			} {
				req, _ := http.NewRequest(http.MethodGet, "http://chat"+tt.path, nil)
				if tt.upgrade != "" {
					req.Header.Set("Upgrade", tt.upgrade)
				}
				res, err := c.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if got := res.Header.Get("Cache-Control"); res.StatusCode != tt.status || got != "no-store" {
					t.Errorf("%s %s: status %d, Cache-Control %q", tt.path, tt.upgrade, res.StatusCode, got)
				}
			}
		})
	}
}

func TestListenerThatLeftDoesNotStopTheFunction(t *testing.T) {
	t.Parallel()
	_, c, made := door(t, lambdatest.URLStream)
	ctx, leave := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://chat/wait", nil)
	if _, err := c.Do(req); err != nil {
		t.Fatal(err)
	}
	leave()
	if how := (<-made).End(); how != "complete" {
		t.Errorf("ended by %s", how)
	}
}
