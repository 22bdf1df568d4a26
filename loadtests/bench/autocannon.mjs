/* What vote.lua and plain.lua ask for, by autocannon: for machines without wrk.

     node autocannon.mjs vote|plain URL CONNECTIONS SECONDS WORD…

   WORD…: as those two take them. Prints one line of JSON: theirs, `made`, the requests that were made, sent or not, and
   `generator_s`, its processor time without what Node.js takes to start.
   Bytes and order are those of vote.lua but for `Connection: keep-alive`, which autocannon adds. */

import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'

const LINE = 57 // letters of a token and its newline
const TIMEOUT_S = 5

/** Vote after vote, none of which comes twice: see vote.lua. */
function votes (file, first, ...entries) {
  const tokens = readFileSync(file, 'latin1')
  const lines = tokens.length / LINE
  let number = Number(first)
  return request => {
    const line = number % lines
    const walked = Math.floor(number / lines)
    number += 1
    request.path = `/api/entries/${entries[(line + walked) % entries.length]}/vote`
    request.method = 'PUT'
    request.headers = {
      'User-Agent': 'autocannon',
      Accept: '*/*',
      'Content-Length': '0',
      Authorization: `Bearer ${tokens.slice(line * LINE, (line + 1) * LINE - 1)}`
    }
    return request
  }
}

/** GET of one path, or POST of each line of a file from line `first` on: see plain.lua. */
function plain (path, file, first) {
  if (!file) {
    return request => {
      request.path = path
      request.headers = { 'User-Agent': 'autocannon', Accept: '*/*', 'Accept-Encoding': 'gzip, deflate, br' }
      return request
    }
  }
  const bodies = readFileSync(file, 'latin1').split('\n').slice(Number(first), -1)
  let number = 0
  return request => {
    if (number === bodies.length) {
      throw new Error('BODIES is too short')
    }
    request.path = path
    request.method = 'POST'
    request.body = bodies[number++]
    request.headers = {
      'User-Agent': 'autocannon', Accept: '*/*', 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'application/json'
    }
    return request
  }
}

const [kind, url, connections, seconds, ...words] = process.argv.slice(2)
const next = { vote: votes, plain }[kind](...words)
let made = 0
const setupRequest = request => {
  made += 1
  return next(request)
}
const before = process.cpuUsage()
const seen = await autocannon({
  url,
  connections: Number(connections),
  duration: Number(seconds),
  timeout: TIMEOUT_S,
  sampleInt: 100, // how often it looks whether the time is over, in ms
  requests: [{ setupRequest }]
})
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({
  requests: seen.requests.total,
  seconds: (seen.finish - seen.start) / 1e3,
  p50_ms: seen.latency.p50,
  p99_ms: seen.latency.p99,
  refused: seen['4xx'] + seen['5xx'],
  broken: seen.errors,
  made,
  generator_s: (user + system) / 1e6
}))
