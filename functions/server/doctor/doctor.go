// Package doctor looks at the path to a server from outside and says what on
// it keeps streams from being streams, and what mends it.
package doctor

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// What a path may take, and how long the doctor looks.
const (
	doctorIdle     = 65 * time.Second       // more than a CloudFront (30) or an ALB (60) lets pass by default
	doctorPatience = 10 * time.Second       // for an answer's head
	promptly       = time.Second            // in which what was sent has to be here
	pingsEvery     = 15 * time.Second       // what the server promises,
	pingsLate      = 5 * time.Second        // and what a path may add
	postsApart     = 400 * time.Millisecond // a path that gathers less than this is no harm
	postsMade      = 4                      // they and their deletion stay under the limit of posts
)

// A cure is what mends a path, by who is on it.
type cure struct{ nginx, alb, cloudfront string }

const passAll = "OriginRequestPolicyId: b689b0a8-53d0-40ab-baf2-68738e2966ac  # AllViewerExceptHostHeader"

var (
	cureBuffer = &cure{"proxy_buffering off; proxy_cache off;", "",
		"CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad  # CachingDisabled"}
	cureIdle = &cure{"proxy_read_timeout 75s;",
		"aws elbv2 modify-load-balancer-attributes --load-balancer-arn … --attributes Key=idle_timeout.timeout_seconds,Value=75",
		"OriginReadTimeout: 60  # of the origin's CustomOriginConfig"}
	cureGzip   = &cure{"gzip off;", "", "Compress: false"}
	cureResume = &cure{"proxy_pass_request_headers on;", "", passAll}
	cureHTTP   = &cure{`proxy_http_version 1.1; proxy_set_header Connection "";`, "ProtocolVersion: HTTP1  # of the target group", "HttpVersion: http2and3"}
	cureSocket = &cure{`proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`, "ProtocolVersion: HTTP1  # of the target group", passAll}
	cureWrite  = &cure{"", "", "AllowedMethods: [GET, HEAD, OPTIONS, PUT, PATCH, POST, DELETE]"}
)

// A finding is what one look came to. It is a fault if there is a cure.
type finding struct {
	check, said string
	cure        *cure
}

// A doctor looks at a path to a server from outside.
//
// It signs in under a name of its own and speaks in a room of its own, where
// it takes back what it said.
type doctor struct {
	base     string
	room     string
	idle     time.Duration // how long a silent stream is watched
	patience time.Duration
	out      io.Writer
	client   *http.Client

	token    string
	findings []finding
}

var (
	errSick = errors.New("the path has faults")

	// ErrUsage is the kind of error of arguments that say no address.
	ErrUsage = errors.New("usage")
)

// Run is the verb: confab doctor [-idle 65s] [-room doctor] URL.
func Run(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("confab doctor", flag.ContinueOnError)
	fs.SetOutput(out)
	idle := fs.Duration("idle", doctorIdle, "how long to watch a silent stream")
	room := fs.String("room", "doctor", "the room to speak in")
	fs.Usage = func() {
		fmt.Fprintln(out, "usage: confab doctor [-idle 65s] [-room doctor] URL\n\nProves from outside whether a path to a server lets streams through.")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	u, err := url.Parse(fs.Arg(0))
	if err != nil || fs.NArg() != 1 || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		fs.Usage()
		return fmt.Errorf("%w: say one address, as https://chat.example.org", ErrUsage)
	}
	return newDoctor(u, *room, *idle, out).run(ctx)
}

func newDoctor(u *url.URL, room string, idle time.Duration, out io.Writer) *doctor {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.DisableCompression = true // what comes is looked at as it comes
	return &doctor{
		base: u.Scheme + "://" + u.Host, room: room, idle: idle, patience: doctorPatience, out: out,
		client: &http.Client{Transport: tr},
	}
}

func (d *doctor) run(ctx context.Context) error {
	defer d.client.CloseIdleConnections()
	fmt.Fprintf(d.out, "Looking at %s\n\n", d.base)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := d.listen(ctx, "")
	if err != nil {
		d.fault("stream", cureBuffer, "no answer: %v", err)
		d.upgrade(ctx)
		return d.report()
	}
	d.opening(s)
	d.version(s)
	d.compression(s)
	d.flow(ctx, s)
	d.upgrade(ctx)
	d.silence(ctx, s)
	return d.report()
}

func (d *doctor) fine(check, said string, args ...any) { d.fault(check, nil, said, args...) }

func (d *doctor) fault(check string, c *cure, said string, args ...any) {
	d.findings = append(d.findings, finding{check, fmt.Sprintf(said, args...), c})
}

