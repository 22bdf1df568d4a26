--[[
Requests of a climb, for wrk.

    wrk … -s climb.lua URL -- HOST WAIT_MS page PATH
    wrk … -s climb.lua URL -- HOST WAIT_MS vote TOKENS FIRST ENTRY…

HOST: for the header, with the port where it is not the usual one; WAIT_MS: how long each connection waits between an answer
and its next request at an average, 0: not at all. Vote number g (from FIRST on) is cast with line g mod N of the file TOKENS
for entry (line + pass) mod M, where pass counts how often the file was walked: no (account, entry) comes twice in N·M votes.
`done` prints one line of JSON.
]]

local CONNECTIONS = 512 -- as wrk.py has them
local wait_ms, asked = 0, 0
local page, file, width, line, lines, pass
local heads = {}

local function head(verb, path, host)
  return verb .. ' ' .. path .. ' HTTP/1.1\r\nHost: ' .. host .. '\r\nUser-Agent: wrk\r\nAccept: */*\r\n'
end

-- In ms; of different lengths, so that the connections do not ask all at once. The first of each connection is what is
-- left of such a wait at a moment taken by chance: else a short run would begin with too few requests.
local function pause()
  asked = asked + 1
  local share = asked > CONNECTIONS and math.random() or 1 - math.sqrt(math.random())
  return math.floor(2 * wait_ms * share + 0.5)
end

function init(args)
  wait_ms = tonumber(args[2])
  if wait_ms > 0 then
    delay = pause -- only then: wrk is slower with one
  end
  if args[3] == 'page' then
    page = head('GET', args[4], args[1]) .. 'Accept-Encoding: gzip, deflate, br\r\n\r\n'
    return
  end
  file = assert(io.open(args[4]))
  width = #file:read('*l') + 1
  lines = file:seek('end') / width
  local first = tonumber(args[5])
  line, pass = first % lines, math.floor(first / lines)
  file:seek('set', line * width)
  for i = 6, #args do
    local path = '/api/entries/' .. args[i] .. '/vote'
    heads[#heads + 1] = head('PUT', path, args[1]) .. 'Content-Length: 0\r\nAuthorization: Bearer '
  end
end

function request()
  if page then
    return page
  end
  if line == lines then
    line, pass = 0, pass + 1
    file:seek('set', 0)
  end
  local start = heads[(line + pass) % #heads + 1]
  line = line + 1
  return start .. file:read('*l') .. '\r\n\r\n'
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
