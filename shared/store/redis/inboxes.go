package redis

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

const inboxesChannel = "inboxes"

// inboxes are the channels of all inboxes.
func (k keyspace) inboxes() (all []string) {
	for n := range buckets {
		all = append(all, k.bucket(n).inboxes())
	}
	return all
}

// ofInboxes reports whether a channel is one of them: a room's ends otherwise.
func ofInboxes(channel string) bool { return strings.HasSuffix(channel, ":"+inboxesChannel) }

type inboxFollower struct {
	f func(user string, sig chat.Signal)
}

// FollowInboxes is that of [store.Inboxes].
func (s *Store) FollowInboxes(ctx context.Context, f func(user string, sig chat.Signal)) {
	s.sub.begin()
	one := &inboxFollower{f}
	s.sub.mu.Lock()
	defer s.sub.mu.Unlock()
	s.sub.inboxes = append(slices.Clip(s.sub.inboxes), one)
	s.sub.change(s.keys.inboxes()...)
	context.AfterFunc(ctx, func() {
		s.sub.mu.Lock()
		defer s.sub.mu.Unlock()
		s.sub.inboxes = slices.DeleteFunc(slices.Clone(s.sub.inboxes), func(g *inboxFollower) bool { return g == one })
		s.sub.change(s.keys.inboxes()...)
	})
}

func (s *subscription) deliverInbox(user string, sig chat.Signal) {
	s.mu.Lock()
	fs := s.inboxes // what it holds is never changed in place
	s.mu.Unlock()
	for _, one := range fs {
		one.f(user, sig)
	}
}

// A personal is a signal for one user, as it is published.
type personal struct {
	User   string      `json:"user"`
	Signal chat.Signal `json:"signal"`
}

// dispatchInbox takes what was published for users: a signal is a JSON object, an
// event "<id> <prev> <at> <JSON>".
func (s *subscription) dispatchInbox(m *redis.Message) {
	body := m.Payload
	id := chat.ID{}
	if !strings.HasPrefix(body, "{") {
		parts := strings.SplitN(body, " ", 4)
		id, _ = chat.ParseID(parts[0])
		body = parts[len(parts)-1]
	}
	var got struct {
		personal
		Room chat.RoomID `json:"room"` // of an event
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		s.store.log.Warn("notice not understood", "channel", m.Channel, "err", err)
		return
	}
	if user := got.Room.Reader(); user != "" {
		got.personal = personal{user, chat.Signal{Kind: chat.Grown, ID: id}}
	}
	s.deliverInbox(got.User, got.Signal)
}

// A mark is one call of markScript.
type mark struct {
	keys roomKeys // of the user's inbox
	user string
	room chat.RoomID
	id   chat.ID
}

var markScript = newScript(
	[]param[mark, string]{{"marks", func(m mark) string { return m.keys.marks() }}},
	[]param[mark, any]{
		{"channel", func(m mark) any { return m.keys.channel() }},
		{"room", func(m mark) any { return string(m.room) }},
		{"id", func(m mark) any { return m.id.String() }},
		{"signal", func(m mark) any {
			return chat.JSON(personal{m.user, chat.Signal{Kind: chat.Read, Room: m.room, ID: m.id}})
		}},
		{"life", func(mark) any { return store.MarksLife.Milliseconds() }},
		{"most", func(mark) any { return chat.MaxReadMarks }},
	}, `
local function after(a, b)
  local am, as = string.match(a, '(%d+)-(%d+)')
  local bm, bs = string.match(b, '(%d+)-(%d+)')
  am, as, bm, bs = tonumber(am), tonumber(as), tonumber(bm), tonumber(bs)
  return am > bm or am == bm and as > bs
end
local old = redis.call('HGET', marks, room)
if old and not after(id, old) then return old end
redis.call('HSET', marks, room, id)
redis.call('PEXPIRE', marks, life)
if redis.call('HLEN', marks) > tonumber(most) then
  local all, least, at = redis.call('HGETALL', marks), nil, nil
  for i = 1, #all, 2 do
    if all[i] ~= room and (not at or after(at, all[i + 1])) then least, at = all[i], all[i + 1] end
  end
  redis.call('HDEL', marks, least)
end
redis.pcall('PUBLISH', channel, signal) -- devices that miss it read it later
return id`)

// Mark is that of [store.Inboxes].
func (s *Store) Mark(ctx context.Context, user string, room chat.RoomID, id chat.ID) (chat.ID, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	one := markScript.call(mark{s.keys.room(chat.Inbox(user)), user, room, id})
	runAll(ctx, s.rdb, []*run{&one}, wait{})
	text, err := one.cmd.Text()
	if err != nil {
		return chat.ID{}, store.Unavailable("mark what was read", err)
	}
	return chat.ParseID(text)
}

// Marks is that of [store.Inboxes].
func (s *Store) Marks(ctx context.Context, user string) (map[chat.RoomID]chat.ID, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	texts, err := s.rdb.HGetAll(ctx, s.keys.room(chat.Inbox(user)).marks()).Result()
	if err != nil {
		return nil, store.Unavailable("read what was read", err)
	}
	all := make(map[chat.RoomID]chat.ID, len(texts))
	for room, text := range texts {
		if all[chat.RoomID(room)], err = chat.ParseID(text); err != nil {
			return nil, store.Unavailable("read what was read", err)
		}
	}
	return all, nil
}

// EraseInbox is that of [store.Inboxes].
func (s *Store) EraseInbox(ctx context.Context, user string) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	k := s.keys.room(chat.Inbox(user))
	if err := s.rdb.Del(ctx, k.log(), k.meta(), k.keys("0"), k.keys("1"), k.marks()).Err(); err != nil {
		return store.Unavailable("erase an inbox", err)
	}
	return nil
}