// report prints what was found, and what mends it.
func (d *doctor) report() error {
	sick := false
	fmt.Fprintln(d.out)
	for _, f := range d.findings {
		word := "ok"
		if f.cure != nil {
			word, sick = "FAULT", true
		}
		fmt.Fprintf(d.out, "%-12s %-6s %s\n", f.check, word, f.said)
	}
	if !sick {
		fmt.Fprintln(d.out, "\nThis path is good for streams.")
		return nil
	}
	fmt.Fprintln(d.out, "\nWhat mends it, by who is on the path:")
	for _, f := range d.findings {
		if f.cure == nil {
			continue
		}
		fmt.Fprintf(d.out, "\n%s: %s\n", f.check, f.said)
		for _, by := range []struct{ who, line string }{{"nginx", f.cure.nginx}, {"ALB", f.cure.alb}, {"CloudFront", f.cure.cloudfront}} {
			fmt.Fprintf(d.out, "  %-11s %s\n", by.who, cmp.Or(by.line, "nothing to set"))
		}
	}
	return errSick
}

// A frame is one SSE block.
type frame struct {
	at              time.Time
	id, event, data string
}

// A listening is a stream that is open.
type listening struct {
	res    *http.Response
	asked  time.Time
	frames chan frame // closed when the stream ends
	close  func()
}

// listen opens a stream, from after an id on if there is one.
func (d *doctor) listen(ctx context.Context, after string) (*listening, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, "GET", d.base+"/stream?room="+url.QueryEscape(d.room), nil)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Accept-Encoding", "gzip")
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	d.sign(req)
	s := &listening{asked: time.Now(), frames: make(chan frame, 64), close: cancel}
	late := time.AfterFunc(d.patience, cancel)
	s.res, err = d.client.Do(req)
	if !late.Stop() && err != nil {
		err = fmt.Errorf("not even a head within %v", d.patience)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	if kind := s.res.Header.Get("Content-Type"); s.res.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		cancel()
		s.res.Body.Close()
		return nil, fmt.Errorf("%s, %s", s.res.Status, kind)
	}
	go s.read(ctx)
	return s, nil
}

// read passes frames on until the stream ends.
func (s *listening) read(ctx context.Context) {
	defer close(s.frames)
	defer s.res.Body.Close()
	var body io.Reader = s.res.Body
	if s.res.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return
		}
		body = z
	}
	var f frame
	for lines := bufio.NewScanner(body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			f.id = value
		case "event":
			f.event = value
		case "data":
			f.data = value
		case "":
			f.at = time.Now()
			select {
			case s.frames <- f:
			case <-ctx.Done():
				return
			}
			f = frame{}
		}
	}
}

// next is the next frame that is wanted, or not ok when d has passed or the
// stream has ended.
func (s *listening) next(d time.Duration, wanted func(frame) bool) (frame, bool) {
	late := time.NewTimer(d)
	defer late.Stop()
	for {
		select {
		case f, ok := <-s.frames:
			if !ok || wanted(f) {
				return f, ok
			}
		case <-late.C:
			return frame{}, false
		}
	}
}

func (d *doctor) opening(s *listening) {
	f, ok := s.next(promptly, func(f frame) bool { return f.id != "" })
	if !ok {
		d.fault("stream", cureBuffer, "the head is here, the opening id is not after %v: something on the path buffers", promptly)
		return
	}
	d.fine("stream", "opens with an id after %v", f.at.Sub(s.asked).Round(time.Millisecond))
}

func (d *doctor) version(s *listening) {
	switch {
	case s.res.ProtoMajor == 1 && s.res.ProtoMinor == 0:
		d.fault("HTTP", cureHTTP, "%s: no stream can be kept apart from its connection", s.res.Proto)
	case s.res.ProtoMajor == 1 && s.res.TLS != nil:
		d.fine("HTTP", "%s; with HTTP/2 a browser could hold more than six tabs (nginx: http2 on;)", s.res.Proto)
	default:
		d.fine("HTTP", "%s", s.res.Proto)
	}
}

func (d *doctor) compression(s *listening) {
	if e := s.res.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		d.fault("compression", cureGzip, "the stream comes as %s, which holds events back", e)
		return
	}
	d.fine("compression", "none on the stream")
}

// flow posts lines, one after another, and sees when each is here, and whether
// a second stream goes on where the first was.
func (d *doctor) flow(ctx context.Context, s *listening) {
	if err := d.login(ctx); err != nil {
		d.fault("posts", cureWrite, "nobody can sign in: %v", err)
		return
	}
	var ids []string
	defer func() { d.takeBack(ctx, ids) }()
	worst, missing := time.Duration(0), 0
	var sent []time.Time
	for range postsMade {
		began := time.Now()
		id, err := d.post(ctx)
		if err != nil {
			d.fault("posts", cureWrite, "a line is not accepted: %v", err)
			return
		}
		ids, sent = append(ids, id), append(sent, began)
		wait(ctx, postsApart-time.Since(began))
	}
	d.fine("posts", "accepted")
	for i, id := range ids {
		f, ok := s.next(2*promptly, func(f frame) bool { return f.id == id })
		if !ok {
			missing++
			continue
		}
		worst = max(worst, f.at.Sub(sent[i]))
	}
	switch {
	case missing > 0:
		d.fault("events", cureBuffer, "%d of %d lines were not here %v after the last was sent: something on the path buffers", missing, len(ids), 2*promptly)
	case worst > promptly:
		d.fault("events", cureBuffer, "they come in clumps, up to %v late", worst.Round(10*time.Millisecond))
	default:
		d.fine("events", "each is here within %v", worst.Round(time.Millisecond))
	}
	d.resume(ctx, ids)
}

