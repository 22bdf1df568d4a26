#!lua name=ballot_box_REVISION
--[[
The ballot box: everything that must be decided in one atomic step. REVISION becomes the first hex digits of this file's
hash when it is loaded (models/ballot_box/library.py): a library is never replaced in place, so processes of two releases
work side by side.

Every function takes the same KEYS (models/ballot_box/keys.py, ShardKeys.all):
  1 contest  2 shut  3 entries  4 ballot prefix  5 tally  6 voided  7 blocked  8 log
All keys of a call carry one hash tag. Times are ms since 1970 by the server's own TIME. Accounts are text throughout: a
63-bit number does not fit a Lua number.

Valkey does not roll a function back when a later command fails: every write that can fail stands under pcall, in an order
in which a failure leaves nothing half done.
]]

local CONTEST, SHUT, ENTRIES, BALLOT, TALLY, VOIDED, BLOCKED, LOG = 1, 2, 3, 4, 5, 6, 7, 8
local EVENT_VERSION, OPENED, CAST, VOID, RESTORE, ACCOUNT_OPENED = 1, 1, 2, 3, 4, 5
local FIRST = 128 -- beside CAST: the ballot was empty before
local CHUNK = 1000 -- members a call: Lua's unpack has a limit of some thousands

local function now_ms()
  local time = server.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function event_head(kind, now)
  return struct.pack('>BBI8', EVENT_VERSION, kind, now)
end

local function failed(reply)
  return type(reply) == 'table' and reply.err ~= nil
end

-- The log's last id: that of the event just written, else what the stream says ('0-0' for no log).
local function last_id(keys, written)
  if written then
    return written
  end
  local info = server.pcall('XINFO', 'STREAM', keys[LOG])
  if failed(info) then
    return '0-0'
  end
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      return info[i + 1]
    end
  end
  return '0-0'
end

-- Why no vote at all may be counted at this moment, as an outcome's letter; nil when voting is open.
local function window_refusal(state, opens_at, closes_at, now)
  if state == 'closed' or state == 'final' or now >= closes_at then
    return 'x'
  end
  if now < opens_at then
    return 'n'
  end
  if state ~= 'open' then
    return 'p'
  end
  return nil
end

