-- Takes a claim, if no limit is against it, in one step. A refused claim changes nothing.
--
-- KEYS  1 the claims that wait   2 the same words   3 claims of this hour   4 claims of this account (none: a guest)
-- ARGS  1 the claim   2 its reference   3 life of the same words, ms   4 most claims that wait
--       5 most claims in an hour   6 an hour, ms   7 most claims of an account   8 how long these are counted, ms
-- RETURN {outcome, reference, ms until it is worth trying again}; outcome: received, repeated, capped, crowded, full

local earlier = redis.call('GET', KEYS[2])
if earlier then
  return {'repeated', earlier, 0}
end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[4]) then
  return {'full', '', tonumber(ARGV[6])}
end
local counters = {{key = KEYS[3], most = ARGV[5], life = ARGV[6], outcome = 'crowded'}}
if KEYS[4] then
  table.insert(counters, 1, {key = KEYS[4], most = ARGV[7], life = ARGV[8], outcome = 'capped'})
end
for _, counter in ipairs(counters) do
  if tonumber(redis.call('GET', counter.key) or '0') >= tonumber(counter.most) then
    return {counter.outcome, '', math.max(redis.call('PTTL', counter.key), 1)}
  end
end

redis.call('XADD', KEYS[1], '*', 'claim', ARGV[1])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
for _, counter in ipairs(counters) do
  if redis.call('INCR', counter.key) == 1 then
    redis.call('PEXPIRE', counter.key, counter.life)
  end
end
return {'received', ARGV[2], 0}
