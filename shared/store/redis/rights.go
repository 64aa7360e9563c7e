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

// A factsRead is what is read to know the facts about a user in a room.
type factsRead struct {
	meta          *redis.SliceCmd
	role, ban     *redis.StringCmd
	members, bans *redis.IntCmd
	invites       *redis.IntCmd
}

// Facts is that of [store.Rights], in one round trip, and with the same commands
// whether the rooms are there or not.
func (s *Store) Facts(ctx context.Context, user string, rooms ...chat.RoomID) ([]access.Facts, error) {
	pipe := s.rdb.Pipeline()
	reads := make([]factsRead, len(rooms))
	for i, room := range rooms {
		if room.Reader() != "" {
			continue
		}
		k := s.keys.room(room)
		reads[i] = factsRead{
			meta: pipe.HMGet(ctx, k.meta(), append([]string{"last", "ruled", "owners"}, settingFields...)...),
			role: pipe.HGet(ctx, k.members(), user), ban: pipe.HGet(ctx, k.bans(), user),
			members: pipe.HLen(ctx, k.members()), bans: pipe.HLen(ctx, k.bans()), invites: pipe.HLen(ctx, k.invites()),
		}
	}
	_, _ = pipe.Exec(ctx) // each has its own error
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

func (r factsRead) facts(room chat.RoomID) (access.Facts, error) {
	for _, cmd := range []redis.Cmder{r.meta, r.role, r.ban, r.members, r.bans, r.invites} {
		if err := cmd.Err(); err != nil && err != redis.Nil {
			return access.Facts{}, err
		}
	}
	meta := r.meta.Val()
	owners, _ := meta[2].(string)
	f := access.Facts{Complete: true, Room: access.Room{
		Settings: settingsOf(meta[3:]), Exists: meta[0] != nil || meta[1] != nil, Hidden: room.Hidden(),
		Members: int(r.members.Val()), Bans: int(r.bans.Val()), Invites: int(r.invites.Val()),
	}}
	f.Room.Owners, _ = strconv.Atoi(owners)
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
