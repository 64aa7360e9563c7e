package web_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/identity"
	"confab/shared/sse"

	gosse "github.com/tmaxmax/go-sse"
)

const manyEvents = 1000

// A onlooker holds what one reader sees to the log's order.
type onlooker struct {
	tb   testing.TB
	name string
	next int
	done chan struct{}
}

func (w *onlooker) see(text string) {
	if want := fmt.Sprint(w.next); text != want && !w.tb.Failed() {
		w.tb.Errorf("%s: saw %s, want %s", w.name, text, want)
	}
	if w.next++; w.next == manyEvents {
		close(w.done)
	}
}

var writers atomic.Int64

// say writes events down until ctx ends or n are written.
func (l *liveServer) say(ctx context.Context, tb testing.TB, room chat.RoomID, n int) {
	ann := identity.NewUser("Ann of " + fmt.Sprint(writers.Add(1))) // a name has one speaker at a time
	for i := 0; i < n && ctx.Err() == nil; i++ {
		_, _, err := l.store.Append(ctx, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: fmt.Sprint(i)})
		if err != nil && ctx.Err() == nil {
			tb.Error(err)
			return
		}
	}
}

func TestEveryTransportGivesEachEventOnceThroughCuts(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var all []*onlooker
	var cutters []*cutter
	var wg sync.WaitGroup
	start := func(name string, read func(ctx context.Context, base string, see func(string))) {
		for range 2 {
			w := &onlooker{tb: t, name: name, done: make(chan struct{})}
			c := cutEvery(t, l.URL, 50)
			if name == "text" {
				c.mark = "data: ["
			}
			all, cutters = append(all, w), append(cutters, c)
			wg.Go(func() { read(ctx, c.URL, w.see) })
		}
	}
	for name, tr := range transports {
		start(name, func(ctx context.Context, base string, see func(string)) {
			for cursor := "0-0"; ctx.Err() == nil; {
				cursor, _ = tr(ctx, base, cursor, see)
			}
		})
	}
	start("go-sse", readGoSSE)
	l.say(ctx, t, "lobby", manyEvents)
	for i, w := range all {
		select {
		case <-w.done:
			t.Logf("%s: %d events through %d cuts", w.name, manyEvents, cutters[i].cuts)
			if cutters[i].cuts < 5 {
				t.Errorf("%s was cut %d times only", w.name, cutters[i].cuts)
			}
		case <-ctx.Done():
			t.Errorf("%s: did not see all in time", w.name)
		}
	}
	cancel()
	wg.Wait()
}

// readGoSSE is a client that others wrote: it comes back by itself.
func readGoSSE(ctx context.Context, base string, see func(string)) {
	req, err := http.NewRequestWithContext(ctx, "GET", base+"/stream?last_event_id=0-0", nil)
	if err != nil {
		panic(err)
	}
	conn := gosse.NewConnection(req)
	conn.SubscribeMessages(func(ev gosse.Event) { see(textOf(ev.Data)) })
	_ = conn.Connect()
}

func TestThreeRoomsCutAtRandomLoseNothing(t *testing.T) {
	t.Parallel()
	l := live(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	rooms := []chat.RoomID{"a", "b", "c"}
	c := &cutter{}
	left := 1 + rand.IntN(3000)
	c.cut = func(sent []byte) (int, bool) { // anywhere, as a network does
		if left -= len(sent); left > 0 {
			return len(sent), false
		}
		keep := len(sent) + left
		left = 1 + rand.IntN(3000)
		c.cuts++
		return keep, true
	}
	c.start(t, l.URL)
	cuts := func() int { c.mu.Lock(); defer c.mu.Unlock(); return c.cuts }

	posting, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; posting.Err() == nil; i++ {
			l.say(ctx, t, rooms[rand.IntN(3)], 1) // whole: a line that is given up may still be written down
		}
	})
	seen := map[chat.RoomID][]chat.ID{}
	cursor := "0-0,0-0,0-0"
	for cuts() < 100 && ctx.Err() == nil {
		cursor = readRooms(ctx, t, c.URL, cursor, seen, nil)
	}
	stop()
	wg.Wait()
	ends := map[chat.RoomID]chat.ID{}
	for _, room := range rooms {
		ids, err := l.store.Last(ctx, room)
		if err != nil {
			t.Fatal(err)
		}
		ends[room] = ids[0]
	}
	readRooms(ctx, t, l.URL, cursor, seen, ends)
	total := 0
	for _, room := range rooms {
		evs, err := l.store.Since(ctx, room, chat.ID{}, 100000)
		if err != nil {
			t.Fatal(err)
		}
		var want []chat.ID
		for _, ev := range evs {
			want = append(want, ev.ID)
		}
		total += len(want)
		if !slices.Equal(seen[room], want) {
			t.Errorf("room %s: saw %d events, the log has %d", room, len(seen[room]), len(want))
		}
	}
	t.Logf("%d events of 3 rooms through %d cuts", total, cuts())
}

// readRooms adds what one stream gives, until it breaks or every room's end
// is reached.
func readRooms(ctx context.Context, tb testing.TB, base, cursor string, seen map[chat.RoomID][]chat.ID, ends map[chat.RoomID]chat.ID) string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reached := func() bool {
		for room, end := range ends {
			if ids := seen[room]; len(ids) == 0 || ids[len(ids)-1] != end {
				return false
			}
		}
		return ends != nil
	}
	if reached() {
		return cursor
	}
	res, err := get(ctx, base+"/stream?room=c&room=a&room=b", http.Header{"Last-Event-ID": {cursor}})
	if err != nil {
		return cursor
	}
	defer res.Body.Close()
	for frames := sse.NewScanner(res.Body); frames.Scan(); {
		cursor = cmp.Or(frames.LastID(), cursor)
		var ev chat.Event
		if frames.Event().Type != sse.Message || json.Unmarshal([]byte(frames.Event().Data), &ev) != nil {
			continue
		}
		if ids := seen[ev.Room]; len(ids) > 0 && ev.Prev != ids[len(ids)-1] {
			tb.Errorf("%s after %s in %s", ev.ID, ids[len(ids)-1], ev.Room)
		}
		if seen[ev.Room] = append(seen[ev.Room], ev.ID); reached() {
			break
		}
	}
	return cursor
}
