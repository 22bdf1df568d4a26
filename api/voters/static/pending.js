// A click on "vote" is kept until the server has decided about it: in local storage where there is one, else in this
// page. It is sent again without end, by one tab at a time; a repeat is harmless, for the box counts each vote once.
//
// A vote: {entry, tag, title, path, login?}. `tag`: whose vote it is; without one it is kept in this page alone.
// `login`: the session was over when it was sent, so it waits for the voter's own click and is not sent by itself.
//
// What is told of a vote: {name: "sending"} · {name: "waiting", until} (ms since 1970) · and, once, the end of it:
// {name: "counted" | "already_voted", receipt} · {name: "refused", code} · {name: "login"}: it is to be confirmed again,
// by whoever is logged in then.

const PATIENCE_MS = 8000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60000;
const ELSEWHERE_PAUSE_MS = 3000;
const LEASE_MS = PATIENCE_MS + 2000;
const KEPT = "vote:";
const DECIDED = "vote-decided";
const LEASE = "vote-lease:";
const FINAL = [
  "not_open_yet", "closed", "paused", "blocked", "cross_site", "unknown_entry", "other_account", "malformed", "invalid",
];

const me = Math.random().toString(36).slice(2);
const jobs = new Map();
const storage = openStorage();

function openStorage() {
  try {
    localStorage.setItem("vote-probe", "1");
    localStorage.removeItem("vote-probe");
    return localStorage;
  } catch (forbidden) {
    return null;
  }
}

/** Whose session this browser has, "" for nobody's. */
export function accountTag() {
  const found = /(?:^|;\s*)signed_in=([^;]+)/.exec(document.cookie);
  return found ? found[1] : "";
}

/** Takes note that the session of `tag` is over, though its time was not; another that has begun since is left alone. */
export function endSession(tag) {
  if (accountTag() === tag) document.cookie = "signed_in=; Path=/; Max-Age=0";
}

/** The votes of this account that are not decided; without a session those of everybody, which wait for a login. */
export function keptVotes() {
  const tag = accountTag();
  return allKept().filter((vote) => !tag || vote.tag === tag).map((vote) => (tag ? vote : { ...vote, login: true }));
}

/** Forgets a vote that waits for a login. */
export function forget(vote) {
  write(KEPT + keyOf(vote), null);
}

/** Whether a vote is on its way from this page. */
export function busy() {
  return jobs.size > 0;
}

/** Sends a vote until it is decided. One that is on its way already is not sent twice. */
export function cast(vote, tell) {
  const key = keyOf(vote);
  const running = jobs.get(key);
  if (running) {
    running.listeners.push(tell);
    tell(running.state);
    return;
  }
  const job = { key, vote, listeners: [tell], state: { name: "sending" }, end: null, wake: null };
  jobs.set(key, job);
  if (vote.tag) write(KEPT + key, JSON.stringify({ ...vote, login: undefined }));
  run(job);
}

function keyOf(vote) {
  return `${vote.tag}:${vote.entry}`;
}

async function run(job) {
  for (let attempt = 1; ; attempt += 1) {
    tellAll(job, { name: "sending" });
    const outcome = await alone(job.key, () => send(job.vote));
    if (job.end) return tellAll(job, job.end);
    if (outcome.name !== "waiting") return decided(job, outcome);
    const pause = outcome.after || pauseAfter(attempt);
    tellAll(job, { name: "waiting", until: Date.now() + pause });
    await nap(job, pause);
    if (job.end) return tellAll(job, job.end);
  }
}

function tellAll(job, state) {
  job.state = state;
  for (const tell of job.listeners) tell(state);
}

/** The end of a vote: taken out of storage, told here and in the other tabs. What its own account has yet to send or to
 * confirm stays: somebody else's login ends no vote.
 */
function decided(job, outcome) {
  jobs.delete(job.key);
  const login = outcome.name === "login" || undefined;
  const waits = job.vote.tag && (login || outcome.code === "other_account");
  write(KEPT + job.key, waits ? JSON.stringify({ ...job.vote, login }) : null);
  write(DECIDED, JSON.stringify({ key: job.key, outcome }));
  write(DECIDED, null);
  tellAll(job, outcome);
}

async function send(vote) {
  if (!vote.tag && accountTag()) return { name: "login" }; // a login in between: whose click it was cannot be told
  const request = { method: "PUT", credentials: "same-origin", cache: "no-store", headers: {} };
  if (vote.tag) request.headers["For-Account"] = vote.tag;
  const stop = typeof AbortController === "function" ? new AbortController() : null;
  if (stop) request.signal = stop.signal;
  const timer = setTimeout(() => stop && stop.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(`/api/entries/${vote.entry}/vote`, request);
    return judge(vote, answer, await answer.json().catch(() => ({})));
  } catch (lost) {
    return { name: "waiting" };
  } finally {
    clearTimeout(timer);
  }
}

/** What an answer means. Whatever is not the server's own word (a gateway's page, half an answer) decides nothing. */
function judge(vote, answer, said) {
  if (answer.ok && said.receipt && said.entry_id === vote.entry) return { name: said.status, receipt: said.receipt };
  if (said.code === "no_session") {
    endSession(vote.tag);
    return { name: "login" };
  }
  if (FINAL.includes(said.code)) return { name: "refused", code: said.code };
  const seconds = Number(answer.headers.get("Retry-After"));
  return { name: "waiting", after: seconds > 0 ? seconds * 1000 + Math.random() * 1000 : 0 };
}

/** Exponential back-off with full jitter: voters who were sent away together do not come back together. */
function pauseAfter(attempt) {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  return FIRST_PAUSE_MS + Math.random() * (longest - FIRST_PAUSE_MS);
}

/** Ends after `pause` ms, or earlier when there is news: the network is back, the page is looked at, another tab. */
function nap(job, pause) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, pause);
    job.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/** `send()` in one tab at a time; in the others a wait. */
function alone(key, send) {
  const elsewhere = { name: "waiting", after: ELSEWHERE_PAUSE_MS };
  if (navigator.locks) {
    const request = navigator.locks.request(KEPT + key, { ifAvailable: true }, (lock) => (lock ? send() : elsewhere));
    return request.catch(send);
  }
  const lease = parse(read(LEASE + key));
  if (lease && lease.who !== me && lease.until > Date.now()) return Promise.resolve(elsewhere);
  write(LEASE + key, JSON.stringify({ who: me, until: Date.now() + LEASE_MS }));
  return send().then((outcome) => {
    write(LEASE + key, null);
    return outcome;
  });
}

function allKept() {
  const found = [];
  for (let place = 0; storage && place < storage.length; place += 1) {
    const key = storage.key(place);
    if (key.startsWith(KEPT)) found.push(parse(read(key)));
  }
  return found.filter((vote) => vote && vote.entry && vote.tag && vote.path);
}

function read(key) {
  return storage && storage.getItem(key);
}

function write(key, text) {
  try {
    if (text === null) storage.removeItem(key);
    else storage.setItem(key, text);
  } catch (full) {
    // The vote stays in this page, and is sent from here.
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch (broken) {
    return null;
  }
}

function wakeAll() {
  for (const job of jobs.values()) {
    if (job.wake) job.wake();
  }
}

addEventListener("online", () => setTimeout(wakeAll, Math.random() * 1000));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) wakeAll();
});
addEventListener("storage", (event) => {
  const news = event.key === DECIDED && parse(event.newValue);
  const job = news && jobs.get(news.key);
  if (!job) return;
  jobs.delete(job.key);
  job.end = news.outcome;
  if (job.wake) job.wake();
});
