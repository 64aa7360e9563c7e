package faults_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"confab/functions/server/e2e/internal/process"
)

// A load is authors and readers at work.
type load struct {
	*round
	plan
	bases   []string // where to post, and to read unless there are doors
	rooms   []string
	authors []*http.Client
	readers []*watcher

	began, ended time.Time
	writing      sync.WaitGroup
	reading      sync.WaitGroup
	stopWriting  context.CancelFunc
	readingCtx   context.Context
	stopReading  context.CancelFunc

	mu      sync.Mutex // guards what follows, and that authors grows
	lines   []*line
	codes   map[int]int // answers to posts
	slowest time.Duration
	mended  time.Time // see history
	healed  time.Time // when flowing may begin again
	hasty   int       // 503 or 429 without Retry-After
	errs    []error   // of posts without an answer

	// What was said in the first is compared with what was said in the second.
	calmly, roughly spell
	remark          string // for the table, after the rest

	figures figures           // after finish,
	logs    map[string][]step // and what each room's log holds
}

// A spell is part of a round.
type spell struct{ from, to time.Time }

func (s spell) has(at time.Time) bool { return !at.Before(s.from) && at.Before(s.to) }

// A plan says how much of a load there is.
type plan struct {
	rooms, readers, authors int
	pace                    time.Duration // of one author
	cut                     time.Duration // readers are cut after about so long, 0: never
	fill                    int           // bytes in a line
	slow                    int           // readers that will stop reading
	doors                   []string      // where to read
}

func (r *round) load(p plan, bases ...string) *load {
	r.Helper()
	p.rooms, p.readers, p.authors = cmp.Or(p.rooms, 3), cmp.Or(p.readers, some(12, 60)), cmp.Or(p.authors, 3)
	p.pace = cmp.Or(p.pace, 40*time.Millisecond)
	l := &load{round: r, plan: p, bases: bases, codes: map[int]int{}, began: time.Now()}
	for i := range p.rooms {
		l.rooms = append(l.rooms, fmt.Sprint("room", i))
	}
	for i := range p.authors {
		l.authors = append(l.authors, r.author(fmt.Sprint("author ", i), bases))
	}
	rctx, stop := context.WithCancel(context.Background())
	l.readingCtx, l.stopReading = rctx, stop
	for i := range p.readers {
		w := l.watcher(i)
		l.readers = append(l.readers, w)
		l.reading.Go(func() { w.run(rctx) })
	}
	wctx, stop := context.WithCancel(context.Background())
	l.stopWriting = stop
	for i := range l.authors {
		l.writing.Go(func() { l.write(wctx, i) })
	}
	r.Cleanup(func() {
		l.stopWriting()
		l.stopReading()
		l.writing.Wait()
		l.reading.Wait()
	})
	return l
}

// author signs in and returns a client that, like any balancer, connects to
// another server when one is not there.
func (r *round) author(name string, bases []string) *http.Client {
	r.Helper()
	c := (&process.Server{Tb: r, URL: bases[0]}).Login(name)
	c.Timeout = postPatience
	tr := &http.Transport{MaxIdleConnsPerHost: 8, DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		var d net.Dialer
		for _, base := range append([]string{addr}, bases...) {
			if conn, err = d.DialContext(ctx, network, strings.TrimPrefix(base, "http://")); err == nil {
				break
			}
		}
		return conn, err
	}}
	c.Transport = tr
	r.Cleanup(tr.CloseIdleConnections)
	return c
}

// watcher is a reader of one room, every fifth of two; half from the beginning.
func (l *load) watcher(i int) *watcher {
	rooms := []string{l.rooms[i%len(l.rooms)]}
	if i%5 == 4 && len(l.rooms) > 1 {
		rooms = append(rooms, l.rooms[(i+1)%len(l.rooms)])
	}
	slices.Sort(rooms)
	w := &watcher{screen: screen{Rooms: rooms, All: i%2 == 0}, refused: map[int]int{}, rnd: rand.New(rand.NewPCG(l.rnd.Uint64(), 0)), cut: l.cut, slow: i < l.slow}
	if w.All {
		w.last = strings.TrimSuffix(strings.Repeat("0-0,", len(rooms)), ",")
	}
	at, doors := i, l.doors
	if doors == nil {
		doors = l.bases
	}
	w.base = func() string { at++; return doors[at%len(doors)] }
	return w
}

// write says lines until ctx ends. Two of three are insisted on under a key,
// as the page does; the third is said once, answered or not.
func (l *load) write(ctx context.Context, author int) {
	tick := time.NewTicker(l.pace)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		ln := l.line(l.rooms[n%len(l.rooms)], fmt.Sprintf("%d says %d%s", author, n, strings.Repeat(".", l.fill)))
		key := ""
		if n%3 != 2 {
			key = fmt.Sprintf("key-%d-%d", author, n)
		}
		l.insist(ctx, author, ln, key)
		if n%6 == 1 { // once more, as if the answer had not come
			l.insist(ctx, author, ln, key)
		}
	}
}

