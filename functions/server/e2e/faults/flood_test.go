package faults_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
	"confab/shared/testenv"
)

var floodFor = flag.Duration("flood.for", 0, "how long one address floods; 0: a moment, and no times are compared")

const (
	shortFlood    = 3 * time.Second
	floodHistory  = 1000
	floodNames    = 64
	floodAddress  = "198.51.100.7"
	chatters      = 100
	saysEvery     = 2 * time.Second // each of them
	samples       = 10              // rows of the table
	slowestFactor = 2               // of p99 with the flood to p99 without it
	flatWithin    = 8 << 20         // bytes that Redis may grow by in the second half
)

// TestFloodOfOneAddress has one address do what it can, under as many names as
// one may have, while a hundred others chat. They have the limits of a server
// that nobody configured, but for a shorter history.
func TestFloodOfOneAddress(t *testing.T) {
	length := max(shortFlood, *floodFor)
	redis := redistest.New(t)
	s := process.Start(t, "REDIS_URL="+redis.URL(), "TRUSTED_PROXIES=127.0.0.1/32", fmt.Sprint("HISTORY=", floodHistory),
		"POSTS_PER_DAY=", "ROOMS_PER_DAY=")
	c := startCrowd(t, s)
	pause(length / 4)
	calm := c.window()

	f := startFlood(t, s)
	var rows strings.Builder
	fmt.Fprintf(&rows, "\n%8s %14s %14s %10s %10s %10s\n", "at", "Redis, MiB", "server, MiB", "p99, ms", "accepted", "refused")
	var used []int
	flooded := []time.Duration{}
	for i := range samples {
		pause(length / samples)
		window := c.window()
		flooded = append(flooded, window...)
		bytes, _ := strconv.Atoi(redis.Field("memory", "used_memory"))
		used = append(used, bytes)
		fmt.Fprintf(&rows, "%8s %14.1f %14.1f %10.1f %10d %10d\n", (time.Duration(i+1) * length / samples).Round(time.Second),
			float64(bytes)/(1<<20), float64(s.Memory())/(1<<20), ms(p99(window)), f.accepted.Load(), f.refused.Load())
	}
	if *floodFor == 0 { // a slow machine takes longer to come to its limits
		testenv.Await(t, "the flood is refused", time.Minute, func() bool { return f.refused.Load() > 0 })
	}
	f.stop()
	c.stop()
	t.Logf("p99 of %d chatters: %.1f ms alone (%d lines), %.1f ms beside the flood (%d lines)%s",
		chatters, ms(p99(calm)), len(calm), ms(p99(flooded)), len(flooded), &rows)
	c.check()
	f.check(used, p99(calm), p99(flooded))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func p99(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

// from has a client's requests come from an address, by way of a proxy.
type from struct {
	address string
	http.RoundTripper
}

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", f.address)
	return f.RoundTripper.RoundTrip(r)
}

// newcomer says a name from an address.
func newcomer(t *testing.T, s *process.Server, name, address string, timeout time.Duration) *http.Client {
	var token struct{ Token string }
	c := &http.Client{Timeout: timeout, Transport: from{address, &http.Transport{MaxIdleConnsPerHost: 2}}}
	if err := ask(c, "POST", s.URL+"/login", fmt.Sprintf(`{"name":%q,"token":true}`, name), &token); err != nil {
		t.Fatal(err)
	}
	c.Transport = bearer{token.Token, c.Transport}
	return c
}

type bearer struct {
	token string
	http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.RoundTripper.RoundTrip(r)
}

// A flood is one address that does whatever it can.
type flood struct {
	t                 *testing.T
	s                 *process.Server
	clients           []*http.Client
	lines             atomic.Int64 // accepted in the lobby
	accepted, refused atomic.Int64
	ended             atomic.Bool
	wg                sync.WaitGroup
}

func startFlood(t *testing.T, s *process.Server) *flood {
	f := &flood{t: t, s: s}
	for i := range floodNames {
		f.clients = append(f.clients, newcomer(t, s, fmt.Sprint("flooder", i), floodAddress, 5*time.Second))
	}
	for worker := range 8 {
		f.wg.Go(func() {
			for i := worker; !f.ended.Load(); i += 8 {
				f.act(f.clients[i%floodNames], i)
			}
		})
	}
	return f
}

// act posts into the lobby mostly, and else into rooms of its own, says that it
// types in rooms that are not there, or looks for something.
func (f *flood) act(c *http.Client, i int) {
	method, path := "POST", "/r/lobby"
	switch i % 8 {
	case 5:
		path = fmt.Sprint("/r/flood", i)
	case 6:
		path = fmt.Sprint("/r/flood", i, "/typing")
	case 7:
		method, path = "GET", "/r/lobby?q=line"
	}
	res, err := send(c, method, f.s.URL+path, `{"text":"`+strings.Repeat("flood ", 100)+`"}`)
	if err != nil {
		return
	}
	res.Body.Close()
	switch {
	case res.StatusCode >= 500:
		f.t.Errorf("%s: %s", path, res.Status)
	case res.StatusCode >= 400:
		f.refused.Add(1)
	default:
		f.accepted.Add(1)
		if path == "/r/lobby" {
			f.lines.Add(1)
		}
	}
}

func send(c *http.Client, method, url, body string) (*http.Response, error) {
	req, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	return c.Do(req)
}

func (f *flood) stop() {
	f.ended.Store(true)
	f.wg.Wait()
}

// check holds the flood to its share of the room, and a long one to a memory
// that does not grow and to the times of the others.
func (f *flood) check(used []int, calm, flooded time.Duration) {
	share := int64(floodHistory / 4)
	if back := int64(*floodFor/(24*time.Hour/time.Duration(share))) + 1; f.lines.Load() > share+back {
		f.t.Errorf("the flood got %d lines into the lobby, its share is %d", f.lines.Load(), share)
	}
	if f.refused.Load() == 0 {
		f.t.Error("nothing of the flood was refused: it was none")
	}
	if *floodFor == 0 {
		return
	}
	if grown := used[len(used)-1] - used[len(used)/2]; grown > flatWithin {
		f.t.Errorf("Redis grew by %d bytes in the second half", grown)
	}
	if flooded > slowestFactor*calm {
		f.t.Errorf("p99 is %v beside the flood, and %v without it", flooded, calm)
	}
}
