package main_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"
)

// Without flags every scenario has one short round: make test. With them it
// is make torture.
var (
	tortureRounds  = flag.Int("torture.rounds", 1, "rounds of each torture scenario")
	tortureSeed    = flag.Uint64("torture.seed", 1, "seed of the first round; the next has the next")
	tortureMinutes = flag.Float64("torture.minutes", 0, "minutes for all torture scenarios together, about")
)

const (
	scenarios    = 24                      // about: what torture.minutes is divided by
	shortRound   = 1500 * time.Millisecond // of load, before and after what goes wrong
	patience     = 40 * time.Second        // for what was said to be everywhere in the end
	postPatience = 8 * time.Second         // an author's, for one answer
	deadAfter    = 25 * time.Second        // without a byte, pings included, a reader comes back by itself
)

// torture runs a scenario as often as was asked for, each round with a seed of
// its own.
func torture(t *testing.T, name string, scenario func(*round)) {
	t.Parallel()
	rounds(t, name, scenario)
}

// tortureAlone has the machine for itself in make torture: it compares times.
func tortureAlone(t *testing.T, name string, scenario func(*round)) {
	if *tortureMinutes == 0 {
		t.Parallel()
	}
	rounds(t, name, scenario)
}

func rounds(t *testing.T, name string, scenario func(*round)) {
	for i := range *tortureRounds {
		seed := *tortureSeed + uint64(i)
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			scenario(&round{T: t, name: name, rnd: rand.New(rand.NewPCG(seed, 0))})
		})
	}
}

// A round is one run of a scenario.
type round struct {
	*testing.T
	name string
	rnd  *rand.Rand
}

// calm lets the load run for a while: under a second in the short round.
func (r *round) calm() {
	d := shortRound
	if long := time.Duration(*tortureMinutes * float64(time.Minute) / float64(scenarios**tortureRounds*2)); long > d {
		d = long
	}
	time.Sleep(d/2 + time.Duration(r.rnd.Int64N(int64(d))))
}

// some is a number for the short round, and another for the long one; fewer
// under the race detector, which makes all of it several times slower.
func some(short, long int) int {
	switch {
	case *tortureMinutes > 0:
		return long
	case raceEnabled:
		return max(1, short/2)
	}
	return short
}

// openTo has no limits in the way, and a key that several servers share.
func openTo(redis string, env ...string) []string {
	return append([]string{
		"REDIS_URL=" + redis, "SESSION_KEYS=0123456789abcdef0123456789abcdef", "HISTORY=0",
		"POSTS_PER_SECOND=0", "STREAMS_PER_USER=0", "STREAMS_PER_ADDRESS=0",
	}, env...)
}

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

	figures figures // after finish
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
	l.stopReading = stop
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
	c := (&server{tb: r, URL: bases[0]}).login(name)
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
			time.Sleep(10 * time.Millisecond)
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
			time.Sleep(wait)
		}
	}
}

// notSent reports whether nobody listened at all.
func notSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
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
	var ev event
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
			Events []event
			More   bool
		}
		code, err := l.get("/r/"+room+"?"+query.Encode(), &page)
		switch {
		case err == nil && code == http.StatusServiceUnavailable && time.Now().Before(giveUp):
			time.Sleep(100 * time.Millisecond)
			continue
		case err != nil || code != http.StatusOK:
			l.Fatalf("history of %s: %d %v", room, code, err)
		}
		var steps []step
		for _, ev := range page.Events {
			steps = append(steps, step{Room: ev.Room, ID: ev.ID, Text: ev.Text})
		}
		all = append(steps, all...)
		if !page.More || len(steps) == 0 {
			return all
		}
		query.Set("before", steps[0].ID)
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

// A watcher is a reader whose screen is judged. It comes back as an
// EventSource does, at once or when a bye says so.
type watcher struct {
	base func() string
	rnd  *rand.Rand
	cut  time.Duration
	halt atomic.Bool // it stops reading
	slow bool        // it will, its system keeps little for it, and it is not in the figures

	mu sync.Mutex // guards what follows, until run has returned
	screen
	last    string
	conns   int
	byes    []time.Time
	refused map[int]int
}

