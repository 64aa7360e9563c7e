//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Publishers post lines.
type publishers struct {
	load    load
	cookies []string
	subs    *subscribers

	sent, failed atomic.Int64
	active       time.Duration

	mu    sync.Mutex
	trips spread
}

type job struct {
	seq int
	at  time.Time
}

// payload is "@@room.number.nanoseconds@@" and filling. A zero time marks a
// line from before the measurement.
func payload(b []byte, room, seq int, at time.Time, size int) []byte {
	ns := int64(0)
	if !at.IsZero() {
		ns = at.UnixNano()
	}
	b = fmt.Appendf(b, "%s%d.%d.%d%s", mark, room, seq, ns, mark)
	for len(b) < size {
		b = append(b, "the quick brown fox jumps over the lazy dog "[len(b)%44])
	}
	return b
}

// warm posts a few lines that are not counted, one a room at most.
func (p *publishers) warm() {
	c := &client{addr: p.load.Addr}
	defer c.close()
	rooms := min(p.load.Rooms, 5)
	for seq := range rooms {
		_ = c.post(p.form(job{seq, time.Unix(0, 1)}), p.cookie(0))
	}
	if !p.load.Deaf {
		wait(&p.subs.warmed, int64(rooms*p.load.N/p.load.Rooms*p.load.Each))
	}
}

func (p *publishers) cookie(i int) string {
	if len(p.cookies) == 0 {
		return ""
	}
	return p.cookies[i%len(p.cookies)]
}

func (p *publishers) form(j job) string {
	room := j.seq % p.load.Rooms
	return "room=" + strconv.Itoa(room) + "&message=" + url.QueryEscape(string(payload(nil, room, j.seq, j.at, p.load.Bytes)))
}

// run posts at the rate, or as fast as the window allows. A line carries the
// moment at which it was due, so waiting to be sent counts as latency.
func (p *publishers) run() {
	jobs := make(chan job, 1<<16)
	var wg sync.WaitGroup
	for i := range p.load.Publishers {
		wg.Go(func() { p.publish(i, jobs) })
	}
	start := time.Now()
	for seq := 0; ; seq++ {
		if p.load.Rate > 0 {
			due := start.Add(time.Duration(float64(seq) / p.load.Rate * 1e9))
			if due.Sub(start).Seconds() >= p.load.Seconds {
				break
			}
			time.Sleep(time.Until(due))
			jobs <- job{seq, time.Now()}
			continue
		}
		if time.Since(start).Seconds() >= p.load.Seconds {
			break
		}
		if p.subs.slots != nil {
			p.subs.slots <- struct{}{}
		} else if len(jobs) > p.load.Publishers {
			time.Sleep(50 * time.Microsecond)
		}
		jobs <- job{seq: seq}
	}
	close(jobs)
	wg.Wait()
	p.active = time.Since(start)
}

func (p *publishers) publish(i int, jobs <-chan job) {
	c := &client{addr: p.load.Addr}
	defer c.close()
	var trips spread
	for j := range jobs {
		if j.at.IsZero() {
			j.at = time.Now()
		}
		body, begin := p.form(j), time.Now()
		if err := c.post(body, p.cookie(i)); err != nil {
			p.failed.Add(1)
			continue
		}
		trips.add(time.Since(begin))
		p.sent.Add(1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trips.n += trips.n
	for k, n := range trips.slots {
		p.trips.slots[k] += n
	}
}

// expected is how many deliveries are due.
func (p *publishers) expected() int64 {
	if p.load.Deaf {
		return 0
	}
	return p.sent.Load() * int64(p.load.N-p.load.Stalled) / int64(p.load.Rooms) * int64(p.load.Each)
}

func (p *publishers) p99() float64 { return p.trips.at(.99) }

// A client is one connection.
type client struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
}

func (c *client) post(body, cookie string) error {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			return err
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	_, err := fmt.Fprintf(c.conn, "POST /post HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\nCookie: %s\r\nContent-Length: %d\r\n\r\n%s", cookie, len(body), body)
	if err != nil {
		c.close()
		return err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.close()
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("post answered %s", resp.Status)
	}
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}