// line is one that somebody is about to say.
func (l *load) line(room, text string) *line {
	ln := &line{Room: room, Text: text, Sent: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, ln)
	return ln
}

// insist says a line until it is answered, if it has a key. When ctx has ended
// it is still insisted on for a while, and then is one of the unanswered.
func (l *load) insist(ctx context.Context, author int, ln *line, key string) {
	at := author
	giveUp := time.Now().Add(patience)
	for time.Now().Before(giveUp) {
		code, id, retry, err := l.say(l.bases[at%len(l.bases)], author, ln, key)
		if notSent(err) && len(l.bases) > 1 && ctx.Err() == nil { // as a balancer does, at the next server
			at++
			pause(10 * time.Millisecond)
			continue
		}
		l.mu.Lock()
		ln.Tries++
		ln.Refused = err == nil && code >= 400 && code < 500 && (ln.Tries == 1 || ln.Refused)
		good := err == nil && (code == http.StatusOK || code == http.StatusCreated)
		if good {
			ln.IDs = append(ln.IDs, id)
			if ln.Acked.IsZero() {
				ln.Acked = time.Now()
			}
		}
		if err == nil && (code == 503 || code == 429) && retry == "" {
			l.hasty++
		}
		l.codes[code]++
		if err != nil {
			l.errs = append(l.errs, err)
		}
		l.mu.Unlock()
		if good || key == "" || (err == nil && code < 500 && code != 429) {
			return
		}
		at++
		wait := 50 * time.Millisecond
		if code == 429 {
			wait = time.Second
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			pause(wait)
		}
	}
}

func (l *load) say(base string, author int, ln *line, key string) (code int, id, retry string, err error) {
	body, _ := json.Marshal(map[string]string{"text": ln.Text})
	req, err := http.NewRequest("POST", base+"/r/"+ln.Room, bytes.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	l.mu.Lock()
	client := l.authors[author]
	l.mu.Unlock()
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	var ev process.Event
	err = json.NewDecoder(resp.Body).Decode(&ev)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest = max(l.slowest, time.Since(start))
	return resp.StatusCode, ev.ID, resp.Header.Get("Retry-After"), err
}

// heal says that what was broken is whole, from now on.
func (l *load) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.healed = time.Now()
}

// finish ends the load, waits until all screens show all there is, and fails
// the test unless everybody saw everything once and in order. Resets are for
// the caller to judge.
func (l *load) finish() verdict {
	l.Helper()
	l.ended = time.Now()
	l.stopWriting()
	l.writing.Wait()
	for _, room := range l.rooms {
		ln := l.line(room, "the end of "+room)
		l.insist(context.Background(), 0, ln, "end-"+room)
		if ln.Acked.IsZero() {
			l.Errorf("posts did not come back: %v", l.codes)
		}
	}
	l.awaitEnds()
	l.stopReading()
	l.reading.Wait()
	h := history{Lines: l.lines, Log: map[string][]step{}, Mended: l.mended}
	l.logs = h.Log
	for _, room := range l.rooms {
		h.Log[room] = l.log(room)
	}
	for _, w := range l.readers {
		h.Screens = append(h.Screens, &w.screen)
	}
	v := judge(h)
	if v.bad() > 0 {
		l.Errorf("%d lost, %d doubled, %d out of order, %d forged:\n\t%s", v.Lost, v.Doubled, v.Misordered, v.Forged, strings.Join(v.Notes, "\n\t"))
	}
	if l.hasty > 0 {
		l.Errorf("%d answers of 503 or 429 without Retry-After", l.hasty)
	}
	l.report(v)
	return v
}

func (l *load) awaitEnds() {
	late := time.After(patience)
	for _, w := range l.readers {
		for !w.ended() {
			select {
			case <-late:
				return // the checker says what is missing
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

// log reads all of a room, page by page.
func (l *load) log(room string) (all []step) {
	query := url.Values{"limit": {"100"}}
	giveUp := time.Now().Add(patience)
	for {
		var page struct {
			Events []process.Event
			More   bool
		}
		code, err := l.get("/r/"+room+"?"+query.Encode(), &page)
		switch {
		case err == nil && code == http.StatusServiceUnavailable && time.Now().Before(giveUp):
			pause(100 * time.Millisecond)
			continue
		case err != nil || code != http.StatusOK:
			l.Fatalf("history of %s: %d %v", room, code, err)
		}
		var steps []step
		for _, ev := range page.Events {
			if ev.Kind == "message" {
				steps = append(steps, step{Room: ev.Room, ID: ev.ID, Text: ev.Text})
			}
		}
		all = append(steps, all...)
		if !page.More || len(page.Events) == 0 {
			return all
		}
		query.Set("before", page.Events[0].ID)
	}
}

func (l *load) get(path string, v any) (code int, err error) {
	req, err := http.NewRequest("GET", l.bases[0]+path, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := l.authors[0].Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, json.NewDecoder(resp.Body).Decode(v)
}
