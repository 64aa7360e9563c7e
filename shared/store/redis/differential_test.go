package redis_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/bolt"
	"confab/shared/store/redis"

	"pgregory.net/rapid"
)

// Both engines get the same operations, drawn at random, and have to give the
// same answers and to hold the same logs. Rapid keeps what fails in testdata and
// begins every later run with it; make differential makes the run longer.
func TestEnginesGiveTheSameAnswers(t *testing.T) {
	compareEngines(t, store.Options{})
}

// A limit that is not refilled during the test refuses the same posts.
func TestEnginesRefuseTheSamePosts(t *testing.T) {
	compareEngines(t, store.Options{PostsPerSecond: 1e-6, PostBurst: 6})
}

// So many bytes are some dozens of lines. What Redis has deleted but not erased
// yet counts there, so only half of it is compared.
func TestEnginesKeepTheSameBytes(t *testing.T) {
	compareEngines(t, store.Options{History: 12, HistoryBytes: 6000})
}

// Redis keeps more than it has to, so only what both have to keep is compared.
func TestEnginesKeepTheSameHistory(t *testing.T) {
	compareEngines(t, store.Options{History: 12, Retention: time.Hour})
}

func compareEngines(t *testing.T, opts store.Options) {
	opts.URL, opts.Dir = startRedis(t).url(), t.TempDir()
	d := &differ{t: t, history: opts.History, redis: open(t, opts), bolt: must(bolt.Open(t.Context(), opts))(t)}
	t.Cleanup(func() {
		if err := d.bolt.Close(); err != nil {
			t.Error(err)
		}
	})
	reopen := func(rt *rapid.T) {
		if err := d.bolt.Close(); err != nil {
			rt.Fatal(err)
		}
		d.bolt = must(bolt.Open(t.Context(), opts))(t)
	}
	erase := func(rt *rapid.T) {
		if err := d.redis.(*redis.Store).EraseNow(t.Context(), rapid.IntRange(1, 9).Draw(rt, "page")); err != nil {
			rt.Fatal(err)
		}
	}
	steps := map[string]func(*rapid.T){"erase": erase, "append": d.append, "since": d.since, "before": d.before, "last": d.last, "reopen": reopen, "settle": d.settle, "rights": d.rights, "audit": d.audit, "tasks": d.tasks}
	if opts.History > 0 { // a cursor may have left one of the logs
		delete(steps, "since")
	}
	if opts.PostBurst > 0 { // what counts posts begins anew
		delete(steps, "reopen")
	}
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		d.rooms = []chat.RoomID{chat.RoomID(fmt.Sprint("a", round)), chat.RoomID(fmt.Sprint("b", round)), chat.NewPrivateRoom(), chat.Inbox(fmt.Sprint("u", round))}
		d.said = map[chat.RoomID][]pair{}
		d.twin = map[chat.ID]chat.ID{{}: {}}
		finishAll(rt, d.redis, d.bolt) // of the round before
		rt.Repeat(steps)
	})
}

// A pair is one event's id in each engine.
type pair struct{ redis, bolt chat.ID }

type differ struct {
	t           *testing.T
	history     int // that both have to keep; 0: all
	redis, bolt store.Store
	rooms       []chat.RoomID
	said        map[chat.RoomID][]pair
	twin        map[chat.ID]chat.ID // of an id in bolt, that in Redis
}

func (d *differ) room(rt *rapid.T) chat.RoomID { return rapid.SampledFrom(d.rooms).Draw(rt, "room") }

// some is an event of the room, or none, or one that never was.
func (d *differ) some(rt *rapid.T, room chat.RoomID) pair {
	said := d.said[room]
	if d.history > 0 {
		said = said[max(0, len(said)-d.history/2):]
	}
	options := append([]pair{{}, {chat.ID{MS: 1}, chat.ID{MS: 1}}}, said...)
	return options[rapid.IntRange(0, len(options)-1).Draw(rt, "event")]
}

