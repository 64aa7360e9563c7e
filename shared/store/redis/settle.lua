-- What an event of the kinds room and member changes of a room's rules, and who
-- may. Redis makes each function anew at every run, so kinds that settle nothing
-- go without these. What comes before is rights.lua; the rules are those of package
-- access, in room.go.
local names = {guest = 0, member = 1, moderator = 2, owner = 3}

-- left takes out what is over and returns how many are left.
local function left(key, clock)
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if over(number(string.match(all[i + 1], '^%S+ (%d+)')), clock) then redis.call('HDEL', key, all[i]) end
  end
  return redis.call('HLEN', key)
end

local function full(key, most, clock)
  return redis.call('HLEN', key) >= most and left(key, clock) >= most
end

-- What moderators change too. All else, with what is added later, is for owners.
local moderated = {locked = true, slow = true, invite = true}

-- may_set judges a change of the room's settings, or of its title where there is
-- none.
function may_set(r, set)
  if r.access == 'direct' and set then return 'fixed' end
  local need = 2
  if not set and not r.access then need = 0 end -- nobody made it
  if not set and r.access == 'direct' then need = 1 end -- its people are all alike
  for name in pairs(set or {}) do
    if not moderated[name] then need = 3 end
  end
  if r.rank < need then return 'role' end
  if set and set.access and set.access ~= 'closed' and (set.access == 'direct' or secret(set.access) ~= secret(r.access)) then
    return 'fixed'
  end
  local invite = set and set.invite
  if invite and not invite.off then
    local role = number(names[invite.role])
    if role == 0 or (role >= r.rank and r.rank < 3) then return 'role' end
    if full(invites, max_invites, r.clock) then return 'full' end
  end
end

local function may_ban(r, m)
  if r.access == 'direct' then return 'fixed' end
  if r.rank < 2 or m.user.id == user or (m.ban ~= 'none' and r.other >= r.rank) then return 'role' end
  local there = ban_of(m.user.id, r.clock)
  if m.ban == 'none' then return not there and 'nobody' end
  if not there and full(bans, max_bans, r.clock) then return 'full' end
end

local function may_join(r, m)
  local uses, ends, invite = string.match(redis.call('HGET', invites, m.invite) or '', '^(%d+) (%d+) (.*)$')
  if not uses or over(tonumber(ends), r.clock) or m.user.id ~= user or cjson.decode(invite).role ~= m.role then
    return 'invite'
  end
  if r.other >= number(names[m.role]) then return 'already' end
  if r.other == 0 and redis.call('HLEN', members) >= max_members then return 'full' end
end

function may_rank(r, m)
  if m.ban then return may_ban(r, m) end
  if m.invite then return may_join(r, m) end
  local role = names[m.role]
  if m.user.id == user then
    if not role or role > r.other then return 'role' end
    if role == r.other then return role == 0 and 'nobody' or 'already' end
    if r.access == 'direct' and role ~= 0 then return 'fixed' end
  else
    if r.access == 'direct' then return 'fixed' end
    if r.rank < 2 or not role or (r.rank == 2 and (role > 1 or r.other > 1)) then return 'role' end
    if role == r.other then return role == 0 and 'nobody' or 'already' end
  end
  if r.other == 3 and number(r.owners) < 2 then return 'last' end
  if m.user.id ~= user and r.other == 0 and redis.call('HLEN', members) >= max_members then return 'full' end
end

-- set_rank gives somebody a role; that of a guest takes it away.
local function set_rank(who, role)
  local old = rank_of(who.id)
  if role == 0 then redis.call('HDEL', members, who.id)
  else redis.call('HSET', members, who.id, role .. ' ' .. cjson.encode(who)) end
  local owners = (role == 3 and 1 or 0) - (old == 3 and 1 or 0)
  if owners ~= 0 then redis.call('HINCRBY', meta, 'owners', owners) end
end

-- forget_rights leaves nothing of the rules and the people that a room had.
function forget_rights()
  redis.call('DEL', members, bans, invites)
  redis.call('HDEL', meta, 'posting', 'locked', 'slow', 'retention', 'owners', 'title')
end

local function set_room(r, set)
  if set.made and not (r.access == 'direct') then
    forget_rights()
    redis.call('HSET', meta, 'access', set.access or 'open')
    if set.access ~= 'direct' then set_rank(cjson.decode(by), 3) end
  end
  for _, who in ipairs(set.with or {}) do set_rank(who, 1) end
  for _, name in ipairs({'access', 'posting', 'slow', 'retention'}) do
    if set[name] then redis.call('HSET', meta, name, set[name]) end
  end
  if set.locked == true then redis.call('HSET', meta, 'locked', '1') end
  if set.locked == false then redis.call('HDEL', meta, 'locked') end
  local invite = set.invite
  if invite and invite.off then redis.call('HDEL', invites, invite.id)
  elseif invite then
    redis.call('HSET', invites, invite.id, string.format('%d %d ', invite.uses, number(invite['until'])) .. cjson.encode(invite))
  end
end

local function set_member(m)
  if m.ban or names[m.role] > 0 then redis.call('HDEL', bans, m.user.id) end -- who is let in is not banned any more
  if m.ban == 'none' then return end
  if m.ban then
    if m.ban == 'ban' then set_rank(m.user, 0) end
    redis.call('HSET', bans, m.user.id, string.format('%s %d ', m.ban, number(m['until'])) .. event)
    return
  end
  if m.invite then
    local uses, rest = string.match(redis.call('HGET', invites, m.invite), '^(%d+) (.*)$')
    if tonumber(uses) > 1 then redis.call('HSET', invites, m.invite, (uses - 1) .. ' ' .. rest)
    else redis.call('HDEL', invites, m.invite) end
  end
  set_rank(m.user, names[m.role])
end

-- settle does what the event changes of the room's rules.
function settle(r)
  if not r.set and not r.member then return end
  redis.call('HSET', meta, 'ruled', '1')
  if r.set then set_room(r, r.set) else set_member(r.member) end
end
