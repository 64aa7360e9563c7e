package faults_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// What changes in each room of a moderated load. All are open but the last, which
// the others of the load do not read.
const (
	bannedFrom = "room0"
	lockedRoom = "room1"
	ofMembers  = "room2"
)

// A moderation changes rights while a load runs: it bans people, locks a room and
// takes membership away, and gives all of it back.
type moderation struct {
	*load
	owner   *http.Client
	private string // a room that only members read
	ctx     context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu       sync.Mutex // guards what follows
	denials  []denial
	subjects []subject
}

// moderate starts a load in rooms of an owner, with people whose rights change.
func (r *round) moderate(p plan, bases ...string) *moderation {
	r.Helper()
	m := &moderation{owner: r.author("the owner", bases)}
	m.load = &load{round: r, bases: bases}
	for _, room := range []string{bannedFrom, lockedRoom, ofMembers} {
		m.must(http.StatusCreated, "POST", "/rooms", fmt.Sprintf(`{"room":%q,"title":%q}`, room, room))
	}
	m.private = m.must(http.StatusCreated, "POST", "/rooms", `{"title":"Family","access":"private"}`).Room
	m.load = r.load(p, bases...)
	m.ctx, m.stop = context.WithCancel(context.Background())
	r.Cleanup(func() { m.stop(); m.work.Wait() })
	for _, author := range m.authors {
		m.must(http.StatusOK, "PUT", "/r/"+ofMembers+"/members/"+m.idOf(author), `{"role":"member"}`)
	}
	m.must(http.StatusOK, "PATCH", "/r/"+ofMembers, `{"posting":"members"}`)
	for i := range some(3, 6) {
		m.subject(i)
	}
	m.goRun(m.lockAndUnlock)
	m.goRun(m.talkInPrivate)
	return m
}

func (m *moderation) goRun(f func(*rand.Rand)) {
	rnd := rand.New(rand.NewPCG(m.rnd.Uint64(), 0))
	m.work.Go(func() { f(rnd) })
}

// subject lets one more person in, who speaks and reads everywhere. One in three
// is banned, one loses a membership and one is put out of the private room.
func (m *moderation) subject(i int) {
	m.Helper()
	client := m.author(fmt.Sprint("subject ", i), m.bases)
	id := m.idOf(client)
	m.load.mu.Lock()
	m.authors = append(m.authors, client)
	author := len(m.authors) - 1
	m.load.mu.Unlock()
	s := subject{user: id}
	room, body := []string{bannedFrom, ofMembers, m.private}[i%3], `{"role":"member"}`
	switch i % 3 {
	case 0:
		s.screens = append(s.screens, m.watch(client, true, bannedFrom), m.watch(client, true, bannedFrom, lockedRoom))
	case 1:
		s.screens = append(s.screens, m.watch(client, true, ofMembers))
	case 2:
		s.screens = append(s.screens, m.watch(client, false, m.private))
	}
	m.mu.Lock()
	m.subjects = append(m.subjects, s)
	m.mu.Unlock()
	if i%3 > 0 {
		m.must(http.StatusOK, "PUT", "/r/"+room+"/members/"+id, body)
	}
	m.goRun(func(rnd *rand.Rand) {
		for m.ctx.Err() == nil {
			m.while(rnd)
			switch i % 3 {
			case 0:
				m.deny(rnd, denial{room: room, user: id, reads: true}, "bans/"+id, `{}`, false)
			case 1:
				m.deny(rnd, denial{room: room, user: id}, "members/"+id, body, true)
			case 2:
				m.deny(rnd, denial{room: room, user: id, reads: true}, "members/"+id, body, true)
			}
		}
	})
	if room != m.private {
		m.goRun(func(rnd *rand.Rand) { m.speak(rnd, author, i, room) })
	}
}

// while is a pause between two acts.
func (m *moderation) while(rnd *rand.Rand) {
	pause(100*time.Millisecond + time.Duration(rnd.Int64N(int64(400*time.Millisecond))))
}

// deny takes a right away and gives it back: by PUT and DELETE, or the other way.
func (m *moderation) deny(rnd *rand.Rand, d denial, path, body string, byDelete bool) {
	methods := []string{"PUT", "DELETE"}
	if byDelete {
		methods = []string{"DELETE", "PUT"}
	}
	d.after = m.act(methods[0], "/r/"+d.room+"/"+path, body)
	d.acked = time.Now()
	m.while(rnd)
	d.until = time.Now()
	m.act(methods[1], "/r/"+d.room+"/"+path, body)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.denials = append(m.denials, d)
}

// lockAndUnlock keeps everybody but the owner from writing.
func (m *moderation) lockAndUnlock(rnd *rand.Rand) {
	for m.ctx.Err() == nil {
		m.while(rnd)
		d := denial{room: lockedRoom, user: everybody}
		d.after = m.act("PATCH", "/r/"+lockedRoom, `{"locked":true}`)
		d.acked = time.Now()
		m.while(rnd)
		d.until = time.Now()
		m.act("PATCH", "/r/"+lockedRoom, `{"locked":false}`)
		m.mu.Lock()
		m.denials = append(m.denials, d)
		m.mu.Unlock()
	}
}