// append draws an event of any kind, by either user, about anything: much of it
// is refused, and a key is often one that was used.
func (d *differ) append(rt *rapid.T) {
	room := d.room(rt)
	rule := rapid.SampledFrom(chat.Kinds).Draw(rt, "kind")
	ev := chat.Event{Room: room, Kind: rule.Kind, By: rapid.SampledFrom([]chat.User{ann, bob}).Draw(rt, "by")}
	if rule.MaxText > 0 {
		ev.Text = rapid.SampledFrom([]string{"x", "y", "ü\n<z>", "@z"}).Draw(rt, "text")
	}
	if rule.ByServer {
		ev.Notice, ev.Of = chat.AboutMention, chat.Source{Room: room, ID: chat.ID{MS: 1}}
	}
	if rule.Emoji {
		ev.Emoji, ev.Off = "👍", rapid.Bool().Draw(rt, "off")
	}
	if key := rapid.IntRange(0, 9).Draw(rt, "key"); key < 4 {
		ev.Key = fmt.Sprint("k", key)
	}
	one, two := ev, ev
	if rule.Target != "" {
		target := d.some(rt, room)
		one.Target, two.Target = target.redis, target.bolt
		if target.redis.IsZero() { // a draft without a target is refused before
			one.Target, two.Target = chat.ID{MS: 1}, chat.ID{MS: 1}
		}
	}
	if rule.Reply {
		reply := d.some(rt, room)
		one.Reply, two.Reply = reply.redis, reply.bolt
	}
	a, again, errA := d.redis.Append(d.t.Context(), one)
	b, againB, errB := d.bolt.Append(d.t.Context(), two)
	if kind(errA) != kind(errB) || again != againB {
		rt.Fatalf("%+v: Redis replayed %t, %v; bolt replayed %t, %v", one, again, errA, againB, errB)
	}
	if errA != nil {
		return
	}
	if !again {
		d.said[room] = append(d.said[room], pair{a.ID, b.ID})
		d.twin[b.ID] = a.ID
	}
	d.same(rt, []chat.Event{a.Event}, []chat.Event{b.Event})
}

// kind is which of the kinds of error it is.
func kind(err error) error {
	for _, kind := range slices.Collect(maps.Values(access.Refusals)) {
		if errors.Is(err, kind) {
			return kind
		}
	}
	for _, kind := range []error{chat.ErrReused, chat.ErrNotFound, chat.ErrForbidden, chat.ErrTooMany, chat.ErrReset, chat.ErrUnavailable} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return err
}

// same fails when the events differ in anything but how their ids are written.
func (d *differ) same(rt *rapid.T, fromRedis, fromBolt []chat.Event) {
	translated := slices.Clone(fromBolt)
	for i := range translated {
		for _, id := range []*chat.ID{&translated[i].ID, &translated[i].Prev, &translated[i].Target, &translated[i].Reply} {
			if twin, ok := d.twin[*id]; ok {
				*id = twin
			}
		}
	}
	if !slices.Equal(fromRedis, translated) {
		rt.Fatalf("Redis has\n%+v\nbolt has\n%+v", fromRedis, translated)
	}
}

func (d *differ) since(rt *rapid.T) {
	room := d.room(rt)
	after, n := d.some(rt, room), rapid.IntRange(1, 8).Draw(rt, "n")
	a, errA := d.redis.Since(d.t.Context(), room, after.redis, n)
	b, errB := d.bolt.Since(d.t.Context(), room, after.bolt, n)
	if kind(errA) != kind(errB) {
		rt.Fatalf("since %v: Redis %v, bolt %v", after, errA, errB)
	}
	d.same(rt, a, b)
}

func (d *differ) before(rt *rapid.T) {
	room := d.room(rt)
	id, n := d.some(rt, room), rapid.IntRange(1, 8).Draw(rt, "n")
	if d.history > 0 {
		id = pair{}
	}
	a, errA := d.redis.Before(d.t.Context(), room, id.redis, n)
	b, errB := d.bolt.Before(d.t.Context(), room, id.bolt, n)
	if errA != nil || errB != nil {
		rt.Fatal(errA, errB)
	}
	d.same(rt, a, b)
}

func (d *differ) last(rt *rapid.T) {
	a, errA := d.redis.Rooms(d.t.Context(), d.rooms...)
	b, errB := d.bolt.Rooms(d.t.Context(), d.rooms...)
	if errA != nil || errB != nil {
		rt.Fatal(errA, errB)
	}
	for i := range b {
		b[i].Last = d.twin[b[i].Last]
	}
	if !slices.Equal(a, b) {
		rt.Fatalf("Redis has %+v, bolt has %+v", a, b)
	}
	ids, errA := d.redis.Last(d.t.Context(), d.rooms...)
	others, errB := d.bolt.Last(d.t.Context(), d.rooms...)
	for i := range others {
		others[i] = d.twin[others[i]]
	}
	if errA != nil || errB != nil || !slices.Equal(ids, others) {
		rt.Fatalf("last ids: Redis %v, %v; bolt %v, %v", ids, errA, others, errB)
	}
}
