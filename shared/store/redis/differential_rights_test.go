package redis_test

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"confab/shared/chat"
	"confab/shared/store"

	"pgregory.net/rapid"
)

var cat = chat.User{ID: "u_cat", Name: "Cat"}

// settle draws a change of a room, or of somebody in it, by anybody: much of it
// is refused, for the same reason in both engines.
func (d *differ) settle(rt *rapid.T) {
	people := []chat.User{ann, bob, cat}
	ev := chat.Event{Room: d.room(rt), Kind: chat.Title, By: rapid.SampledFrom(people).Draw(rt, "by")}
	ev.AsOperator = rapid.IntRange(0, 9).Draw(rt, "operator") == 0
	if rapid.Bool().Draw(rt, "of the room") {
		ev.Set = drawChange(rt, people)
	} else {
		ev.Kind = chat.Standings
		ev.Member = drawStanding(rt, people)
	}
	a, _, errA := d.redis.Append(d.t.Context(), ev)
	b, _, errB := d.bolt.Append(d.t.Context(), ev)
	if kind(errA) != kind(errB) {
		rt.Fatalf("%+v: Redis %v; bolt %v", ev, errA, errB)
	}
	if errA == nil {
		d.said[ev.Room] = append(d.said[ev.Room], pair{a.ID, b.ID})
		d.twin[b.ID] = a.ID
	}
	d.rights(rt)
}

func drawChange(rt *rapid.T, people []chat.User) (set chat.Change) {
	switch rapid.IntRange(0, 6).Draw(rt, "change") {
	case 0:
		set.Made, set.Access = true, rapid.SampledFrom([]chat.Access{"", chat.AccessUnlisted, chat.AccessPrivate, chat.AccessDirect}).Draw(rt, "access")
		if set.Access == chat.AccessDirect {
			set.With = chat.NewUserList(people[:2])
		}
	case 1:
		set.Access = rapid.SampledFrom([]chat.Access{chat.AccessOpen, chat.AccessUnlisted, chat.AccessPrivate, chat.AccessDirect, chat.AccessClosed}).Draw(rt, "access")
	case 2:
		set.Posting = rapid.SampledFrom([]chat.Posting{chat.PostEveryone, chat.PostMembers, chat.PostModerators}).Draw(rt, "posting")
	case 3:
		set.Locked = chat.Some(rapid.Bool().Draw(rt, "locked"))
	case 4:
		set.Slow = chat.Some(rapid.SampledFrom([]int{0, 60}).Draw(rt, "slow"))
	case 5:
		set.Retention = chat.Some(rapid.SampledFrom([]int{0, 3600}).Draw(rt, "retention"))
	default:
		role := rapid.SampledFrom([]string{"member", "moderator", "owner", "guest"}).Draw(rt, "role")
		set.Invite = chat.Invite{ID: rapid.SampledFrom([]string{"i1", "i2"}).Draw(rt, "invite"), Role: role, Uses: 1, Until: time.Now().Add(time.Hour).UnixMilli()}
		set.Invite.Off = rapid.IntRange(0, 4).Draw(rt, "off") == 0
	}
	return set
}

func drawStanding(rt *rapid.T, people []chat.User) chat.Standing {
	m := chat.Standing{User: rapid.SampledFrom(people).Draw(rt, "who")}
	switch rapid.IntRange(0, 3).Draw(rt, "standing") {
	case 0:
		m.Ban = rapid.SampledFrom([]chat.Ban{chat.Mute, chat.Banned, chat.Unban}).Draw(rt, "ban")
		m.Until = rapid.SampledFrom([]int64{0, 1, time.Now().Add(time.Hour).UnixMilli()}).Draw(rt, "until")
	case 1:
		m.Invite = rapid.SampledFrom([]string{"i1", "i2"}).Draw(rt, "invite")
		m.Role = rapid.SampledFrom([]string{"member", "moderator"}).Draw(rt, "role")
	default:
		m.Role = rapid.SampledFrom([]string{"guest", "member", "moderator", "owner"}).Draw(rt, "role")
	}
	return m
}

// audit wants the same of both engines about what was done in the rooms.
func (d *differ) audit(rt *rapid.T) {
	const all = 1 << 20
	acts := func(s store.Store) (acts []chat.Event) {
		found, err := s.Audit(d.t.Context(), chat.Some(chat.ID{}), all)
		if err != nil {
			rt.Fatal(err)
		}
		for _, a := range found {
			if slices.Contains(d.rooms, a.Event.Room) {
				acts = append(acts, a.Event)
			}
		}
		return acts
	}
	d.same(rt, acts(d.redis), acts(d.bolt))
}

// rights wants the same of both engines about all rooms and everybody in them.
func (d *differ) rights(rt *rapid.T) {
	for _, u := range []chat.User{ann, bob, cat} {
		a, errA := d.redis.Facts(d.t.Context(), u.ID, d.rooms...)
		b, errB := d.bolt.Facts(d.t.Context(), u.ID, d.rooms...)
		if errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
			rt.Fatalf("facts about %s: Redis\n%+v, %v\nbolt\n%+v, %v", u.Name, a, errA, b, errB)
		}
	}
	for _, room := range d.rooms {
		a, errA := d.redis.Members(d.t.Context(), room)
		b, errB := d.bolt.Members(d.t.Context(), room)
		if errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
			rt.Fatalf("members: Redis %v, %v; bolt %v, %v", a, errA, b, errB)
		}
		ba, errA := d.redis.Bans(d.t.Context(), room)
		bb, errB := d.bolt.Bans(d.t.Context(), room)
		if errA != nil || errB != nil || !reflect.DeepEqual(ba, bb) {
			rt.Fatalf("bans: Redis %v, %v; bolt %v, %v", ba, errA, bb, errB)
		}
		ia, errA := d.redis.Invites(d.t.Context(), room)
		ib, errB := d.bolt.Invites(d.t.Context(), room)
		if errA != nil || errB != nil || !reflect.DeepEqual(ia, ib) {
			rt.Fatalf("invites: Redis %v, %v; bolt %v, %v", ia, errA, ib, errB)
		}
	}
}

// tasks wants the same events to be tasks in both engines, and finishes them.
func (d *differ) tasks(rt *rapid.T) {
	a, errA := d.redis.Tasks(d.t.Context(), 1000)
	b, errB := d.bolt.Tasks(d.t.Context(), 1000)
	if errA != nil || errB != nil {
		rt.Fatal(errA, errB)
	}
	type task struct {
		chat.Source
		was chat.Role
	}
	got, want := map[task]int{}, map[task]int{}
	for _, t := range a {
		got[task{t.Source, t.Was}]++
	}
	for _, t := range b {
		twin, ok := d.twin[t.ID]
		if !ok {
			rt.Fatalf("bolt has the task %+v, of an event that was not written", t)
		}
		want[task{chat.Source{Room: t.Room, ID: twin}, t.Was}]++
	}
	if !maps.Equal(got, want) {
		rt.Fatalf("tasks: Redis %v; bolt %v", got, want)
	}
	if err := errors.Join(d.redis.Finish(d.t.Context(), a...), d.bolt.Finish(d.t.Context(), b...)); err != nil {
		rt.Fatal(err)
	}
}

func finishAll(rt *rapid.T, stores ...store.Store) {
	for _, s := range stores {
		tasks, err := s.Tasks(rt.Context(), 1000)
		if err = errors.Join(err, s.Finish(rt.Context(), tasks...)); err != nil {
			rt.Fatal(err)
		}
	}
}