--[[
cast: decides a batch of votes, each on its own.
ARGS    S, epoch, key fingerprint, then for each vote: account, entry, body of its event
RETURNS {letters, last id of the log}; one letter a vote, in order:
        c counted  a already_voted  n not_open_yet  x closed  p paused  u unknown_entry  b blocked  r not_ready
An earlier vote is already_voted whatever has been closed, paused, withdrawn or blocked since: a refusal is given only
after a look into the ballot; on the counting path SADD itself tells.
]]
local function cast(keys, args)
  local letters = {}
  local contest = server.call('HMGET', keys[CONTEST], 'state', 'opens_at', 'closes_at', 'epoch', 'shards', 'key')
  if not contest[1] or contest[4] ~= args[2] or contest[5] ~= args[1] or contest[6] ~= args[3] then
    return { string.rep('r', (#args - 3) / 3), last_id(keys) }
  end
  local now = now_ms()
  local shut = window_refusal(contest[1], tonumber(contest[2]), tonumber(contest[3]), now)
  local head, head_of_first = event_head(CAST, now), event_head(CAST + FIRST, now)
  local any_blocked = server.call('SCARD', keys[BLOCKED]) > 0
  local known, counted, written = {}, {}, nil

  local function refusal(account, entry)
    if shut then
      return shut
    end
    if known[entry] == nil then
      known[entry] = server.call('SISMEMBER', keys[ENTRIES], entry) == 1
    end
    if not known[entry] then
      return 'u'
    end
    if any_blocked and server.call('SISMEMBER', keys[BLOCKED], account) == 1 then
      return 'b'
    end
    return nil
  end

  local function decide(account, entry, body)
    local ballot = keys[BALLOT] .. account
    local letter = refusal(account, entry)
    if letter then
      local voted = server.pcall('SISMEMBER', ballot, entry)
      return voted == 1 and 'a' or letter
    end
    local added = server.pcall('SADD', ballot, entry)
    if added == 0 then
      return 'a'
    end
    if added ~= 1 then
      return 'r'
    end
    local first = server.pcall('SCARD', ballot) == 1
    local id = server.pcall('XADD', keys[LOG], '*', 'e', (first and head_of_first or head) .. body)
    if failed(id) then
      server.pcall('SREM', ballot, entry)
      return 'r'
    end
    written = id
    counted[entry] = (counted[entry] or 0) + 1
    return 'c'
  end

  for i = 4, #args, 3 do
    letters[#letters + 1] = decide(args[i], args[i + 1], args[i + 2])
  end
  for entry, votes in pairs(counted) do
    server.pcall('HINCRBY', keys[TALLY], entry, votes)
  end
  return { table.concat(letters), last_id(keys, written) }
end

--[[
open_account: writes a batch of logins into the log. Whether voting is open does not matter, but what is final is final.
ARGS    S, epoch, key fingerprint, then for each login: body of its event
RETURNS letters, one a login, in order: o in the log  f refused, the contest is final  r not ready
]]
local function open_account(keys, args)
  local contest = server.call('HMGET', keys[CONTEST], 'state', 'epoch', 'shards', 'key')
  if not contest[1] or contest[2] ~= args[2] or contest[3] ~= args[1] or contest[4] ~= args[3] then
    return string.rep('r', #args - 3)
  end
  if contest[1] == 'final' then
    return string.rep('f', #args - 3)
  end
  local letters = {}
  local head = event_head(ACCOUNT_OPENED, now_ms())
  for i = 4, #args do
    local id = server.pcall('XADD', keys[LOG], '*', 'e', head .. args[i])
    letters[#letters + 1] = failed(id) and 'r' or 'o'
  end
  return table.concat(letters)
end

--[[
take_turn: from now on only who took this turn, or a later one, voids and restores: a worker that slept through its end
must not go on. Turns are numbers of the ledger that only rise. A repair begins without one, and with another epoch.
ARGS    epoch, turn
RETURNS 1, or 0: not ready, or a later turn has begun
]]
local function take_turn(keys, args)
  local contest = server.call('HMGET', keys[CONTEST], 'state', 'epoch', 'turn')
  if not contest[1] or contest[2] ~= args[1] or tonumber(args[2]) < tonumber(contest[3] or '0') then
    return 0
  end
  server.call('HSET', keys[CONTEST], 'turn', args[2])
  return 1
end

--[[
void, restore: take votes out of the count, and put them back. Running either twice changes nothing.
ARGS    epoch, turn, then for each vote: account, entry, body of its event
RETURNS letters: d done  s the same as before (or no such vote)  r not ready, final, or a later turn has begun
]]
local function decision(kind, moved, change)
  return function(keys, args)
    local letters = {}
    local contest = server.call('HMGET', keys[CONTEST], 'state', 'epoch', 'turn')
    if not contest[1] or contest[1] == 'final' or contest[2] ~= args[1]
      or tonumber(args[2]) < tonumber(contest[3] or '0') then
      return string.rep('r', (#args - 2) / 3)
    end
    local head = event_head(kind, now_ms())
    for i = 3, #args, 3 do
      local account, entry = args[i], args[i + 1]
      local member, letter = account .. ':' .. entry, 's'
      local voted = server.pcall('SISMEMBER', keys[BALLOT] .. account, entry)
      if voted == 1 and server.call(moved.apply, keys[VOIDED], member) == 1 then
        local id = server.pcall('XADD', keys[LOG], '*', 'e', head .. args[i + 2])
        if failed(id) then
          server.call(moved.undo, keys[VOIDED], member)
          letter = 'r'
        else
          server.pcall('HINCRBY', keys[TALLY], entry, change)
          letter = 'd'
        end
      end
      letters[#letters + 1] = letter
    end
    return table.concat(letters)
  end
end

-- The contest as it stands: {state, version, stops, epoch, now}; state '' when the box is not ready.
local function standing(keys)
  local contest = server.call('HMGET', keys[CONTEST], 'state', 'version', 'stops', 'epoch')
  return {
    contest[1] or '',
    tonumber(contest[2] or '0'),
    tonumber(contest[3] or '0'),
    contest[4] or '0',
    now_ms(),
  }
end

--[[
pulse: closes the contest when its time has come. What is closed no clock reopens.
RETURNS {state, version, stops, epoch, now}
]]
local function pulse(keys)
  local contest = server.call('HMGET', keys[CONTEST], 'state', 'closes_at')
  if (contest[1] == 'open' or contest[1] == 'paused') and now_ms() >= tonumber(contest[2]) then
    server.call('HSET', keys[CONTEST], 'state', 'closed')
  end
  return standing(keys)
end

--[[
stop: pauses voting on the box alone, also while the ledger is away. `stops` counts, so that a decision made in the
ledger before it cannot undo it.
RETURNS {state, version, stops, epoch, now}
]]
local function stop(keys)
  if server.call('HGET', keys[CONTEST], 'state') == 'open' then
    server.call('HSET', keys[CONTEST], 'state', 'paused')
    server.call('HINCRBY', keys[CONTEST], 'stops', 1)
  end
  return standing(keys)
end

local function replace_set(key, args, first, count)
  server.call('DEL', key)
  for from = first, first + count - 1, CHUNK do
    server.call('SADD', key, unpack(args, from, math.min(from + CHUNK - 1, first + count - 1)))
  end
end

--[[
apply: brings the operators' decisions into force, if they are newer than what the box has.
ARGS    version, state, opens_at, closes_at, sessions_from, stops seen, number of entries, entries…, blocked accounts…
RETURNS {state, version, stops, epoch, now} as it then stands
'closed' and 'final' only go forward, and 'open' does not undo a stop that the ledger has not seen.
]]
local function apply(keys, args)
  local contest = server.call('HMGET', keys[CONTEST], 'state', 'version', 'stops')
  local state = args[2]
  if not contest[1] or tonumber(args[1]) <= tonumber(contest[2]) then
    return standing(keys)
  end
  if contest[1] == 'final' or (contest[1] == 'closed' and state ~= 'final') then
    state = contest[1]
  elseif state == 'open' and tonumber(args[6]) < tonumber(contest[3]) then
    state = 'paused'
  end
  local entries = tonumber(args[7])
  replace_set(keys[ENTRIES], args, 8, entries)
  replace_set(keys[BLOCKED], args, 8 + entries, #args - 7 - entries)
  server.call('HSET', keys[CONTEST], 'version', args[1], 'state', state, 'opens_at', args[3], 'closes_at', args[4],
    'sessions_from', args[5])
  return pulse(keys)
end

--[[
shut: takes the contest away for a repair, so that no function does anything until `reopen`. Whoever shuts last holds the
repair: every later step names its token, so that of two repairs only the newer one goes on.
ARGS    token
RETURNS {epoch of the box, '' where it has none (an empty box); stops}
]]
local function shut(keys, args)
  if server.call('EXISTS', keys[CONTEST]) == 1 then
    server.call('RENAME', keys[CONTEST], keys[SHUT])
  end
  local taken = server.call('HMGET', keys[SHUT], 'epoch', 'stops')
  server.call('HSET', keys[SHUT], 'repair', args[1])
  return { taken[1] or '', tonumber(taken[2] or '0') }
end

local function holding(keys, token)
  if server.call('EXISTS', keys[CONTEST]) == 1 or server.call('HGET', keys[SHUT], 'repair') ~= token then
    error('REPAIRED another repair has taken over')
  end
end

--[[
adopt: marks a box that is shut as belonging to the ledger, in an epoch that the ledger knows: an empty one, before it is
filled (a fill that dies half-way must be able to go on), or one that a person vouches for.
ARGS    token, epoch
]]
local function adopt(keys, args)
  holding(keys, args[1])
  server.call('HSET', keys[SHUT], 'epoch', args[2])
  return 'OK'
end

--[[
forget: takes away what the repair rebuilds whole: entries, blocked, voided and tally. Ballots stay: a repair only adds.
ARGS    token
]]
local function forget(keys, args)
  holding(keys, args[1])
  server.call('UNLINK', keys[ENTRIES], keys[BLOCKED], keys[VOIDED], keys[TALLY])
  return 'OK'
end

--[[
refill: adds to what a repair rebuilds.
ARGS    token, 'entries' | 'blocked' | 'voided', members…
        token, 'tally', then entry, votes, …
        token, 'ballots', then account, entry, …  (a key of another type in a ballot's place gives way)
RETURNS how many were new
]]
local SETS = { entries = ENTRIES, blocked = BLOCKED, voided = VOIDED }
local function refill(keys, args)
  holding(keys, args[1])
  local what, added = args[2], 0
  if what == 'ballots' then
    for i = 3, #args, 2 do
      local ballot = keys[BALLOT] .. args[i]
      local new = server.pcall('SADD', ballot, args[i + 1])
      if failed(new) then
        if server.call('TYPE', ballot).ok == 'set' then
          error(new.err)
        end
        server.call('UNLINK', ballot)
        new = server.call('SADD', ballot, args[i + 1])
      end
      added = added + new
    end
    return added
  end
  for from = 3, #args, CHUNK do
    local to = math.min(from + CHUNK - 1, #args)
    if what == 'tally' then
      added = added + server.call('HSET', keys[TALLY], unpack(args, from, to))
    else
      added = added + server.call('SADD', keys[SETS[what]], unpack(args, from, to))
    end
  end
  return added
end

--[[
begin_log: begins the log anew with the event `opened`, in a repair.
ARGS    token, least id that the event may have, body of the event
RETURNS {id, packed event}; the id is the greater of the one given and the old log's last: ids never go back
]]
local function begin_log(keys, args)
  holding(keys, args[1])
  local function parts(id)
    local ms, seq = string.match(id, '^(%d+)-(%d+)$')
    return tonumber(ms), tonumber(seq)
  end
  local old, least = last_id(keys), args[2]
  local old_ms, old_seq = parts(old)
  local ms, seq = parts(least)
  local id = (old_ms > ms or (old_ms == ms and old_seq > seq)) and old or least
  local event = event_head(OPENED, now_ms()) .. args[3]
  server.call('UNLINK', keys[LOG])
  server.call('XADD', keys[LOG], id, 'e', event)
  return { id, event }
end

--[[
reopen: puts the contest back, as the last step of a repair.
ARGS    token, then the fields of the contest hash and their values
RETURNS {state, version, stops, epoch, now}
]]
local function reopen(keys, args)
  holding(keys, args[1])
  server.call('HSET', keys[CONTEST], unpack(args, 2))
  server.call('UNLINK', keys[SHUT])
  return pulse(keys)
end

local function register(name, callback, flags)
  server.register_function({ function_name = name .. '_REVISION', callback = callback, flags = flags })
end

-- What stops, closes or voids works on a full box too, else a full box could not be closed.
register('cast', cast, {})
register('open_account', open_account, {})
register('take_turn', take_turn, { 'allow-oom' })
register('void', decision(VOID, { apply = 'SADD', undo = 'SREM' }, -1), { 'allow-oom' })
register('restore', decision(RESTORE, { apply = 'SREM', undo = 'SADD' }, 1), { 'allow-oom' })
register('pulse', pulse, { 'allow-oom' })
register('stop', stop, { 'allow-oom' })
register('apply', apply, { 'allow-oom' })
register('shut', shut, { 'allow-oom' })
register('adopt', adopt, { 'allow-oom' })
register('forget', forget, { 'allow-oom' })
register('refill', refill, {})
register('begin_log', begin_log, { 'allow-oom' })
register('reopen', reopen, { 'allow-oom' })
