// The live view: each frame of the stream is written into the places that the page names by `data-figure` and
// `data-row`. Everything stands in the page already when this begins; without it the page is loaded again by hand.
import { follow } from "./live-stream.js";

const SPOKEN_EVERY_MS = 15_000;
const words = (element, values) =>
  Object.entries(values).reduce((text, [name, value]) => text.replace(name, value), element);
const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 3 });
const whole = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 0 });
const WRITE = {
  bytes: (value) => `${whole.format(value / 1048576)} MB`,
  ms: (value) => `${number.format(value)} ms`,
  number: (value) => number.format(value),
  seconds: (value) => `${number.format(value)} s`,
  share: (value) => `${number.format(value)} %`,
};
const written = (value, kind = "number") => (value === null || value === undefined ? "—" : WRITE[kind](value));
const moved = (move) => (move === null ? "—" : move > 0 ? `+${move}` : move < 0 ? `−${-move}` : "0");

function put(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function putFigures(document_) {
  for (const element of document.querySelectorAll("[data-figure]")) {
    const value = element.dataset.figure.split(".").reduce((part, name) => part?.[name], document_);
    put(element, written(value, element.dataset.as));
  }
}

// Writes rows of a table by their ids, in the order of `rows`; ids that the page does not have are returned.
function putRows(body, rows, write) {
  if (!body) return [];
  const found = new Map([...body.querySelectorAll("[data-row]")].map((row) => [row.dataset.row, row]));
  const unknown = rows.filter(([id]) => !found.has(String(id)));
  let place = body.firstElementChild;
  for (const values of rows) {
    const row = found.get(String(values[0]));
    if (!row) continue;
    row.hidden = false;
    write(row, values);
    if (row === place) place = place.nextElementSibling;
    else body.insertBefore(row, place);
  }
  return unknown;
}

function putBar(row, part, most) {
  row.querySelector(".bar rect")?.setAttribute("width", most ? (part * 100) / most : 0);
}

function putCounts(id, rows) {
  const most = Math.max(0, ...rows.map((row) => row[1]));
  return putRows(document.getElementById(id), rows, (row, [, votes]) => {
    put(row.cells[1], written(votes));
    putBar(row, votes, most);
  });
}

function putEntries(rows) {
  const most = rows[0]?.[1] ?? 0;
  return putRows(document.getElementById("entries"), rows, (row, [, votes, share, place, tied, move, minute]) => {
    [tied ? `${place} =` : `${place}`, null, written(votes), written(share, "share"), moved(move), written(minute)].forEach(
      (text, cell) => text !== null && put(row.cells[cell], text),
    );
    putBar(row, votes, most);
  });
}

function putAlarms(alarms) {
  const list = document.getElementById("alarms");
  const said = JSON.stringify(alarms);
  if (list.dataset.said === said) return;
  list.dataset.said = said;
  list.replaceChildren(
    ...alarms.map(({ code, level, text }) => {
      const item = document.getElementById("alarm").content.cloneNode(true).firstElementChild;
      item.classList.add(level);
      item.querySelector("span").textContent = text;
      item.querySelector("a").href = `/operator/help#${code}`;
      return item;
    }),
  );
}

function processRow(cells) {
  const row = document.createElement("tr");
  cells.forEach((text, place) => {
    const cell = document.createElement(place ? "td" : "th");
    if (!place) cell.scope = "row";
    cell.textContent = text;
    row.append(cell);
  });
  return row;
}

function putProcesses(pipeline) {
  const body = document.getElementById("processes");
  const { api, ticker, worker, well, missing, load } = body.dataset;
  const one = (title, there, known) =>
    processRow([title, there ? `${there[1]} (${there[2]})` : "—", known ? (there ? well : missing) : "—"]);
  body.replaceChildren(
    ...(pipeline.api ?? []).map((process) =>
      processRow([
        api,
        `${process.host} (${process.pid})`,
        process.unready ??
          words(load, {
            "%v": number.format(process.votes_s),
            "%r": number.format(process.requests_s),
            "%c": number.format(process.connections),
          }),
      ]),
    ),
    ...pipeline.queues.map((queue) =>
      one(`${worker} ${queue}`, pipeline.workers?.find(([part]) => part === queue), pipeline.workers),
    ),
    one(ticker, pipeline.ticker?.[0], pipeline.ticker),
  );
  const disks = document.getElementById("disks");
  disks.replaceChildren(
    ...(pipeline.disks ?? []).map(([host, free, total]) => {
      const item = document.createElement("li");
      item.textContent = words(disks.dataset.words, {
        "%h": host,
        "%f": whole.format(Math.floor(free / 1073741824)),
        "%t": whole.format(Math.floor(total / 1073741824)),
      });
      return item;
    }),
  );
}

let spokenAt = performance.now();

function speak(total) {
  if (total === null || performance.now() - spokenAt < SPOKEN_EVERY_MS) return;
  spokenAt = performance.now();
  const place = document.getElementById("spoken");
  put(place, place.dataset.words.replace("%s", number.format(total)));
}

let version = null;

function show(figures) {
  putFigures(figures);
  putAlarms(figures.alarms);
  const strangers = [...putEntries(figures.entries), ...putCounts("categories", figures.categories)];
  putCounts("methods", figures.methods ?? []);
  putRows(document.getElementById("answers"), Object.entries(figures.pipeline.votes?.answers ?? {}), (row, [, rate]) =>
    put(row.cells[1], written(rate)),
  );
  putProcesses(figures.pipeline);
  for (const tag of document.querySelectorAll("[data-state]")) tag.hidden = tag.dataset.state !== figures.contest?.state;
  speak(figures.total);
  // Entries of which this page knows nothing, or other words for those that it knows: it is loaded anew.
  const known = figures.contest?.version ?? null;
  if (strangers.length || (version !== null && known !== null && known !== version)) location.reload();
  version = known ?? version;
}

// The figures do not wait for the charts, and go on where these cannot be drawn.
let drawn = null;
let newest = null;
import("./live-charts.js").then(
  ({ charts }) => {
    drawn = charts(document.getElementById("charts"));
    if (newest) drawn.all(newest);
  },
  () => {},
);

follow({
  figures: (figures) => {
    show(figures);
    drawn?.add(figures);
  },
  series: (series) => {
    newest = series;
    drawn?.all(series);
  },
});
