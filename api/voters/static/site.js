// What every page does: resumes kept votes, marks the entries that this voter has voted for, counts down, keeps the
// place in a list, shares. All texts come from the page (`data-words`, see api/voters/words.py).

import { accountTag, busy, cast, endSession, forget, keptVotes } from "./pending.js";

export const words = JSON.parse(document.querySelector("script[data-words]").dataset.words);

/** `text` with `{name}` filled in. */
export function say(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** An element with its properties and children. */
export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Puts `children` in the place of what an element holds. */
export function fill(element, ...children) {
  element.textContent = "";
  element.append(...children);
}

/** The address of the login that leads back to `path`. */
export function loginTo(path) {
  return `${words.login}?next=${encodeURIComponent(path)}`;
}

/** The sentence and the link of a vote's state; nothing in it moves, so that a screen reader reads it once. */
export function told(vote, state) {
  if (state.name === "sending") return [words.sending];
  if (state.name === "waiting") return [words.waiting];
  if (state.name === "refused") return [words.refused[state.code] || words.refused.invalid];
  if (state.name === "login") {
    const address = accountTag() ? vote.path : loginTo(vote.path);
    return [words.expired, " ", make("a", { href: address }, words.again)];
  }
  const address = `${words.lookUp}?ma=${state.receipt}`;
  return [say(words.counted, state), " ", make("a", { href: address }, words.lookUpLink)];
}

/** This account's ballot: Map of entry → receipt; null where nobody is logged in or the call fails. */
async function readBallot() {
  const tag = accountTag();
  if (!tag) return null;
  try {
    const answer = await fetch("/api/ballot", { credentials: "same-origin", cache: "no-store" });
    if (answer.status === 401) endSession(tag);
    if (!answer.ok) return null;
    return new Map((await answer.json()).votes.map((vote) => [vote.entry_id, vote.receipt]));
  } catch (lost) {
    return null;
  }
}

export const ballot = readBallot();

/** Where an entry takes no votes just now, an earlier vote of this account is told all the same. */
function showOwnVote(voted) {
  const place = document.querySelector("[data-own-vote]");
  const receipt = place && voted.get(Number(place.dataset.ownVote));
  if (!receipt) return;
  fill(place, ...told({}, { name: "already_voted", receipt }));
  place.hidden = false;
}

function markCards(voted) {
  for (const card of document.querySelectorAll(".cards [data-entry]")) {
    if (!voted.has(Number(card.dataset.entry)) || card.querySelector(".mark")) continue;
    card.append(make("p", { className: "mark" }, words.voted));
  }
}

/** Kept votes that no form of this page shows: one line for those on their way, one for each that is decided. Of those
 * of somebody who is not logged in only the number is told: others may use this browser.
 */
function resume() {
  const here = new Set([...document.querySelectorAll("[data-vote]")].map((form) => Number(form.dataset.entry)));
  const votes = keptVotes().filter((vote) => !accountTag() || !here.has(vote.entry));
  if (!votes.length) return;
  const lines = make("div", { className: "wide" });
  const bar = make("div", {}, lines);
  bar.setAttribute("role", "status");
  document.body.append(bar);
  const states = new Map();
  const show = () => {
    const locked = [...states].filter(([vote, state]) => state.name === "login" && vote.tag !== accountTag());
    const open = [...states].filter((one) => !locked.some(([vote]) => vote === one[0]));
    const decided = open.filter(([, state]) => state.name !== "sending" && state.name !== "waiting");
    const count = open.length - decided.length;
    const going = count ? [make("p", {}, say(count === 1 ? words.oneKept : words.manyKept, { count }))] : [];
    if (locked.length) going.push(lockedLine(locked));
    fill(lines, ...going, ...decided.map(([vote, state]) => decidedLine(vote, state)));
    bar.className = count || locked.length || decided.some(([, state]) => !state.receipt) ? "kept still" : "kept";
    bar.hidden = !lines.childElementCount;
  };
  const closing = (votes, more) => {
    const close = make("button", { type: "button", className: "plain" }, words.close);
    close.addEventListener("click", () => {
      for (const vote of votes) {
        more(vote);
        states.delete(vote);
      }
      show();
    });
    return close;
  };
  const decidedLine = (vote, state) =>
    make("p", {}, make("strong", {}, vote.title), ": ", ...told(vote, state), " ", closing([vote], forget));
  const lockedLine = (locked) => {
    const count = locked.length;
    const line = make("p", {}, say(count === 1 ? words.oneLocked : words.manyLocked, { count }), " ");
    if (location.pathname !== words.login) {
      line.append(make("a", { href: loginTo(location.pathname + location.search) }, words.logIn), " ");
    }
    line.append(closing(locked.map(([vote]) => vote), () => {})); // off this page; whose they are still has them
    return line;
  };
  for (const vote of votes) {
    const tell = (state) => {
      states.set(vote, state);
      show();
    };
    if (vote.login) tell({ name: "login" });
    else cast(vote, tell);
  }
}

/** Ms that the server's clock is ahead of this one. `now`: the minute that the page was made in. */
async function clockError(now, end) {
  const opened = performance.timeOrigin || performance.timing.navigationStart;
  const age = opened - now;
  if (age > -5000 && age < 90000 && end - now > 3600000) return 0;
  try {
    const answer = await fetch("/api/contest", { method: "HEAD", cache: "no-store" });
    const date = Date.parse(answer.headers.get("Date"));
    return date ? date + 500 - Date.now() : 0;
  } catch (lost) {
    return age > -5000 && age < 90000 ? 0 : now + 30000 - opened;
  }
}

/** `3 ngày 4 giờ 12 phút`; seconds in the last hour, unless the reader wants things to stand still. */
function duration(ms) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const parts = [["day", Math.floor(seconds / 86400)], ["hour", Math.floor(seconds / 3600) % 24]];
  parts.push(["minute", Math.floor(seconds / 60) % 60]);
  if (seconds < 3600 && (!still || seconds < 60)) parts.push(["second", seconds % 60]);
  const from = Math.max(0, Math.min(parts.findIndex(([, count]) => count > 0), parts.length - 1));
  const format = ([unit, count]) =>
    new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay: "short" }).format(count);
  return parts.slice(from).map(format).join(" ");
}