// everybody stands for all who say lines in the locked room.
const everybody = "everybody"

// talkInPrivate says what those must not see who are put out.
func (m *moderation) talkInPrivate(*rand.Rand) {
	for n := 0; m.ctx.Err() == nil; n++ {
		pause(m.pace)
		ln := &line{Room: m.private, Text: fmt.Sprint("between us ", n)}
		_, _ = m.once("POST", m.bases[n%len(m.bases)], "/r/"+ln.Room, fmt.Sprintf(`{"text":%q}`, ln.Text))
	}
}

// speak says lines whether it is allowed or not.
func (m *moderation) speak(rnd *rand.Rand, author, i int, room string) {
	for n := 0; m.ctx.Err() == nil; n++ {
		pause(m.pace)
		ln := m.line(room, fmt.Sprintf("subject %d says %d", i, n))
		m.mu.Lock()
		m.subjects[i].lines = append(m.subjects[i].lines, ln)
		m.mu.Unlock()
		key := ""
		if n%2 == 0 {
			key = fmt.Sprintf("subject-%d-%d", i, n)
		}
		m.insist(m.ctx, author, ln, key)
	}
}

// watch reads rooms with a session, and goes on asking when it is refused. Of the
// load's own rooms it has to see everything in the end.
func (m *moderation) watch(c *http.Client, judged bool, rooms ...string) *screen {
	w := m.watcher(0)
	w.Rooms, w.All, w.slow = rooms, true, false
	w.last = "0-0" + strings.Repeat(",0-0", len(rooms)-1)
	for _, cookie := range c.Jar.Cookies(nil) {
		w.cookie = cookie.Name + "=" + cookie.Value
	}
	at, bases := m.rnd.IntN(2), m.bases
	w.base = func() string { at++; return bases[at%len(bases)] }
	w.subject = true
	if judged {
		m.readers = append(m.readers, w)
		m.reading.Go(func() { w.run(m.readingCtx) })
	} else {
		m.work.Go(func() { w.run(m.ctx) })
	}
	return &w.screen
}

type answered struct{ Room, ID string }

// act changes a right, and insists until it is answered. What was so already was
// done by a try before that was not answered: it was written by now.
func (m *moderation) act(method, path, body string) (id string) {
	giveUp := time.Now().Add(patience)
	for n := 0; time.Now().Before(giveUp); n++ {
		code, ev := m.once(method, m.bases[n%len(m.bases)], path, body)
		switch code {
		case http.StatusOK:
			return ev.ID
		case http.StatusNotFound, http.StatusConflict:
			return fmt.Sprintf("%d-0", time.Now().UnixMilli()+1)
		case 0, http.StatusServiceUnavailable, http.StatusTooManyRequests:
		default:
			m.Errorf("%s %s: %d", method, path, code)
		}
		pause(50 * time.Millisecond)
	}
	m.Errorf("%s %s was not answered", method, path)
	return ""
}

func (m *moderation) once(method, base, path, body string) (code int, ev answered) {
	req, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		return 0, ev
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.owner.Do(req)
	if err != nil {
		return 0, ev
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&ev); err != nil && err != io.EOF {
		return 0, ev
	}
	return resp.StatusCode, ev
}

func (m *moderation) must(want int, method, path, body string) answered {
	m.Helper()
	code, ev := m.once(method, m.bases[0], path, body)
	if code != want {
		m.Fatalf("%s %s: %d", method, path, code)
	}
	return ev
}

func (m *moderation) idOf(c *http.Client) string {
	m.Helper()
	resp, err := c.Get(m.bases[0] + "/login")
	if err != nil {
		m.Fatal(err)
	}
	defer resp.Body.Close()
	var me struct{ User struct{ ID string } }
	if err := json.NewDecoder(resp.Body).Decode(&me); err != nil || me.User.ID == "" {
		m.Fatalf("who is it? %v", err)
	}
	return me.User.ID
}

// settled ends it with all rights given back, and judges: nobody lost anything in
// the end, and nothing was allowed while it was denied.
func (m *moderation) settled() {
	m.Helper()
	m.stop()
	m.work.Wait()
	m.whole()
	all := subject{user: everybody, lines: m.lines}
	v := verdict{}
	v.judgeRights(m.denials, append(m.subjects, all), m.logs)
	if v.Allowed > 0 {
		m.Errorf("%d allowed that was denied:\n\t%s", v.Allowed, strings.Join(v.Notes, "\n\t"))
	}
	if len(m.denials) < 4 {
		m.Errorf("%d rights were taken", len(m.denials))
	}
	m.Logf("%d rights taken and given back; a stream went on for %v at most", len(m.denials), longest(m.denials, m.subjects))
}