func (w *watcher) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := w.once(ctx, w.base())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// once is one connection. It returns how long to stay away.
func (w *watcher) once(ctx context.Context, base string) time.Duration {
	const again = 30 * time.Millisecond
	u, err := url.Parse(base + "/stream?" + url.Values{"room": w.Rooms}.Encode())
	if err != nil {
		return again
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return again
	}
	defer conn.Close()
	if w.slow {
		conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if w.cut > 0 {
		life := time.Duration(w.rnd.Int64N(int64(2*w.cut) + 1))
		if w.rnd.IntN(8) == 0 {
			life = time.Duration(w.rnd.Int64N(int64(10 * time.Millisecond))) // before the first event, or the head
		}
		defer time.AfterFunc(life, func() { conn.Close() }).Stop()
	}
	req := "GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAccept: text/event-stream\r\n"
	w.mu.Lock()
	if w.last != "" {
		req += "Last-Event-ID: " + w.last + "\r\n"
	}
	w.conns++
	w.mu.Unlock()
	if _, err := io.WriteString(conn, req+"\r\n"); err != nil {
		return again
	}
	conn.SetReadDeadline(time.Now().Add(deadAfter))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return again
	}
	if resp.StatusCode != http.StatusOK {
		w.mu.Lock()
		w.refused[resp.StatusCode]++
		w.mu.Unlock()
		return 5 * again
	}
	pause := again
	blocks(resp.Body, func(id, kind, data string) {
		for w.halt.Load() && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		conn.SetReadDeadline(time.Now().Add(deadAfter))
		if after := w.take(id, kind, data); after > 0 {
			pause = after
		}
	})
	return pause
}

// take puts a block on the screen. It returns what a bye says.
func (w *watcher) take(id, kind, data string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if id != "" {
		w.last = id
		if w.Opened.IsZero() {
			w.Opened = now
		}
	}
	var ev struct {
		event
		Retry int64
	}
	if data == "" || json.Unmarshal([]byte(data), &ev) != nil {
		return 0
	}
	switch kind {
	case "reset", "message":
		w.Steps = append(w.Steps, step{Room: ev.Room, ID: ev.ID, Text: ev.Text, Reset: kind == "reset", At: now})
	case "bye":
		after := time.Duration(ev.Retry) * time.Millisecond
		w.byes = append(w.byes, now.Add(after))
		return after + 1
	}
	return 0
}

// ended reports whether the last line of each of its rooms is on the screen.
func (w *watcher) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	ends := 0
	for _, st := range w.Steps[max(0, len(w.Steps)-4*len(w.Rooms)):] {
		if strings.HasPrefix(st.Text, "the end of ") {
			ends++
		}
	}
	return ends >= len(w.Rooms)
}

// figures are what the table shows and no test asserts.
type figures struct {
	name                                      string
	rounds, acked, readers, conns             int
	lost, doubled, misordered, forged, resets int
	silence, p99, back, slowest               time.Duration
	calmly, roughly                           time.Duration // p99 in these spells
	notes                                     string
}

var table struct {
	sync.Mutex
	rows []figures
}

func (l *load) report(v verdict) {
	f := figures{
		name: l.name, rounds: 1, readers: len(l.readers), slowest: l.slowest,
		lost: v.Lost, doubled: v.Doubled, misordered: v.Misordered, forged: v.Forged, resets: v.Resets,
	}
	for _, ln := range l.lines {
		if !ln.Acked.IsZero() {
			f.acked++
		}
	}
	for _, w := range l.readers {
		f.conns += w.conns
		if !w.slow {
			f.silence = max(f.silence, l.silence(w))
			f.back = max(f.back, l.back(w))
		}
	}
	f.p99 = l.p99(spell{l.began, time.Now()})
	if len(l.errs) > 0 {
		l.Logf("posts without an answer: %v", l.errs)
	}
	f.notes = fmt.Sprint("posts ", codes(l.codes), " streams refused ", codes(l.refusals()))
	if !l.roughly.to.IsZero() {
		f.calmly, f.roughly = l.p99(l.calmly), l.p99(l.roughly)
		f.notes += fmt.Sprint(" p99 while calm ", f.calmly.Round(time.Millisecond/10), ", then ", f.roughly.Round(time.Millisecond/10))
	}
	f.notes += l.remark
	l.figures = f
	table.Lock()
	defer table.Unlock()
	table.rows = append(table.rows, f)
}

