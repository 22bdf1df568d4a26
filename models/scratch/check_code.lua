-- Compares one guess with the code of an identity; the try is counted first, so no number of guesses at once gets more.
-- What is compared are keyed digests, and Lua keeps each short text once: equality compares two pointers.
--
-- KEYS  1 the code
-- ARGS  1 digest of the guess   2 most tries
-- RETURN 1 right, and the code is used up; 0 wrong, no code, or no try left

local digest = redis.call('HGET', KEYS[1], 'digest')
if not digest then
  return 0
end
if redis.call('HINCRBY', KEYS[1], 'tries', 1) > tonumber(ARGV[2]) or digest ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
return 1
