package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/shared/chat"
	"confab/shared/sse"
	"confab/shared/testenv"
)

// A crowd is people who chat in the lobby, each from an address of their own.
// Each reads a stream, and takes the time until their own lines are on it.
type crowd struct {
	t      *testing.T
	s      *process.Server
	ctx    context.Context // of the streams
	cancel func()
	ended  atomic.Bool // nobody says anything more

	talkers, readers sync.WaitGroup

	mu     sync.Mutex // guards what follows
	said   map[string]int
	seen   map[string]int
	recent []time.Duration // since window was called
}

func startCrowd(t *testing.T, s *process.Server) *crowd {
	c := &crowd{t: t, s: s, said: map[string]int{}, seen: map[string]int{}}
	c.ctx, c.cancel = context.WithCancel(t.Context())
	for i := range chatters {
		name, address := fmt.Sprint("chatter", i), fmt.Sprintf("10.9.%d.7", i)
		client := newcomer(t, s, name, address, 0)
		reading := make(chan struct{})
		c.readers.Go(func() { c.read(client, name, reading) })
		<-reading
		c.talkers.Go(func() { c.talk(client, name, i) })
	}
	return c
}

// talk says a line now and then, which carries the time.
func (c *crowd) talk(client *http.Client, name string, i int) {
	pause(saysEvery * time.Duration(i) / chatters)
	for !c.ended.Load() {
		text := fmt.Sprintf("line %s %d", name, time.Now().UnixNano())
		if err := ask(client, "POST", c.s.URL+"/r/lobby", fmt.Sprintf(`{"text":%q}`, text), nil); err != nil {
			c.t.Errorf("%s: %v", name, err)
			return
		}
		c.mu.Lock()
		c.said[name]++
		c.mu.Unlock()
		pause(saysEvery)
	}
}

func (c *crowd) read(client *http.Client, name string, reading chan struct{}) {
	req, err := http.NewRequestWithContext(c.ctx, "GET", c.s.URL+"/stream?room=lobby", nil)
	if err != nil {
		c.t.Error(err)
		return
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := client.Do(req)
	close(reading)
	if err != nil {
		c.t.Errorf("%s: %v", name, err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		c.t.Errorf("the stream of %s: %s", name, res.Status)
	}
	for scan := sse.NewScanner(res.Body); scan.Scan(); {
		var ev chat.Event
		if json.Unmarshal([]byte(scan.Event().Data), &ev) != nil || ev.By.Name != name || ev.Kind != chat.Message {
			continue
		}
		ns, _ := strconv.ParseInt(ev.Text[strings.LastIndex(ev.Text, " ")+1:], 10, 64)
		c.mu.Lock()
		c.seen[name]++
		c.recent = append(c.recent, time.Since(time.Unix(0, ns)))
		c.mu.Unlock()
	}
}

// window returns how long lines took since it was called last.
func (c *crowd) window() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	window := c.recent
	c.recent = nil
	return window
}

func (c *crowd) stop() {
	c.ended.Store(true)
	c.talkers.Wait()
	if !testenv.Holds(patience, func() bool { c.mu.Lock(); defer c.mu.Unlock(); return sum(c.said) <= sum(c.seen) }) {
		c.t.Error("not all that was said is on the streams")
	}
	c.cancel()
	c.readers.Wait()
}

func (c *crowd) check() {
	for name, n := range c.said {
		if c.seen[name] != n {
			c.t.Errorf("%s said %d lines and saw %d of them", name, n, c.seen[name])
		}
	}
}

func sum(counts map[string]int) (n int) {
	for _, one := range counts {
		n += one
	}
	return n
}

// ask sends JSON, must be answered well, and reads the answer into v.
func ask(c *http.Client, method, url, body string, v any) error {
	res, err := send(c, method, url, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusBadRequest {
		why, _ := io.ReadAll(res.Body)
		return fmt.Errorf("%s %s: %s %s", method, url, res.Status, why)
	}
	if v == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(v)
}