func (l *load) refusals() map[int]int {
	all := map[int]int{}
	for _, w := range l.readers {
		for code, n := range w.refused {
			all[code] += n
		}
	}
	return all
}

func codes(m map[int]int) string { return strings.TrimPrefix(fmt.Sprint(m), "map") }

// p99 is how long readers waited for what was said in a spell.
func (l *load) p99(in spell) time.Duration {
	said := map[string]*line{}
	for _, ln := range l.lines {
		if in.has(ln.Sent) {
			said[ln.Text] = ln
		}
	}
	var took []time.Duration
	for _, w := range l.readers {
		if !w.slow {
			took = append(took, l.times(w, said)...)
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// checkOthers fails if who had no part in it waited longer than when it was calm.
func (l *load) checkOthers() {
	l.Helper()
	least := time.Second // where CI and the race detector are at work too
	if *tortureMinutes > 0 {
		least = 50 * time.Millisecond
	}
	if f := l.figures; f.calmly == 0 || f.roughly == 0 || f.roughly > max(3*f.calmly, least) {
		l.Errorf("the others' p99 was %v while it was calm and %v then", f.calmly, f.roughly)
	}
}

// times are how long a reader waited for lines that were said only once.
func (l *load) times(w *watcher, said map[string]*line) (took []time.Duration) {
	for _, st := range w.Steps {
		if ln := said[st.Text]; ln != nil && ln.Tries == 1 && ln.Sent.After(w.Opened) && !w.Opened.IsZero() {
			took = append(took, st.At.Sub(ln.Sent))
		}
	}
	return took
}

// silence is the longest that a reader saw nothing while authors were at work.
func (l *load) silence(w *watcher) (longest time.Duration) {
	last := cmp.Or(w.Opened, l.began)
	for _, st := range w.Steps {
		if st.At.After(l.ended) {
			break
		}
		longest = max(longest, st.At.Sub(last))
		last = st.At
	}
	return max(longest, l.ended.Sub(last))
}

// back is how long a reader waited after what was broken was whole.
func (l *load) back(w *watcher) time.Duration {
	if l.healed.IsZero() {
		return 0
	}
	for _, st := range w.Steps {
		if st.At.After(l.healed) {
			return st.At.Sub(l.healed)
		}
	}
	return patience
}

// printTable says what all rounds of each scenario came to.
func printTable(to io.Writer) {
	sum := map[string]*figures{}
	var names []string
	for _, f := range table.rows {
		s := sum[f.name]
		if s == nil {
			s = &figures{name: f.name}
			sum[f.name] = s
			names = append(names, f.name)
		}
		s.rounds, s.acked, s.conns, s.resets = s.rounds+1, s.acked+f.acked, s.conns+f.conns, s.resets+f.resets
		s.lost, s.doubled, s.misordered, s.forged = s.lost+f.lost, s.doubled+f.doubled, s.misordered+f.misordered, s.forged+f.forged
		s.readers, s.silence, s.p99 = max(s.readers, f.readers), max(s.silence, f.silence), max(s.p99, f.p99)
		s.back, s.slowest, s.notes = max(s.back, f.back), max(s.slowest, f.slowest), f.notes
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	tw := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "scenario\trounds\tacked\treaders\tstreams\tlost/doubled/misordered\tforged\tresets\tsilence\tp99\tback after\tslowest post\tlast round")
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + " ms" }
	for _, name := range names {
		s := sum[name]
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d/%d/%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", s.name, s.rounds, s.acked, s.readers, s.conns,
			s.lost, s.doubled, s.misordered, s.forged, s.resets, ms(s.silence), ms(s.p99), ms(s.back), ms(s.slowest), s.notes)
	}
	tw.Flush()
}

func tortured() bool { return *tortureMinutes > 0 || *tortureRounds > 1 || testing.Verbose() }
