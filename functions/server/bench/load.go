//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"
)

// A load is what is done to a server side.
type load struct {
	Addr string
	Pids []int
	Full bool `json:",omitempty"`
	TLS  bool `json:",omitempty"`

	Redis string `json:",omitempty"` // its address

	N          int     // listeners
	Rooms      int     `json:",omitempty"` // over which listeners and lines are spread
	Each       int     `json:",omitempty"` // rooms of each listener
	Rate       float64 `json:",omitempty"` // lines a second; 0: none, or as the window allows
	Window     int     `json:",omitempty"` // lines that are not yet at everybody, at most
	Publishers int     `json:",omitempty"`
	Seconds    float64
	Bytes      int  `json:",omitempty"` // of a line
	Stalled    int  `json:",omitempty"` // listeners that stop reading
	Deaf       bool `json:",omitempty"` // listeners are in another room than the lines
	ComeBack   int  `json:",omitempty"` // lines behind which all listeners come back at once
}

// A result is what came of it. Times are in milliseconds unless they say so.
type result struct {
	PerDelivery    float64 // µs of CPU of the server side
	PerSecond      float64 // deliveries
	P50, P99       float64
	Bytes          float64 // memory of the server a listener
	Gained         float64 // MiB of memory of the server while lines flowed
	Posts          float64 // a second
	PostP99        float64
	CaughtUp       float64 // seconds until the last listener that came back had everything
	LogReads       int     // of Redis, for those who came back
	Lost, Disorder int
	Failed         int64
}

const (
	settle = 2 * time.Second // before memory is read
	quiet  = 3 * time.Second // nothing more has come for so long: nothing will
)

func loadMain(arg string) error {
	l := load{Rooms: 1, Each: 1, Publishers: 8, Bytes: 100}
	if err := json.Unmarshal([]byte(arg), &l); err != nil {
		return err
	}
	runtime.GOMAXPROCS(4) // one core, but a listener's thread that is locked
	var cookies []string
	var err error
	if l.TLS {
		if l.Addr, err = overTLS(l.Addr); err != nil {
			return err
		}
	}
	if l.Full {
		if cookies, err = logins(l.Addr, 16); err != nil {
			return err
		}
	}
	var r result
	if l.ComeBack > 0 {
		r, err = comeBack(l, cookies)
	} else {
		r, err = listen(l, cookies)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// listen opens the listeners, publishes, and waits for what is due.
func listen(l load, cookies []string) (result, error) {
	before := measure(l.Pids)
	h, err := subscribe(l, cookies, "")
	if err != nil {
		return result{}, err
	}
	defer h.close()
	time.Sleep(settle)
	opened := measure(l.Pids)
	r := result{Bytes: (opened.memory - before.memory) / float64(l.N), Failed: h.failed.Load()}
	if l.Rate == 0 && l.Window == 0 {
		return r, nil
	}
	p := &publishers{load: l, cookies: cookies, subs: h}
	p.warm()
	start, before := time.Now(), measure(l.Pids)
	p.run()
	h.await(p.expected())
	after := measure(l.Pids)
	active := h.lastAt().Sub(start).Seconds()
	if l.Deaf {
		active = time.Since(start).Seconds()
	}
	r.PerDelivery = (after.cpu - before.cpu) * 1e6 / float64(max(h.delivered.Load(), 1))
	r.PerSecond = float64(h.delivered.Load()) / active
	r.P50, r.P99 = h.latency(.5), h.latency(.99)
	r.Gained = (after.memory - before.memory) / (1 << 20)
	r.Posts, r.PostP99 = float64(p.sent.Load())/p.active.Seconds(), p.p99()
	r.Failed += p.failed.Load()
	r.Lost, r.Disorder = int(p.expected()-h.delivered.Load()), h.disorder()
	return r, nil
}

// comeBack posts enough lines. Then all listeners come back at once, with a
// cursor from before the last of them.
func comeBack(l load, cookies []string) (result, error) {
	var ids []string
	for i := range l.ComeBack + 50 {
		id, err := sayJSON(l.Addr, cookies[0], payload(nil, 0, i, time.Time{}, l.Bytes))
		if err != nil {
			return result{}, err
		}
		ids = append(ids, id)
	}
	before, err := logReads(l.Redis)
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	h, err := subscribe(l, cookies, ids[len(ids)-1-l.ComeBack])
	if err != nil {
		return result{}, err
	}
	defer h.close()
	due := int64(l.N * l.ComeBack)
	h.awaitOld(due)
	r := result{CaughtUp: time.Since(start).Seconds(), Lost: int(due - h.old.Load()), Failed: h.failed.Load()}
	after, err := logReads(l.Redis)
	r.LogReads = after - before
	return r, err
}

// logReads is how often Redis was asked for a part of a log, until now.
func logReads(redis string) (int, error) {
	conn, err := net.Dial("tcp", redis)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	fmt.Fprint(conn, "INFO commandstats\r\nQUIT\r\n")
	stats, err := io.ReadAll(conn)
	sum := 0
	for _, command := range []string{"xrange", "xrevrange"} {
		_, calls, _ := bytes.Cut(stats, []byte("cmdstat_"+command+":calls="))
		n, _, _ := bytes.Cut(calls, []byte(","))
		sum += int(number(n))
	}
	return sum, err
}

func logins(addr string, n int) (cookies []string, err error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for i := range n {
		resp, err := client.PostForm("http://"+addr+"/login", url.Values{"user": {fmt.Sprint("bench", i)}})
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		if len(resp.Cookies()) == 0 {
			return nil, fmt.Errorf("login answered %s and set no cookie", resp.Status)
		}
		c := resp.Cookies()[0]
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	return cookies, nil
}

// sayJSON posts a line and returns its id.
func sayJSON(addr, cookie string, text []byte) (string, error) {
	body, _ := json.Marshal(map[string]string{"text": string(text)})
	req, err := http.NewRequest("POST", "http://"+addr+"/r/0", strings.NewReader(string(body)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Cookie", cookie)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var ev struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&ev); err != nil || ev.ID == "" {
		return "", fmt.Errorf("post answered %s: %v", resp.Status, err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return ev.ID, err
}

// A spread counts durations in steps of 1 %, from a microsecond up. It is for
// one goroutine.
type spread struct {
	n     int64
	slots [2048]int64
}

func (s *spread) add(d time.Duration) {
	i, v := 0, int64(d/time.Microsecond)
	for v >= 128 {
		v >>= 1
		i += 64
	}
	s.slots[min(i+int(max(v, 0)), len(s.slots)-1)]++
	s.n++
}

// at is a quantile in milliseconds.
func (s *spread) at(q float64) float64 {
	want := int64(q*float64(s.n) + .5)
	for i, n := range s.slots {
		if want -= n; want <= 0 && s.n > 0 {
			shift := max(0, (i-64)/64)
			return float64(int64(i-64*shift)<<shift) / 1000
		}
	}
	return 0
}