func (d *doctor) resume(ctx context.Context, ids []string) {
	s, err := d.listen(ctx, ids[0])
	if err != nil {
		d.fault("resume", cureResume, "no second stream: %v", err)
		return
	}
	defer s.close()
	for _, id := range ids[1:] {
		if _, ok := s.next(promptly, func(f frame) bool { return f.id == id && f.data != "" }); !ok {
			d.fault("resume", cureResume, "a stream that asks for what came after %s does not get it: Last-Event-ID is lost on the path", ids[0])
			return
		}
	}
	d.fine("resume", "Last-Event-ID goes on where a stream was cut")
}

// upgrade asks for a WebSocket.
func (d *doctor) upgrade(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", d.base+"/stream?room="+url.QueryEscape(d.room), nil)
	if err != nil {
		return
	}
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		req.Header.Set(name, value)
	}
	d.sign(req)
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.Protocols = new(http.Protocols)
	tr.Protocols.SetHTTP1(true)
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(req)
	if err != nil {
		d.fault("WebSocket", cureSocket, "no answer: %v", err)
		return
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		d.fault("WebSocket", cureSocket, "the upgrade is answered with %s; SSE does without it", res.Status)
		return
	}
	d.fine("WebSocket", "passes")
}

// silence watches a stream on which nothing is said, for pings and for a cut.
func (d *doctor) silence(ctx context.Context, s *listening) {
	fmt.Fprintf(d.out, "Watching a silent stream for %v\n", d.idle)
	began, last := time.Now(), time.Now()
	pings, longest := 0, time.Duration(0)
	end, tick := time.NewTimer(d.idle), time.NewTicker(10*time.Second)
	defer end.Stop()
	defer tick.Stop()
	for {
		select {
		case f, ok := <-s.frames:
			if !ok {
				d.fault("silence", cureIdle, "the stream was cut after %v without a word", time.Since(last).Round(100*time.Millisecond))
				return
			}
			longest, last = max(longest, f.at.Sub(last)), f.at
			if f.event == "bye" {
				d.fine("silence", "the server itself ended the stream after %v, with a bye", time.Since(s.asked).Round(time.Second))
				return
			}
			if f.event == "ping" {
				pings++
			}
			d.progress(began, cmp.Or(f.event, "message"))
		case <-tick.C:
			d.progress(began, "open")
		case <-end.C:
			d.pings(pings, max(longest, time.Since(last)))
			return
		case <-ctx.Done():
			return
		}
	}
}

func (d *doctor) progress(began time.Time, what string) {
	fmt.Fprintf(d.out, "  %3.0f s  %s\n", time.Since(began).Seconds(), what)
}

func (d *doctor) pings(n int, longest time.Duration) {
	late := pingsEvery + pingsLate
	switch {
	case longest > late:
		d.fault("silence", cureBuffer, "%v without a ping, one is sent every %v: something on the path holds them back", longest.Round(time.Second), pingsEvery)
	case d.idle < late:
		d.fine("silence", "open after %v; pings come later, see -idle", d.idle)
	default:
		d.fine("silence", "open after %v, with %d pings", d.idle, n)
	}
}

func (d *doctor) sign(req *http.Request) {
	if d.token != "" {
		req.Header.Set("Authorization", "Bearer "+d.token)
	}
}

func (d *doctor) login(ctx context.Context) error {
	var in struct{ Token string }
	err := d.call(ctx, "POST", "/login", map[string]any{"name": "doctor " + strings.ToLower(rand.Text()[:6]), "token": true}, &in)
	d.token = in.Token
	return err
}

func (d *doctor) post(ctx context.Context) (id string, err error) {
	var ev struct{ ID string }
	err = d.call(ctx, "POST", "/r/"+url.PathEscape(d.room), map[string]any{"text": "The doctor was here."}, &ev)
	return ev.ID, err
}

// takeBack deletes what was said. What is left is no harm.
func (d *doctor) takeBack(ctx context.Context, ids []string) {
	for _, id := range ids {
		_ = d.call(ctx, "DELETE", "/r/"+url.PathEscape(d.room)+"/"+id, nil, nil)
	}
}

// call sends and reads JSON.
func (d *doctor) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, d.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	d.sign(req)
	res, err := d.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return errors.New(res.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(out)
}

// wait sleeps for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
