--[[
Votes for wrk, each of another account for as long as the tokens last, then again for other entries.

    wrk … -s vote.lua URL -- TOKENS FIRST ENTRY…

Vote number g (from FIRST on) is cast with line g mod N of the file TOKENS for entry (line + pass) mod M, where pass counts
how often the file was walked: no (account, entry) comes twice in N·M votes. Every contender gets these same requests, so
that the generator costs each of them the same. `done` prints one line of JSON.
]]

local LINE = 57 -- letters of a token and its newline

local file, line, lines, pass
local heads = {}

function init(args)
  file = assert(io.open(args[1]))
  lines = file:seek('end') / LINE
  local first = tonumber(args[2])
  line, pass = first % lines, math.floor(first / lines)
  file:seek('set', line * LINE)
  for i = 3, #args do
    heads[#heads + 1] = 'PUT /api/entries/' .. args[i] .. '/vote HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: wrk\r\n'
      .. 'Accept: */*\r\nContent-Length: 0\r\nAuthorization: Bearer '
  end
end

function request()
  if line == lines then
    line, pass = 0, pass + 1
    file:seek('set', 0)
  end
  local head = heads[(line + pass) % #heads + 1]
  line = line + 1
  return head .. file:read('*l') .. '\r\n\r\n'
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
