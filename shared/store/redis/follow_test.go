package redis_test

import (
	"slices"
	"testing"
	"time"

	"confab/shared/chat"
	"confab/shared/store"
	"confab/shared/store/redis"

	goredis "github.com/redis/go-redis/v9"
)

// A deaf listener holds up the subscription: it takes no event until it is told to.
type deaf struct {
	*tape
	told, wake chan struct{}
}

func (d deaf) Event(chat.Line) {
	close(d.told)
	<-d.wake
}

func TestWhatIsWrittenHereNeedsNoSubscription(t *testing.T) {
	srv := startRedis(t)
	s, other := open(t, store.Options{URL: srv.url()}), open(t, store.Options{URL: srv.url()})
	here, there := follow(t.Context(), t, s), follow(t.Context(), t, other)
	d := deaf{told: make(chan struct{}), wake: make(chan struct{})}
	must(s.Follow(t.Context(), "stuck", d))(t)
	add(t, other, chat.Event{Room: "stuck", Kind: chat.Message, By: bob, Text: "listen!"})
	<-d.told

	msg := say(t, s, ann, "Grüße, <b>&amp;\u2028\x00\n😀")
	evs := []chat.Event{
		msg,
		add(t, s, chat.Event{Room: room, Kind: chat.Message, By: ann, Text: "so", Reply: msg.ID, Key: "k"}),
		add(t, s, chat.Event{Room: room, Kind: chat.Edit, By: ann, Target: msg.ID, Text: "Gruß"}),
		add(t, s, chat.Event{Room: room, Kind: chat.Reaction, By: bob, Target: msg.ID, Emoji: "👍"}),
		add(t, s, chat.Event{Room: room, Kind: chat.Title, By: bob, Text: "Hall"}),
		add(t, s, chat.Event{Room: room, Kind: chat.Delete, By: ann, Target: msg.ID}),
	}
	var ids []chat.ID
	for _, ev := range evs {
		ids = append(ids, ev.ID)
	}
	here.Hears(time.Second, ids...)
	there.Hears(time.Second, ids...)
	if !slices.Equal(here.Events, there.Events) {
		t.Errorf("passed on here:\n%+v\nheard there:\n%+v", here.Events, there.Events)
	}

	missed := say(t, other, bob, "from there") // received when the subscription goes on
	ids = append(ids, missed.ID, say(t, s, ann, "after it").ID)
	close(d.wake)
	here.Hears(time.Second, ids...)
	there.Hears(time.Second, ids...)
}

// unpublished appends as the script does, but publishes nothing.
func unpublished(tb testing.TB, rdb goredis.UniversalClient, text string) chat.ID {
	tb.Helper()
	ctx := tb.Context()
	last := must(rdb.HGet(ctx, lobby("meta"), "last").Result())(tb)
	id := must(rdb.XAdd(ctx, &goredis.XAddArgs{Stream: lobby("log"), Values: []string{
		"prev", last, "at", "0", "kind", "message", "user", "u_ann",
		"event", string(chat.JSON(chat.Event{Room: room, Kind: chat.Message, By: ann, Text: text})),
	}}).Result())(tb)
	must(rdb.HSet(ctx, lobby("meta"), "last", id).Result())(tb)
	return must(chat.ParseID(id))(tb)
}

func TestMissedPublishIsCaughtUp(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		say(t, s, ann, "before")
		tp := follow(t.Context(), t, s)
		one := unpublished(t, s.Redis(), "one")
		two := unpublished(t, s.Redis(), "two")
		tp.Hears(10*time.Second, one, two) // by comparing
		three := unpublished(t, s.Redis(), "three")
		four := say(t, s, ann, "four")
		tp.Hears(time.Second, one, two, three, four.ID) // by prev
		s.CutSubscription()
		five := unpublished(t, s.Redis(), "five")
		tp.Hears(3*time.Second, one, two, three, four.ID, five) // by the new connection
	})
}

func TestFollowersAreToldOfAReset(t *testing.T) {
	each(t, func(t *testing.T, open func(store.Options) *redis.Store) {
		s := open(store.Options{})
		say(t, s, ann, "old")
		tp := follow(t.Context(), t, s)
		must(s.Redis().FlushAll(t.Context()).Result())(t)
		tp.Await(10*time.Second, "a reset", func() bool { return len(tp.Resets) == 1 && tp.Resets[0].IsZero() })
		a := say(t, s, ann, "anew")
		tp.Hears(time.Second, a.ID)

		pass(t, a.ID)
		must(s.Redis().FlushAll(t.Context()).Result())(t)
		b := say(t, s, ann, "and anew")
		tp.Await(2*time.Second, "a second reset", func() bool { return len(tp.Resets) == 2 && tp.Last == b.ID })
	})
}
