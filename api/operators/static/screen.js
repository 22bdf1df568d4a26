// The wall screen: the newest figures, large; the display stays on for as long as the page is seen.
import { follow } from "./live-stream.js";

const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
const written = (value) => (value === null || value === undefined ? "—" : number.format(value));

async function stayAwake() {
  if (document.hidden || !("wakeLock" in navigator)) return;
  try {
    await navigator.wakeLock.request("screen");
  } catch {
    // The device saves its battery, or the page is not served by https: the display goes by its own setting.
  }
}

// As many of the leaders as the screen has room for, from data-least to data-most: nobody can scroll a wall.
function fit() {
  const list = document.getElementById("leaders");
  const items = [...list.children];
  let shown = Math.min(items.length, Number(list.dataset.most));
  items.forEach((item, at) => (item.hidden = at >= shown));
  const page = document.documentElement;
  while (shown > Number(list.dataset.least) && page.scrollHeight > page.clientHeight + 1) items[--shown].hidden = true;
}

function putLeaders(rows) {
  const list = document.getElementById("leaders");
  const found = new Map([...list.children].map((item) => [item.dataset.row, item]));
  if (rows.some(([id]) => !found.has(String(id)))) return location.reload();
  rows.forEach(([id, votes, , place, tied], at) => {
    const item = found.get(String(id));
    item.querySelector(".place").textContent = tied ? `${place}=` : `${place}`;
    item.querySelector(".votes").textContent = written(votes);
    item.querySelector("rect").setAttribute("width", rows[0][1] ? (votes * 100) / rows[0][1] : 0);
    if (list.children[at] !== item) list.insertBefore(item, list.children[at]);
  });
}

function show(figures) {
  for (const element of document.querySelectorAll("[data-figure]")) {
    const value = element.dataset.figure.split(".").reduce((part, name) => part?.[name], figures);
    const text = written(value);
    if (element.textContent !== text) element.textContent = text;
  }
  for (const tag of document.querySelectorAll("[data-state]")) tag.hidden = tag.dataset.state !== figures.contest?.state;
  putLeaders(figures.entries);
  document.getElementById("alarms").replaceChildren(
    ...figures.alarms.map(({ level, text }) => {
      const item = document.createElement("li");
      item.className = level;
      item.textContent = text;
      return item;
    }),
  );
  fit();
}

document.addEventListener("visibilitychange", stayAwake);
stayAwake();
fit();
follow({ figures: show }, "?screen=1");