async function countDown(element) {
  const end = Number(element.dataset.countdown);
  const error = await clockError(Number(element.dataset.now), end);
  const left = make("span", { className: "left" });
  element.append(left);
  const tick = () => {
    const ms = end - Date.now() - error;
    left.textContent = ms > 0 ? say(words.left, { time: duration(ms) }) : words.over;
    if (ms > 0) setTimeout(tick, ms < 3600000 ? 1000 - (Date.now() % 1000) : 15000);
    else reloadOnce(`over:${end}`);
  };
  tick();
}

/** Loads the page anew, a moment later: not everybody's in the same second, and not for ever. */
function reloadOnce(name) {
  try {
    if (sessionStorage.getItem(name)) return;
    sessionStorage.setItem(name, "1");
  } catch (forbidden) {
    return;
  }
  setTimeout(() => busy() || location.reload(), 1000 + Math.random() * 9000);
}

/** Back from an entry leads to the same order and the same place in the list. */
function keepPlace(list) {
  list.addEventListener("click", (event) => {
    const card = event.target.closest("a") && event.target.closest("[data-entry]");
    if (card) history.replaceState(history.state, "", `${location.pathname}${list.dataset.order}#${card.id}`);
  });
}

function offerShare(button) {
  if (!navigator.share) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const { title, url } = button.dataset;
    navigator.share({ title, url }).catch(() => {}); // the voter thought better of it
  });
}

function offerCopy(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const state = document.querySelector("[data-copied]");
    try {
      await navigator.clipboard.writeText(button.dataset.url);
      state.textContent = words.copied;
    } catch (forbidden) {
      state.textContent = words.notCopied;
    }
  });
}

for (const element of document.querySelectorAll("[data-countdown]")) countDown(element).catch(() => {});
for (const list of document.querySelectorAll("[data-order]")) keepPlace(list);
for (const button of document.querySelectorAll("[data-share]")) offerShare(button);
for (const button of document.querySelectorAll("[data-copy]")) offerCopy(button);
ballot.then((voted) => voted && markCards(voted));
ballot.then((voted) => voted && showOwnVote(voted));
resume();
addEventListener("pageshow", (event) => {
  if (event.persisted) readBallot().then((voted) => voted && markCards(voted));
});
