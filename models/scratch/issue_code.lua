-- Takes a request for a login code: all limits, then code and outbox, in one step. A refused request changes nothing.
-- Who asks in the cool-down of somebody else's request joins the code that is on its way, with tries of their own: so
-- nobody keeps an owner from a code by asking first. Only few may join, and each for a proof of their own: guesses have
-- a bound, and cost. A proof that has asked for this very code is good for joining it: a form was sent twice.
--
-- KEYS  1 switch of the kind   2 cool-down of the identity   3 the code   4 outbox, due   5 the outbox's message
--       6 codes of this minute, for the load   7 … one counter for each gate, that of the proof last
-- ARGS  1 cool-down, ms   2 digest of the code   3 life of the code, ms   4 id of the message   5 the message
--       6 life of the minute's counter, ms   7 the field with the tries of who asks   8 most who share a code
--       9 short id of the proof, '' for none
--       10 … for each gate: how often it opens, its life in ms, what it says when shut
-- RETURN {outcome, ms until it may be asked again}; outcome: sent, off, cooling, or what the first shut gate says

local FIRST = 10

local function count(key, life)
  if redis.call('INCR', key) == 1 then
    redis.call('PEXPIRE', key, life)
  end
end

local function is_shut(gate)
  return tonumber(redis.call('GET', KEYS[7 + gate]) or '0') >= tonumber(ARGV[FIRST + gate * 3])
end

local function pass(gate)
  count(KEYS[7 + gate], ARGV[FIRST + 1 + gate * 3])
end

local function join()
  local found = redis.call('HMGET', KEYS[3], 'sharing', ARGV[7], 'proof')
  if not found[1] or found[2] or tonumber(found[1]) >= tonumber(ARGV[8]) then
    return
  end
  if ARGV[9] == '' or found[3] ~= ARGV[9] then
    local proof = #KEYS - 7
    if is_shut(proof) then
      return
    end
    pass(proof)
  end
  redis.call('HINCRBY', KEYS[3], 'sharing', 1)
  redis.call('HSET', KEYS[3], ARGV[7], '0')
end

if redis.call('GET', KEYS[1]) == 'off' then
  return {'off', 0}
end
local cooling = redis.call('PTTL', KEYS[2])
if cooling > 0 then
  join()
  return {'cooling', cooling}
end
for gate = 0, #KEYS - 7 do
  if is_shut(gate) then
    return {ARGV[FIRST + 2 + gate * 3], redis.call('PTTL', KEYS[7 + gate])}
  end
end

count(KEYS[6], ARGV[6])
for gate = 0, #KEYS - 7 do
  pass(gate)
end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[1])
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'digest', ARGV[2], ARGV[7], '0', 'sharing', '1')
if ARGV[9] ~= '' then
  redis.call('HSET', KEYS[3], 'proof', ARGV[9])
end
redis.call('PEXPIRE', KEYS[3], ARGV[3])
redis.call('HSET', KEYS[5], 'message', ARGV[5], 'tries', '0')
redis.call('PEXPIRE', KEYS[5], ARGV[3])
redis.call('ZADD', KEYS[4], 0, ARGV[4])
return {'sent', tonumber(ARGV[1])}
