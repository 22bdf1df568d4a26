--[[
The votes of vote.lua from as many connections, but each waits before it asks again: a rate, and not all that goes.

    wrk … -s paced.lua URL -- RATE CONNECTIONS TOKENS FIRST ENTRY…
]]

dofile((debug.getinfo(1, 'S').source:sub(2):gsub('paced%.lua$', 'vote.lua')))

local votes_init, wait_ms = init, 0

function init(args)
  wait_ms = 1000 * tonumber(args[2]) / tonumber(args[1])
  votes_init({ unpack(args, 3) })
end

function delay() -- in ms; of different lengths, so that the connections do not ask all at once
  return math.random(0, 2 * wait_ms)
end
