-- Hands out messages that are due, each to one sender; whoever dies with one leaves it due again after the lease.
--
-- KEYS  1 outbox, due
-- ARGS  1 now, ms   2 lease, ms   3 most messages   4 what a message's key begins with
-- RETURN a list of {id, message, tries}; the message is false where it has expired unsent

local handed = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[3])) do
  local key = ARGV[4] .. id
  local message = redis.call('HGET', key, 'message')
  if message then
    redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[2], id)
    table.insert(handed, {id, message, redis.call('HINCRBY', key, 'tries', 1)})
  else
    redis.call('ZREM', KEYS[1], id)
    table.insert(handed, {id, false, 0})
  end
end
return handed
