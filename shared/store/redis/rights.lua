-- Who may do what in a room that has rules of its own. The rules are those of
-- package access, in room.go: a test gives both the same questions. The names of keys and
-- arguments are bound in front of this source, see appendScript in append.go:
--
--   meta members bans invites slow_mark     keys of the room
--   room user event                         of the event, and itself as JSON
--   by                                      the author as JSON, where it matters
--   everywhere                              '4': its author runs the server
--   change                                  of the room or of somebody, as JSON; or ''
--
-- and constants:
--
--   posts slowed always settles overrule    the rules of its kind
--   max_members max_bans max_invites
--
-- The functions that judge and do what a kind that settles says are those of
-- settle.lua, which follows for such kinds.
local may_set, may_rank, settle, forget_rights

-- A member is kept as "3 {user}", a ban as "ban until {event}", an invite as
-- "uses until {invite}".
local function number(v) return tonumber(v or '') or 0 end
local needed = {members = 1, moderators = 2}

local function rank_of(who)
  return number(string.match(redis.call('HGET', members, who) or '', '^%d'))
end

local function over(until_ms, clock) return until_ms ~= 0 and until_ms <= clock end

local function ban_of(who, clock)
  local kind, ends = string.match(redis.call('HGET', bans, who) or '', '^(%a+) (%d+)')
  if kind and not over(tonumber(ends), clock) then return kind end
end

local function secret(access) return access == 'private' or access == 'direct' end

-- The address of a room that the server made: nobody learns whether it is there.
local function made_by_server()
  return string.find(room, '^@') or #room == 22 and string.find(room, '^[pd]_%l+$')
end

-- refusal is why the event must not be written, or nil. R is what is known of
-- the room: exists, ruled, and the fields of its meta; the author's rank in it is
-- added.
local function refusal(r)
  local reader = string.match(room, '^@(.+)$')
  if by_server then return not reader and 'hidden' or nil end
  if reader then return reader == user and 'role' or 'hidden' end
  local hidden_address = made_by_server()
  r.rank = number(everywhere)
  if not r.ruled and not settles and not hidden_address then return end
  local said = change ~= '' and cjson.decode(change) or {}
  local set, m = said.set, said.member
  r.set, r.member = set, m
  local banned
  if r.ruled then
    if r.rank == 0 then r.rank = rank_of(user) end
    banned = ban_of(user, r.clock)
  end
  r.other = m and rank_of(m.user.id) or 0
  local made, joins = set and set.made, m and m.invite
  if r.rank < 4 or not r.exists or r.access == 'closed' then
    local hidden = secret(r.access) or hidden_address and not r.access
    if r.access == 'closed' and not made then return 'hidden' end
    if hidden_address and not r.exists and not made and not joins then return 'hidden' end
    if hidden and r.rank == 0 and not made and not joins then return 'hidden' end
    if banned == 'ban' and not made then return joins and 'invite' or 'banned' end
  end
  if made then
    local again = r.access == 'direct' and set.access == 'direct'
    return r.exists and r.access ~= 'closed' and not again and 'exists' or nil
  end
  if banned == 'mute' and not always and r.rank < 4 then return 'muted' end
  if r.locked and not always and r.rank < 2 then return 'locked' end
  if posts and r.rank < number(needed[r.posting]) then return 'posting' end
  if not settles then return end
  if kind == 'member' then
    if not m then return r.access == 'direct' and 'fixed' or 'role' end
    return may_rank(r, m) or nil
  end
  return may_set(r, set)
end
