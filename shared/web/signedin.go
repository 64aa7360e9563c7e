package web

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"confab/shared/chat"
)

const (
	readSignOuts = 2 * time.Second // how often it is asked who signed out
	maxStale     = 5 * time.Second // how old the answer may be
	retrySignOut = time.Second     // after it could not be asked
	// feedOverlap is by how much of the store's time two answers overlap, for
	// what was under way meanwhile.
	feedOverlap = 2 * time.Second
	// maxGap is how long nothing may be asked: the store tells for a little longer
	// who signed out.
	maxGap       = 9 * time.Minute
	noteUseEvery = 5 * time.Minute // of a session that has a stream
	maxKnown     = 1 << 16         // users whose sessions are known to be good
)

// A signedIn knows which sessions were found to be good, so that the store is
// not asked again for each request, and learns within maxStale which were ended
// meanwhile, on whatever server: it reads who signed out lately, which is one
// short answer for all users. Its methods are safe for concurrent use.
type signedIn struct {
	rooms Rooms
	// recheck ends the streams of a user here. Those whose session is still good
	// come back.
	recheck func(user string)
	log     *slog.Logger

	mu      sync.Mutex                // guards what follows
	good    map[string][]*goodSession // by user
	mark    int64                     // the store's time up to which sign-outs were read; 0: none is good
	read    time.Time                 // when that was
	reads   int
	tried   time.Time        // when reading failed last
	reading chan struct{}    // of a reading that is under way; closed at its end
	seen    map[string]int64 // sign-outs that were read, by user
	streams int
	stop    context.CancelFunc // of watch; nil: it does not run
}

// A goodSession is one that the store said is good.
type goodSession struct {
	of         *signedIn
	id         string
	generation int
	noted      time.Time // when the store was told last that it is used
	streams    int
}

// check fails when a session was ended. It asks the store where it does not
// know.
func (g *signedIn) check(ctx context.Context, user string, of chat.Session) error {
	ctx = context.WithoutCancel(ctx) // the store bounds its answers, and others wait for this one
	reads := g.update(ctx)
	if g.find(user, of) != nil {
		return nil
	}
	return g.use(ctx, user, of, reads)
}

// use tells the store that a session is used.
func (g *signedIn) use(ctx context.Context, user string, of chat.Session, reads int) error {
	now, err := g.rooms.UseSession(ctx, user, of)
	if err != nil {
		return err
	}
	g.add(user, of, now, reads)
	return nil
}

// find returns what is known of a session, nil if it is not known to be good.
func (g *signedIn) find(user string, of chat.Session) *goodSession {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lookUp(user, of)
}

// lookUp is find with g.mu held.
func (g *signedIn) lookUp(user string, of chat.Session) *goodSession {
	for _, one := range g.good[user] {
		if one.id == of.ID && one.generation == of.Generation {
			return one
		}
	}
	return nil
}

// add remembers a session that the store said is good, unless sign-outs were
// read since it was asked: this may be among them.
func (g *signedIn) add(user string, of chat.Session, now int64, reads int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reads != reads {
		return
	}
	if g.mark == 0 {
		g.mark, g.read = now, time.Now()
	}
	if one := g.lookUp(user, of); one != nil {
		one.noted = time.Now()
		return
	}
	if len(g.good) >= maxKnown {
		g.good = nil
	}
	if g.good == nil {
		g.good = map[string][]*goodSession{}
	}
	g.good[user] = append(g.good[user], &goodSession{of: g, id: of.ID, generation: of.Generation, noted: time.Now()})
}

