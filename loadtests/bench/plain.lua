--[[
Pages and logins for wrk.

    wrk … -s plain.lua URL -- PATH [BODIES FIRST]

Without BODIES: GET PATH, as a browser that takes Brotli. With it: POST PATH, each with another line of the file BODIES as
JSON, from line FIRST on (0 is the first), as a page of the site would. `done` prints one line of JSON.
]]

local path, file, get

function init(args)
  path = args[1]
  if args[2] then
    file = assert(io.open(args[2]))
    for _ = 1, tonumber(args[3]) do
      file:read('*l')
    end
  else
    get = 'GET ' .. path .. ' HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: wrk\r\nAccept: */*\r\n'
      .. 'Accept-Encoding: gzip, deflate, br\r\n\r\n'
  end
end

function request()
  if get then
    return get
  end
  local body = assert(file:read('*l'), 'BODIES is too short')
  return 'POST ' .. path .. ' HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: wrk\r\nAccept: */*\r\n'
    .. 'Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\nContent-Length: ' .. #body .. '\r\n\r\n' .. body
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
