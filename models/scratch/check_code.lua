-- Compares one guess with the code of an identity; the try is counted first, so no number of guesses at once gets more.
-- Each browser that asked has tries of its own: who did not ask has none, and takes nobody's away.
-- What is compared are keyed digests, and Lua keeps each short text once: equality compares two pointers.
--
-- KEYS  1 the code
-- ARGS  1 digest of the guess   2 most tries   3 the field with the tries of who guesses
-- RETURN 1 right, and the code is used up; 0 wrong, no code, asked for by somebody else, or no try left

local found = redis.call('HMGET', KEYS[1], 'digest', ARGV[3])
if not found[1] or not found[2] then
  return 0
end
if redis.call('HINCRBY', KEYS[1], ARGV[3], 1) > tonumber(ARGV[2]) or found[1] ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
return 1
