-- One try at a secret of an operator: counted as a failure before anything is compared, so that no number of tries at
-- once gets more. Who is right clears the count.
--
-- KEYS  1 the tries
-- ARGS  1 now, ms since 1970   2 free tries   3 first wait, ms   4 longest wait, ms   5 life of the count, ms
-- RETURN {milliseconds to wait: 0 if the try may be made, tries so far}

local now = tonumber(ARGV[1])
local locked = tonumber(redis.call('HGET', KEYS[1], 'until') or 0)
if locked > now then
  return {locked - now, tonumber(redis.call('HGET', KEYS[1], 'tries'))}
end
local tries = redis.call('HINCRBY', KEYS[1], 'tries', 1)
if tries >= tonumber(ARGV[2]) then
  local wait = math.min(tonumber(ARGV[3]) * 2 ^ (tries - tonumber(ARGV[2])), tonumber(ARGV[4]))
  redis.call('HSET', KEYS[1], 'until', string.format('%d', now + wait))
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {0, tries}
