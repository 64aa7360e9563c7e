package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// A webSocket is one that is open. Its bytes are not read as frames: any of
// them shows that it is alive.
type webSocket struct {
	conn  io.Closer
	ended chan struct{} // closed when it was cut
	at    time.Time     // it was cut, once ended is closed
}

// socket asks for a WebSocket. A chat works without one.
func (d *doctor) socket(ctx context.Context) *webSocket {
	req, err := http.NewRequestWithContext(ctx, "GET", d.origin()+"/stream?room="+url.QueryEscape(d.room), nil)
	if err != nil {
		return nil
	}
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		req.Header.Set(name, value)
	}
	d.asPage(req)
	tr := d.browser.Transport.(*http.Transport).Clone()
	tr.Protocols = new(http.Protocols)
	tr.Protocols.SetHTTP1(true)
	tr.ResponseHeaderTimeout = d.patience
	for _, c := range d.browser.Jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	res, err := tr.RoundTrip(req)
	if err != nil {
		d.note("WebSocket", cureSocket, "no answer: %v; the page does without it", errors.Unwrap(err))
		return nil
	}
	conn, ok := res.Body.(io.ReadWriteCloser)
	if res.StatusCode != http.StatusSwitchingProtocols || !ok {
		res.Body.Close()
		tr.CloseIdleConnections()
		if res.StatusCode == http.StatusForbidden && d.has("login") { // for the same reason
			return nil
		}
		d.note("WebSocket", cureSocket, "the upgrade is answered with %s; the page does without it", res.Status)
		return nil
	}
	w := &webSocket{conn: conn, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		_, _ = io.Copy(io.Discard, conn)
		w.at = time.Now()
	}()
	return w
}

// silence watches a stream and a WebSocket on which nothing is said, for pings
// and for a cut.
func (d *doctor) silence(ctx context.Context, s *listening, w *webSocket) {
	if s == nil && w == nil || d.has("stream") && w == nil {
		return
	}
	fmt.Fprintf(d.out, "Watching silence for %v\n", d.idle)
	began := time.Now()
	if s != nil && !d.has("stream") {
		d.watch(ctx, s, began)
	} else {
		wait(ctx, d.idle)
	}
	if w == nil {
		return
	}
	select {
	case <-w.ended:
	case <-time.After(d.idle - time.Since(began)):
	case <-ctx.Done():
	}
	select {
	case <-w.ended:
		d.note("WebSocket", merge(cureIdle, cureSocket), "it opens, and is cut after %v; the page does without it", w.at.Sub(began).Round(100*time.Millisecond))
	default:
		w.conn.Close()
		d.fine("WebSocket", "open after %v", time.Since(began).Round(time.Second))
	}
}

// watch looks at a stream on which nothing is said.
func (d *doctor) watch(ctx context.Context, s *listening, began time.Time) {
	last := began
	pings, longest := 0, time.Duration(0)
	end, tick := time.NewTimer(d.idle), time.NewTicker(10*time.Second)
	defer end.Stop()
	defer tick.Stop()
	for {
		select {
		case a, ok := <-s.events:
			if !ok {
				d.fault("silence", cureIdle, "the stream was cut after %v without a word", time.Since(last).Round(100*time.Millisecond))
				return
			}
			longest, last = max(longest, a.at.Sub(last)), a.at
			if a.Type == "bye" {
				d.fine("silence", "the server itself ended the stream after %v, with a bye", time.Since(s.asked).Round(time.Second))
				return
			}
			if a.Type == "ping" {
				pings++
			}
			d.progress(began, a.Type)
		case <-tick.C:
			d.progress(began, "open")
		case <-end.C:
			d.pings(s, pings, max(longest, time.Since(last)))
			return
		case <-ctx.Done():
			return
		}
	}
}

func (d *doctor) progress(began time.Time, what string) {
	fmt.Fprintf(d.out, "  %3.0f s  %s\n", time.Since(began).Seconds(), cmp.Or(what, "open"))
}

func (d *doctor) pings(s *listening, n int, longest time.Duration) {
	late := pingsEvery + pingsLate
	switch {
	case longest > late && !d.has("events"):
		d.held(s, "silence", fmt.Sprintf("%v without a ping, one is sent every %v", longest.Round(time.Second), pingsEvery))
	case d.idle < late:
		d.fine("silence", "open after %v; pings come later, see -idle", d.idle)
	case longest <= late:
		d.fine("silence", "open after %v, with %d pings", d.idle, n)
	}
}
