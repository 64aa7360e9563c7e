package doctor

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"confab/shared/sse"
)

// An arrival is an event, and when it came.
type arrival struct {
	sse.Event
	at time.Time
}

// A listening is a stream that is open.
type listening struct {
	res    *http.Response
	asked  time.Time
	events chan arrival // closed when the stream ends
	close  func()
}

// gzipped reports whether something on the path compresses the stream.
func (s *listening) gzipped() bool { return s.res.Header.Get("Content-Encoding") == "gzip" }

// listen opens a stream, from after an id on if there is one.
func (d *doctor) listen(ctx context.Context, after string) (*listening, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, "GET", d.origin()+"/stream?room="+url.QueryEscape(d.room), nil)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Accept-Encoding", "gzip")
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	s := &listening{asked: time.Now(), events: make(chan arrival, 64), close: cancel}
	late := time.AfterFunc(d.patience, cancel)
	s.res, err = d.browser.Do(req)
	if !late.Stop() && err != nil {
		err = fmt.Errorf("not even a head within %v", d.patience)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	if kind := s.res.Header.Get("Content-Type"); s.res.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		said := sentence(s.res)
		cancel()
		s.res.Body.Close()
		return nil, refusal{s.res.StatusCode, strings.TrimSpace(s.res.Status + " " + said)}
	}
	go s.read(ctx)
	return s, nil
}

// A refusal is an answer that is no stream.
type refusal struct {
	status int
	said   string
}

func (r refusal) Error() string { return r.said }

// read passes events on until the stream ends.
func (s *listening) read(ctx context.Context) {
	defer close(s.events)
	defer s.res.Body.Close()
	var body io.Reader = s.res.Body
	if s.gzipped() {
		z, err := gzip.NewReader(body)
		if err != nil {
			return
		}
		body = z
	}
	for events := sse.NewScanner(body); events.Scan(); {
		select {
		case s.events <- arrival{events.Event(), time.Now()}:
		case <-ctx.Done():
			return
		}
	}
}

// next is the next event that is wanted, or not ok when t has passed or the
// stream has ended.
func (s *listening) next(t time.Duration, wanted func(arrival) bool) (arrival, bool) {
	late := time.NewTimer(t)
	defer late.Stop()
	for {
		select {
		case a, ok := <-s.events:
			if !ok || wanted(a) {
				return a, ok
			}
		case <-late.C:
			return arrival{}, false
		}
	}
}

// stream opens one and looks at its beginning.
func (d *doctor) stream(ctx context.Context) *listening {
	s, err := d.listen(ctx, "")
	switch refused, ok := err.(refusal); {
	case ok && refused.status == http.StatusTooManyRequests:
		d.fault("stream", cureLimit, "%v: behind a proxy that is not trusted all visitors are one address", err)
		return nil
	case ok:
		d.fault("stream", cureTarget, "%v", err)
		return nil
	case err != nil:
		d.fault("stream", cureBuffer, "%v: something on the path waits for its end", err)
		return nil
	}
	if s.res.ProtoMajor == 1 && s.res.ProtoMinor == 0 {
		d.note("HTTP", cureHTTP, "%s: a cut cannot be told from an end", s.res.Proto)
	}
	a, ok := s.next(promptly, func(a arrival) bool { return a.ID != "" })
	if !ok {
		d.held(s, "stream", fmt.Sprintf("the head is here, but nothing of the stream within %v", promptly))
		return s
	}
	d.fine("stream", "opens after %v", a.at.Sub(s.asked).Round(time.Millisecond))
	return s
}

// held says that something keeps back what was sent. Where the stream is
// compressed that may be the reason.
func (d *doctor) held(s *listening, check, what string) {
	if s.gzipped() {
		d.fault(check, merge(cureGzip, cureBuffer), "%s: something on the path compresses it, and holds it back", what)
		return
	}
	d.fault(check, cureBuffer, "%s: something on the path buffers", what)
}

func merge(cures ...cure) cure {
	all := cure{}
	for _, c := range cures {
		for by, lines := range c {
			all[by] = strings.TrimSpace(all[by] + "\n" + lines)
		}
	}
	return all
}

// events looks when each of the lines that were sent arrived.
func (d *doctor) events(ctx context.Context, s *listening, ids []string, sent []time.Time) {
	if d.has("stream") {
		return // for the same reason
	}
	worst, missing := time.Duration(0), 0
	for i, id := range ids {
		a, ok := s.next(2*promptly, func(a arrival) bool { return a.ID == id })
		if !ok {
			missing++
			continue
		}
		worst = max(worst, a.at.Sub(sent[i]))
	}
	switch {
	case missing > 0:
		d.held(s, "events", fmt.Sprintf("%d of %d lines are not here %v after the last was sent", missing, len(ids), 2*promptly))
	case worst > promptly:
		d.held(s, "events", fmt.Sprintf("lines come in clumps, up to %v late", worst.Round(10*time.Millisecond)))
	default:
		d.fine("events", "each line is here within %v", worst.Round(time.Millisecond))
		if s.gzipped() {
			d.note("compression", cureGzip, "the stream is compressed on the path; that delays nothing, and only costs")
		}
	}
	if !d.has("events") {
		d.resume(ctx, ids)
	}
}

// resume looks whether a second stream goes on where the first one was.
func (d *doctor) resume(ctx context.Context, ids []string) {
	s, err := d.listen(ctx, ids[0])
	if err != nil {
		d.fault("resume", cureBuffer, "no second stream: %v", err)
		return
	}
	defer s.close()
	for _, id := range ids[1:] {
		if _, ok := s.next(promptly, func(a arrival) bool { return a.ID == id && a.Type == sse.Message }); !ok {
			d.fault("resume", cureResume, "a stream that asks for what came after %s does not get it: Last-Event-ID is lost on the path", ids[0])
			return
		}
	}
	d.fine("resume", "Last-Event-ID goes on where a stream was cut")
}
