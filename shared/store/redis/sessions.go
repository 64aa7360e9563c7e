package redis

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"confab/shared/chat"
	"confab/shared/store"

	"github.com/redis/go-redis/v9"
)

// sessionsSource is the time by Redis's clock, and keep, which has a user's
// sessions live for so long at least.
const sessionsSource = `
local call = redis.call
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function keep(life)
  if call('PTTL', KEYS[1]) < tonumber(life) then call('PEXPIRE', KEYS[1], life) end
end`

var (
	// Beside the new one there are at most ARGV[5] sessions, the last used.
	useSessionScript = redis.NewScript(sessionsSource + `
local id, generation, device, life, most = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local known = call('HMGET', KEYS[1], 'generation', 'ended ' .. id, 'session ' .. id)
if tonumber(known[1] or 0) > generation or id ~= '' and known[2] then return 0 end
if id == '' then return now end
if not known[3] then
  local all, others = call('HGETALL', KEYS[1]), {}
  for i = 1, #all, 2 do
    local used = string.match(all[i], '^session ') and string.match(all[i + 1], '^%d+ (%d+)')
    if used then others[#others + 1] = {all[i], tonumber(used)} end
  end
  table.sort(others, function(a, b) return a[2] > b[2] end)
  for i, one in ipairs(others) do
    if i >= most or one[2] < now - life then call('HDEL', KEYS[1], one[1]) end
  end
end
local made, before = string.match(known[3] or '', '^(%d+) %d+ ?(.*)$')
call('HSET', KEYS[1], 'session ' .. id, string.format('%d %d %s', made or now, now, device ~= '' and device or before or ''))
keep(life)
return now`)

	endSessionScript = redis.NewScript(sessionsSource + `
local all = call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.match(all[i], '^ended ') and tonumber(all[i + 1]) < now - tonumber(ARGV[2]) then call('HDEL', KEYS[1], all[i]) end
end
call('HDEL', KEYS[1], 'session ' .. ARGV[1])
call('HSET', KEYS[1], 'ended ' .. ARGV[1], string.format('%d', now))
keep(ARGV[2])
return 0`)

	endSessionsScript = redis.NewScript(sessionsSource + `
local generation = call('HGET', KEYS[1], 'generation') or 0
call('DEL', KEYS[1])
call('HSET', KEYS[1], 'generation', generation + 1)
keep(ARGV[1])
return generation + 1`)

	signOutScript = redis.NewScript(sessionsSource + `
call('ZADD', KEYS[1], string.format('%d', now), ARGV[1])
call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%d', now - ARGV[2]))
keep(ARGV[2])
return 0`)

	// After a time to come, of a clock that was set back since, comes everything.
	signedOutScript = redis.NewScript(sessionsSource + `
local after = tonumber(ARGV[1])
if after > now then after = 0 end
local outs = call('ZRANGEBYSCORE', KEYS[1], string.format('%d', after), '+inf', 'WITHSCORES')
table.insert(outs, 1, string.format('%d', now))
return outs`)
)

// UseSession is that of [store.Sessions].
func (s *Store) UseSession(ctx context.Context, user string, of chat.Session) (int64, error) {
	now, err := s.session(ctx, useSessionScript, s.keys.sessions(user), of.ID, of.Generation, of.Device, store.SessionLife.Milliseconds(), chat.MaxSessions).Int64()
	switch {
	case err != nil:
		return 0, store.Unavailable("look up a session", err)
	case now == 0:
		return 0, store.ErrSignedOut
	}
	return now, nil
}

// session runs a script on one key, in time for an answer.
func (s *Store) session(ctx context.Context, script *redis.Script, key string, args ...any) *redis.Cmd {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	return script.Run(ctx, s.rdb, []string{key}, args...)
}

// Sessions is that of [store.Sessions].
func (s *Store) Sessions(ctx context.Context, user string) ([]chat.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	all, err := s.rdb.HGetAll(ctx, s.keys.sessions(user)).Result()
	if err != nil {
		return nil, store.Unavailable("list sessions", err)
	}
	generation, _ := strconv.Atoi(all["generation"])
	var list []chat.Session
	for field, value := range all {
		id, ok := strings.CutPrefix(field, "session ")
		f := strings.SplitN(value, " ", 3)
		if !ok || len(f) != 3 {
			continue
		}
		one := chat.Session{ID: id, Device: f[2], Generation: generation}
		one.Made, _ = strconv.ParseInt(f[0], 10, 64)
		one.Used, _ = strconv.ParseInt(f[1], 10, 64)
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b chat.Session) int {
		return cmp.Or(cmp.Compare(b.Used, a.Used), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

// EndSession is that of [store.Sessions].
func (s *Store) EndSession(ctx context.Context, user, id string) error {
	if err := s.session(ctx, endSessionScript, s.keys.sessions(user), id, store.EndedLife.Milliseconds()).Err(); err != nil {
		return store.Unavailable("end a session", err)
	}
	return s.tellSignOut(ctx, user)
}

// EndSessions is that of [store.Sessions].
func (s *Store) EndSessions(ctx context.Context, user string) (int, error) {
	generation, err := s.session(ctx, endSessionsScript, s.keys.sessions(user), store.EndedLife.Milliseconds()).Int()
	if err != nil {
		return 0, store.Unavailable("end all sessions", err)
	}
	return generation, s.tellSignOut(ctx, user)
}

// tellSignOut lets all servers know. On a Cluster this is in another slot, so
// it comes after.
func (s *Store) tellSignOut(ctx context.Context, user string) error {
	if err := s.session(ctx, signOutScript, s.keys.signOuts(), user, store.SignOutsKept.Milliseconds()).Err(); err != nil {
		return store.Unavailable("tell of a sign-out", err)
	}
	return nil
}

// Generation is that of [store.Sessions].
func (s *Store) Generation(ctx context.Context, user string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	n, err := s.rdb.HGet(ctx, s.keys.sessions(user), "generation").Int()
	if err != nil && err != redis.Nil {
		return 0, store.Unavailable("look up a generation", err)
	}
	return n, nil
}

// SignedOut is that of [store.Sessions].
func (s *Store) SignedOut(ctx context.Context, after int64) (outs []chat.SignOut, now int64, err error) {
	reply, err := s.session(ctx, signedOutScript, s.keys.signOuts(), after).StringSlice()
	if err != nil || len(reply)%2 == 0 {
		return nil, 0, store.Unavailable("read sign-outs", cmp.Or(err, errReply))
	}
	for pair := range slices.Chunk(reply[1:], 2) {
		at, err := strconv.ParseInt(pair[1], 10, 64)
		if err != nil {
			return nil, 0, store.Unavailable("read sign-outs", err)
		}
		outs = append(outs, chat.SignOut{User: pair[0], At: at})
	}
	now, err = strconv.ParseInt(reply[0], 10, 64)
	return outs, now, err
}
