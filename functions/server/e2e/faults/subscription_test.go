package faults_test

import (
	"context"
	"net/http"
	"regexp"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/network"
	"confab/functions/server/e2e/internal/redistest"
	"confab/shared/testenv"
)

var clientAddr = regexp.MustCompile(` addr=(\S+)`)

// subscriptions are the connections that pub/sub comes by, as Redis knows them.
func subscriptions(r *redistest.Server) (addrs []string) {
	for _, m := range clientAddr.FindAllStringSubmatch(r.Must("client", "list", "type", "pubsub").(string), -1) {
		addrs = append(addrs, m[1])
	}
	return addrs
}

func TestTorturePubSubConnectionIsKilled(t *testing.T) {
	badLink(t, "CLIENT KILL TYPE pubsub", func(r *round, _ *load, redis *redistest.Server, _ *network.Proxy) {
		for range some(5, 20) {
			redis.Must("client", "kill", "type", "pubsub")
			pause(time.Duration(r.rnd.Int64N(int64(500 * time.Millisecond))))
		}
	})
}

func TestTorturePubSubIsSilentlyDead(t *testing.T) {
	badLink(t, "pub/sub silently dead", func(r *round, l *load, redis *redistest.Server, p *network.Proxy) {
		p.Strand(subscriptions(redis)...)
		l.heal() // mended within flowsAgain
		pause(4 * time.Second)
	})
}

// The last line of all is not published: no later line shows that it was missed.
func TestTorturePubSubMissesALine(t *testing.T) {
	torture(t, "publish missed, then silence", func(r *round) {
		redis := redistest.New(r)
		p := network.StartProxy(r, redis.Addr)
		l := r.loadOnTwo(plan{rooms: 1}, "redis://"+p.Addr, redis.URL())
		r.calm()
		l.stopWriting()
		l.writing.Wait()
		subs := subscriptions(redis)
		p.Deafen(true, subs...)
		ln := l.line(l.rooms[0], "not published")
		l.insist(context.Background(), 1, ln, "not-published") // at the other server
		p.Deafen(false, subs...)
		l.heal()
		for _, w := range l.readers {
			w.await(r, ln.Text, flowsAgain)
		}
		l.check()
	})
}

// await returns once the watcher was shown a line.
func (w *watcher) await(r *round, text string, within time.Duration) {
	r.Helper()
	if !testenv.Holds(within, func() bool { return w.shows(text) }) {
		r.Errorf("%q is not shown after %v", text, within)
	}
}

func (w *watcher) shows(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.Steps) - 1; i >= 0; i-- {
		if w.Steps[i].Text == text {
			return true
		}
	}
	return false
}

func TestTortureReadySaysThatPubSubIsDead(t *testing.T) {
	torture(t, "pub/sub kept dead, readyz", func(r *round) {
		redis := redistest.New(r)
		l := r.loadOnTwo(plan{}, redis.URL(), redis.URL())
		url := l.bases[0]
		awaitReady(r, url, 200, flowsAgain)
		redis.Must("acl", "setuser", "default", "-subscribe", "-ssubscribe", "-psubscribe")
		redis.Must("client", "kill", "type", "pubsub")
		awaitReady(r, url, 503, longSilence)
		redis.Must("acl", "setuser", "default", "+subscribe", "+ssubscribe", "+psubscribe")
		l.heal()
		awaitReady(r, url, 200, flowsAgain)
		l.check()
	})
}

// awaitReady asks readyz until it answers with a code.
func awaitReady(r *round, url string, code int, within time.Duration) {
	r.Helper()
	got := 0
	ready := func() bool {
		if resp, err := http.Get(url + "/readyz"); err == nil {
			resp.Body.Close()
			got = resp.StatusCode
		}
		return got == code
	}
	if !testenv.Holds(within, ready) {
		r.Errorf("readyz answers %d, not %d, after %v", got, code, within)
	}
}
