-- Takes a request for a login code: all limits, then code and outbox, in one step. A refused request changes nothing.
--
-- KEYS  1 switch of the kind   2 cool-down of the identity   3 the code   4 outbox, due   5 the outbox's message
--       6 codes of this minute, for the load   7 … one counter for each gate
-- ARGS  1 cool-down, ms   2 digest of the code   3 life of the code, ms   4 id of the message   5 the message
--       6 life of the minute's counter, ms   7 … for each gate: how often it opens, its life in ms, what it says when shut
-- RETURN {outcome, ms until it may be asked again}; outcome: sent, off, cooling, or what the first shut gate says

if redis.call('GET', KEYS[1]) == 'off' then
  return {'off', 0}
end
local cooling = redis.call('PTTL', KEYS[2])
if cooling > 0 then
  return {'cooling', cooling}
end
for i = 7, #KEYS do
  local gate = 7 + (i - 7) * 3
  if tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[gate]) then
    return {ARGV[gate + 2], redis.call('PTTL', KEYS[i])}
  end
end

local function count(key, life)
  if redis.call('INCR', key) == 1 then
    redis.call('PEXPIRE', key, life)
  end
end

count(KEYS[6], ARGV[6])
for i = 7, #KEYS do
  count(KEYS[i], ARGV[8 + (i - 7) * 3])
end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[1])
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'digest', ARGV[2], 'tries', '0')
redis.call('PEXPIRE', KEYS[3], ARGV[3])
redis.call('HSET', KEYS[5], 'message', ARGV[5], 'tries', '0')
redis.call('PEXPIRE', KEYS[5], ARGV[3])
redis.call('ZADD', KEYS[4], 0, ARGV[4])
return {'sent', tonumber(ARGV[1])}
