package redis

import (
	"cmp"
	"context"
	_ "embed"
	"slices"
	"strconv"
	"strings"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

// owned is in front of a user whose name it is for good.
const owned = "!"

// claimSource gives a name to a user who is around, unless another has it, and
// answers who has it then. Owner is who has it, where that was read already.
var claimSource = `
local function claim(name, user, life, owner)
  if owner == nil then owner = redis.call('GET', name) end
  if owner == '` + owned + `' .. user then
    redis.call('PEXPIRE', name, ` + strconv.FormatInt(store.NameLife.Milliseconds(), 10) + `)
    return user
  end
  if owner and owner ~= user then return owner end
  redis.call('SET', name, user, 'PX', life)
  return user
end`

// Time is Redis's, so that servers whose clocks differ agree on who is here.
var (
	hereScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if #ARGV > 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return redis.call('ZRANGE', KEYS[1], 0, -1)`)

	claimScript = redis.NewScript(claimSource + `
return claim(KEYS[1], ARGV[1], ARGV[2])`)

	freeScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return ''`)
)

// Here is that of [store.Attendance].
func (s *Store) Here(ctx context.Context, server string, room chat.RoomID, us ...chat.User) ([]chat.User, error) {
	us, others, err := s.claims(ctx, us)
	if err != nil {
		return nil, err
	}
	if err := s.Gone(ctx, server, room, others...); err != nil {
		return nil, err
	}
	args := make([]any, 0, len(us)+1)
	args = append(args, store.PresenceLife.Milliseconds())
	for _, u := range us {
		args = append(args, member(server, u))
	}
	here, err := hereScript.Run(ctx, s.rdb, []string{s.keys.room(room).here()}, args...).StringSlice()
	if err != nil {
		return nil, store.Unavailable("presence in "+string(room), err)
	}
	return users(here), nil
}

// claims claims each user's name, and tells those who have it now from those
// whose name is another's.
func (s *Store) claims(ctx context.Context, us []chat.User) (named, others []chat.User, err error) {
	owners, err := s.names(ctx, claimScript, us, store.PresenceLife.Milliseconds())
	if err != nil {
		return nil, nil, store.Unavailable("claim names", err)
	}
	for i, u := range us {
		if owners[i] == u.ID {
			named = append(named, u)
		} else {
			others = append(others, u)
		}
	}
	return named, others, nil
}

// claim claims one user's name, or fails with [chat.ErrNameTaken].
func (s *Store) claim(ctx context.Context, u chat.User) error {
	_, others, err := s.claims(ctx, []chat.User{u})
	if err == nil && len(others) > 0 {
		return chat.ErrNameTaken
	}
	return err
}

// Gone is that of [store.Attendance].
func (s *Store) Gone(ctx context.Context, server string, room chat.RoomID, us ...chat.User) error {
	if len(us) == 0 {
		return nil
	}
	members := make([]any, len(us))
	for i, u := range us {
		members[i] = member(server, u)
	}
	if err := s.rdb.ZRem(ctx, s.keys.room(room).here(), members...).Err(); err != nil {
		return store.Unavailable("presence in "+string(room), err)
	}
	return nil
}

// Free is that of [store.Attendance].
func (s *Store) Free(ctx context.Context, us ...chat.User) error {
	if _, err := s.names(ctx, freeScript, us); err != nil {
		return store.Unavailable("free names", err)
	}
	return nil
}

// names runs a script for each user's name, and returns their answers.
func (s *Store) names(ctx context.Context, script *redis.Script, us []chat.User, args ...any) ([]string, error) {
	runs := make([]*run, len(us))
	for i, u := range us {
		runs[i] = &run{script: script, keys: []string{s.keys.name(u.Name)}, args: append([]any{u.ID}, args...)}
	}
	if len(runs) > 0 {
		runAll(ctx, s.rdb, runs, wait{})
	}
	owners := make([]string, len(runs))
	for i, r := range runs {
		var err error
		if owners[i], err = r.cmd.Text(); err != nil {
			return nil, err
		}
	}
	return owners, nil
}

// People is that of [store.Attendance].
func (s *Store) People(ctx context.Context, room chat.RoomID) ([]chat.User, error) {
	return s.Here(ctx, "", room)
}

// Around is that of [store.Attendance].
func (s *Store) Around(ctx context.Context, u chat.User) (bool, error) {
	owner, err := s.rdb.Get(ctx, s.keys.name(u.Name)).Result()
	if err == redis.Nil {
		return false, nil
	}
	if err != nil {
		return false, store.Unavailable("look up a name", err)
	}
	return strings.TrimPrefix(owner, owned) != u.ID, nil
}

// A member of the zset is "<server> <user id> <name>": the same user on two
// servers is two members, so that neither server's leaving hides the other.
func member(server string, u chat.User) string { return server + " " + u.ID + " " + u.Name }

func users(members []string) []chat.User {
	us := make([]chat.User, 0, len(members))
	for _, m := range members {
		if f := strings.SplitN(m, " ", 3); len(f) == 3 {
			us = append(us, chat.User{ID: f[1], Name: f[2]})
		}
	}
	slices.SortFunc(us, func(a, b chat.User) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return slices.Compact(us)
}