// update sees to it that what is known is not older than it may be, and returns
// how often sign-outs were read. Where the store cannot be asked, what is known
// stays for a while: nothing is written then anyway.
func (g *signedIn) update(ctx context.Context) (reads int) {
	g.mu.Lock()
	age := time.Since(g.read)
	switch {
	case g.mark == 0 && g.streams == 0 || age < readSignOuts || time.Since(g.tried) < retrySignOut:
	case age < maxStale: // nobody waits for it
		if g.reading == nil {
			g.reading = make(chan struct{})
			go g.readNow(ctx)
		}
	default:
		under := g.reading
		if under == nil {
			g.reading = make(chan struct{})
			g.mu.Unlock()
			g.readNow(ctx)
		} else {
			g.mu.Unlock()
			<-under
		}
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	return g.reads
}

// readNow reads who signed out since it was read last. Whoever calls it has set
// g.reading.
func (g *signedIn) readNow(ctx context.Context) {
	g.mu.Lock()
	after := max(1, g.mark-feedOverlap.Milliseconds())
	g.mu.Unlock()
	began := time.Now()
	outs, now, err := g.rooms.SignedOut(ctx, after)
	for _, user := range g.take(outs, now, began, err) {
		g.recheck(user)
	}
	if err != nil {
		g.log.Warn("reading sign-outs failed", "err", err)
	}
}

// take forgets the sessions of those who signed out, and returns who they are.
func (g *signedIn) take(outs []chat.SignOut, now int64, began time.Time, err error) (users []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.reading)
	g.reading = nil
	if began.Sub(g.read) > maxGap { // some may not be told any more
		g.good, g.mark = nil, 0
	}
	if err != nil {
		g.tried = time.Now()
		return nil
	}
	if g.mark != 0 || g.streams > 0 {
		g.mark, g.read = now, began
	}
	g.reads++
	before := g.seen
	g.seen = map[string]int64{}
	for _, out := range outs {
		if before[out.User] != out.At {
			delete(g.good, out.User)
			users = append(users, out.User)
		}
		g.seen[out.User] = out.At
	}
	return users
}

// forget has a user's sessions asked for anew, and their streams looked at.
func (g *signedIn) forget(user string) {
	g.mu.Lock()
	delete(g.good, user)
	g.mu.Unlock()
	g.recheck(user)
}

// stream counts a stream of a session: for as long as there is one, it is read
// who signed out, whether or not there are requests.
func (g *signedIn) stream(user string, of chat.Session) *goodSession {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.lookUp(user, of)
	if one == nil {
		one = &goodSession{of: g}
	}
	one.streams++
	if g.streams++; g.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		g.stop = cancel
		go g.watch(ctx)
	}
	return one
}

// leave takes back one stream. It does not block.
func (one *goodSession) leave() {
	g := one.of
	g.mu.Lock()
	defer g.mu.Unlock()
	one.streams--
	if g.streams--; g.streams == 0 {
		g.stop()
		g.stop = nil
	}
}

// watch keeps what is known up to date until ctx ends.
func (g *signedIn) watch(ctx context.Context) {
	tick, note := time.NewTicker(readSignOuts), time.NewTicker(noteUseEvery/5)
	defer tick.Stop()
	defer note.Stop()
	for {
		select {
		case <-tick.C:
			g.update(ctx)
		case <-note.C:
			g.noteStreams(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// noteStreams tells the store of the sessions that have a stream that they are
// used still.
func (g *signedIn) noteStreams(ctx context.Context) {
	for user, of := range g.due() {
		for _, one := range of {
			if ctx.Err() != nil || g.use(ctx, user, one, g.update(ctx)) != nil {
				return
			}
		}
	}
}

func (g *signedIn) due() map[string][]chat.Session {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := map[string][]chat.Session{}
	for user, list := range maps.All(g.good) {
		for _, one := range list {
			if one.streams > 0 && time.Since(one.noted) >= noteUseEvery {
				all[user] = append(all[user], chat.Session{ID: one.id, Generation: one.generation})
			}
		}
	}
	return all
}

// recheck ends the streams of a user here. Whoever may read comes back.
func (g *gate) recheck(user string) {
	if g.hub != nil {
		g.hub.Recheck(user)
	}
}
