-- Takes a request for a login code: all limits, then code and outbox, in one step. A refused request changes nothing.
--
-- KEYS  1 cool-down of the identity   2 codes of the identity in this hour   3 gate: this solution, or the budget of
--       requests without one          4 the code                             5 outbox, due    6 the outbox's message
-- ARGS  1 cool-down, ms   2 most codes in an hour   3 an hour, ms   4 how often the gate opens   5 life of the gate, ms
--       6 digest of the code   7 life of the code, ms   8 id of the message   9 the message
-- RETURN {outcome, ms until it may be asked again}; outcome: sent, cooling, capped, shut (the gate)

local cooling = redis.call('PTTL', KEYS[1])
if cooling > 0 then
  return {'cooling', cooling}
end
if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[2]) then
  return {'capped', redis.call('PTTL', KEYS[2])}
end
if tonumber(redis.call('GET', KEYS[3]) or '0') >= tonumber(ARGV[4]) then
  return {'shut', redis.call('PTTL', KEYS[3])}
end

redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
for key, life in pairs({[KEYS[2]] = ARGV[3], [KEYS[3]] = ARGV[5]}) do
  if redis.call('INCR', key) == 1 then
    redis.call('PEXPIRE', key, life)
  end
end
redis.call('DEL', KEYS[4])
redis.call('HSET', KEYS[4], 'digest', ARGV[6], 'tries', '0')
redis.call('PEXPIRE', KEYS[4], ARGV[7])
redis.call('HSET', KEYS[6], 'message', ARGV[9], 'tries', '0')
redis.call('PEXPIRE', KEYS[6], ARGV[7])
redis.call('ZADD', KEYS[5], 0, ARGV[8])
return {'sent', tonumber(ARGV[1])}
