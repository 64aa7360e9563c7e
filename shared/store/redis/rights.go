package redis

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"confab/shared/access"
	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

// rightsConstants are the rules of a kind that rights.lua goes by.
func rightsConstants(rule chat.Rule) string {
	return constant("posts", rule.Posts) + constant("slowed", rule.Slowed) + constant("always", rule.Always) +
		constant("settles", rule.Settles) + constant("overrule", int(rule.Overrule)) +
		constant("max_members", chat.MaxMembers) + constant("max_bans", chat.MaxBans) + constant("max_invites", chat.MaxInvites)
}

// everywhere is the author's role in every room.
func (r request) everywhere() string {
	if r.ev.AsOperator {
		return strconv.Itoa(int(chat.Operator))
	}
	return "0"
}

// author is who makes a room.
func (r request) author() string {
	if !r.ev.Set.Made {
		return ""
	}
	return string(chat.JSON(r.ev.By))
}

// change is what the event changes of the room's rules.
func (r request) change() string {
	if r.ev.Set == (chat.Change{}) && r.ev.Member == (chat.Standing{}) {
		return ""
	}
	return string(chat.JSON(struct {
		Set    chat.Change   `json:"set,omitzero"`
		Member chat.Standing `json:"member,omitzero"`
	}{r.ev.Set, r.ev.Member}))
}

// The fields of meta that settingsOf reads.
var settingFields = []string{"access", "posting", "locked", "slow", "retention"}

func settingsOf(fields []any) chat.Settings {
	text := func(i int) string { v, _ := fields[i].(string); return v }
	number := func(i int) int { n, _ := strconv.Atoi(text(i)); return n }
	return chat.Settings{
		Access: chat.Access(text(0)), Posting: chat.Posting(text(1)), Locked: text(2) != "",
		Slow: number(3), Retention: number(4),
	}
}

// A factsRead is what is read to know the facts about a user in a room. All but
// meta is nil for a room without rules of its own.
type factsRead struct {
	meta          *redis.SliceCmd
	role, ban     *redis.StringCmd
	members, bans *redis.IntCmd
	invites       *redis.IntCmd
}

// Facts is that of [store.Rights]. In an open room without rules of its own it
// reads one key. Of a room at an address that the server made it reads all in
// the same round trip, with the same commands whether the room is there or not.
func (s *Store) Facts(ctx context.Context, user string, rooms ...chat.RoomID) ([]access.Facts, error) {
	reads := make([]factsRead, len(rooms))
	pipe := s.rdb.Pipeline()
	for i, room := range rooms {
		if room.Reader() != "" {
			continue
		}
		reads[i].meta = pipe.HMGet(ctx, s.keys.room(room).meta(), append([]string{"last", "ruled", "owners"}, settingFields...)...)
		if room.Hidden() {
			reads[i].read(ctx, pipe, s.keys.room(room), user)
		}
	}
	_, _ = pipe.Exec(ctx) // each has its own error
	for i, room := range rooms {
		if room.Hidden() {
			continue // it was read already
		}
		if ruled := reads[i].meta.Val(); len(ruled) > 1 && ruled[1] != nil {
			reads[i].read(ctx, pipe, s.keys.room(room), user)
		}
	}
	if pipe.Len() > 0 {
		_, _ = pipe.Exec(ctx)
	}
	all := make([]access.Facts, len(rooms))
	for i, read := range reads {
		if rooms[i].Reader() != "" {
			all[i] = access.OfInbox(user, rooms[i])
			continue
		}
		var err error
		if all[i], err = read.facts(rooms[i]); err != nil {
			return nil, store.Unavailable("read the facts of "+string(rooms[i]), err)
		}
	}
	return all, nil
}

// read reads what only a room with rules of its own has.
func (r *factsRead) read(ctx context.Context, pipe redis.Pipeliner, k roomKeys, user string) {
	r.role, r.ban = pipe.HGet(ctx, k.members(), user), pipe.HGet(ctx, k.bans(), user)
	r.members, r.bans, r.invites = pipe.HLen(ctx, k.members()), pipe.HLen(ctx, k.bans()), pipe.HLen(ctx, k.invites())
}

