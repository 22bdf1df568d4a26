// The button "vote": asks once more, sends, and says in words what has become of the click. Where this script is missing
// or a browser is too old for it, the form goes its own way, page by page.

import { accountTag, cast, keptVotes } from "./pending.js";
import { ballot, fill, loginTo, say, told, words } from "./site.js";

const SNAPSHOT_MS = 1200; // so long after a vote every process shows it, see api/snapshot.py
const WORKING = ["sending", "waiting"];

function enhance(form) {
  const button = form.querySelector("button");
  const place = document.querySelector("[data-vote-state]");
  const entry = Number(form.dataset.entry);
  const path = form.getAttribute("action");
  const confirmed = form.method === "post"; // this is the page that asks once more
  let state = null;
  let timer = 0;
  let clicked = false;

  function show(vote, next) {
    state = next;
    clearInterval(timer);
    button.setAttribute("aria-disabled", String(WORKING.includes(state.name)));
    if (state.receipt) {
      showCount(entry, state.name === "counted");
      return showReceipt();
    }
    if (state.name === "login" && clicked && !accountTag()) location.assign(loginTo(path));
    place.className = state.name === "refused" ? "vote-state bad" : "vote-state still";
    fill(place, ...told(vote, state));
    if (state.name === "waiting") countSeconds();
  }

  function countSeconds() {
    const left = document.createElement("span");
    left.setAttribute("aria-hidden", "true");
    place.append(" ", left);
    const tick = () => {
      const seconds = Math.max(0, Math.ceil((state.until - Date.now()) / 1000));
      left.textContent = say(words.inSeconds, { seconds });
    };
    tick();
    timer = setInterval(tick, 1000);
  }

  function showReceipt() {
    if (confirmed) {
      const again = state.name === "already_voted" ? "&lai=1" : "";
      location.assign(`${path.replace(/binh-chon$/, "da-binh-chon")}?ma=${state.receipt}${again}`);
      return;
    }
    button.textContent = words.voted;
    button.classList.add("plain");
    place.className = "vote-state";
    fill(place, filled(state.receipt));
  }

  function start() {
    clicked = true;
    const vote = { entry, tag: accountTag(), title: form.dataset.title, path };
    cast(vote, (next) => show(vote, next));
  }

  form.addEventListener("submit", (event) => {
    if (state && (state.receipt || WORKING.includes(state.name))) {
      event.preventDefault();
      if (state.receipt) showReceipt();
    } else if (confirmed) {
      event.preventDefault();
      start();
    } else if (!accountTag()) {
      event.preventDefault();
      location.assign(loginTo(path));
    } else if (typeof HTMLDialogElement === "function") {
      event.preventDefault();
      ask(start);
    }
  });

  const kept = keptVotes().find((vote) => vote.entry === entry);
  if (kept && !kept.login) cast(kept, (next) => show(kept, next));
  ballot.then((voted) => {
    if (!voted || !voted.has(entry) || state) return;
    state = { name: "already_voted", receipt: voted.get(entry) };
    if (confirmed) return;
    button.textContent = words.votedShow;
    button.classList.add("plain");
  });
}

/** The count with the voter's own vote in it: the page was made before. Where counts are hidden there is none to mend. */
async function showCount(entry, isNew) {
  const place = document.querySelector(`[data-votes="${entry}"]`);
  if (!place) return;
  const put = (count) => {
    const text = new Intl.NumberFormat(document.documentElement.lang).format(count);
    place.textContent = say(count === 1 ? words.oneVote : words.manyVotes, { count: text });
  };
  if (isNew) put(Number(place.dataset.count) + 1);
  await new Promise((resolve) => setTimeout(resolve, SNAPSHOT_MS));
  try {
    const { tallies } = await (await fetch("/api/tallies", { cache: "no-cache" })).json();
    put(tallies[entry]);
  } catch (lost) {
    // The page goes on saying what it says.
  }
}

/** Asks in a dialog; the focus goes back to the button when it closes. */
function ask(yes) {
  let dialog = document.querySelector("dialog[data-confirm]");
  if (!dialog) {
    const content = document.querySelector("template[data-confirm]").content;
    dialog = document.importNode(content, true).querySelector("dialog");
    document.body.append(dialog);
  }
  dialog.onclose = () => {
    if (dialog.returnValue === "yes") yes();
  };
  dialog.returnValue = "";
  dialog.showModal();
}

/** The page's words about a counted vote, with its receipt. */
function filled(receipt) {
  const part = document.importNode(document.querySelector("template[data-voted]").content, true);
  part.querySelector("[data-receipt]").textContent = receipt;
  for (const link of part.querySelectorAll("a[data-look-up]")) link.href += `?ma=${receipt}`;
  return part;
}

for (const form of document.querySelectorAll("form[data-vote]")) enhance(form);