func (r factsRead) facts(room chat.RoomID) (access.Facts, error) {
	if err := r.meta.Err(); err != nil {
		return access.Facts{}, err
	}
	meta := r.meta.Val()
	f := access.Facts{Complete: true, Room: access.Room{
		Settings: settingsOf(meta[3:]), Exists: meta[0] != nil || meta[1] != nil, Hidden: room.Hidden(),
	}}
	if r.role == nil {
		return f, nil
	}
	for _, cmd := range []redis.Cmder{r.role, r.ban, r.members, r.bans, r.invites} {
		if err := cmd.Err(); err != nil && err != redis.Nil {
			return access.Facts{}, err
		}
	}
	owners, _ := meta[2].(string)
	f.Room.Owners, _ = strconv.Atoi(owners)
	f.Room.Members, f.Room.Bans, f.Room.Invites = int(r.members.Val()), int(r.bans.Val()), int(r.invites.Val())
	if role := r.role.Val(); role != "" {
		f.Role = chat.Role(role[0] - '0')
	}
	ban, err := readBan(r.ban.Val())
	if err == nil && !over(ban.Until) {
		f.Ban = ban
	}
	return f, err
}

func over(until int64) bool { return until != 0 && until <= time.Now().UnixMilli() }

// readBan reads "ban until {event}".
func readBan(text string) (chat.Banning, error) {
	if text == "" {
		return chat.Banning{}, nil
	}
	parts := strings.SplitN(text, " ", 3)
	if len(parts) < 3 {
		return chat.Banning{}, errReply
	}
	var ev chat.Event
	if err := json.Unmarshal([]byte(parts[2]), &ev); err != nil {
		return chat.Banning{}, fmt.Errorf("read a ban: %w", err)
	}
	m := ev.Member
	return chat.Banning{User: m.User, Ban: m.Ban, Until: m.Until, Reason: ev.Text, By: ev.By}, nil
}

// Members is that of [store.Rights].
func (s *Store) Members(ctx context.Context, room chat.RoomID) ([]chat.Belonging, error) {
	return readRights(ctx, s, s.keys.room(room).members(), func(text string) (m chat.Belonging, good bool, err error) {
		role, user, _ := strings.Cut(text, " ")
		n, err := strconv.Atoi(role)
		if err == nil {
			m.Role = chat.Role(n).String()
			err = json.Unmarshal([]byte(user), &m.User)
		}
		return m, true, err
	}, func(m chat.Belonging) string { return m.User.ID })
}

// Bans is that of [store.Rights].
func (s *Store) Bans(ctx context.Context, room chat.RoomID) ([]chat.Banning, error) {
	return readRights(ctx, s, s.keys.room(room).bans(), func(text string) (chat.Banning, bool, error) {
		ban, err := readBan(text)
		return ban, !over(ban.Until), err
	}, func(b chat.Banning) string { return b.User.ID })
}

// Invites is that of [store.Rights].
func (s *Store) Invites(ctx context.Context, room chat.RoomID) ([]chat.Invite, error) {
	return readRights(ctx, s, s.keys.room(room).invites(), func(text string) (in chat.Invite, good bool, err error) {
		parts := strings.SplitN(text, " ", 3)
		if len(parts) < 3 {
			return in, false, errReply
		}
		if err = json.Unmarshal([]byte(parts[2]), &in); err == nil {
			in.Uses, err = strconv.Atoi(parts[0])
		}
		return in, !over(in.Until), err
	}, func(in chat.Invite) string { return in.ID })
}

// readRights reads all that a room has in one of its hashes, sorted.
func readRights[T any](ctx context.Context, s *Store, key string, read func(string) (T, bool, error), by func(T) string) ([]T, error) {
	texts, err := s.rdb.HVals(ctx, key).Result()
	if err != nil {
		return nil, store.Unavailable("read rights", err)
	}
	var all []T
	for _, text := range texts {
		v, good, err := read(text)
		if err != nil {
			return nil, store.Unavailable("read rights", err)
		}
		if good {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(by(a), by(b)) })
	return all, nil
}
