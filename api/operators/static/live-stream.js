// The stream of the live view, for its page and for the wall screen: follows it, comes back when it is lost, and says
// how old the figures are. Their age does not depend on this machine's clock.
const STALE_S = 3;
const AGAIN_MS = 3_000;
const format = (digits) =>
  new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const tenths = format(1);
const whole = format(0);

export function follow(handlers, query = "") {
  const fresh = document.getElementById("fresh");
  let source = null;
  let age = null; // ms, of the reading when the newest figures came
  let came = 0;
  let lost = false;
  let over = false;

  function told() {
    if (over) return fresh.dataset.over;
    if (age === null) return lost ? fresh.dataset.lost : null;
    const seconds = (age + performance.now() - came) / 1000;
    fresh.classList.toggle("stale", lost || seconds > STALE_S);
    const text = fresh.dataset.fresh.replace("%s", (seconds < 10 ? tenths : whole).format(seconds));
    return lost ? `${fresh.dataset.lost}. ${text}` : text;
  }

  function tell() {
    const text = told();
    if (text !== null) fresh.textContent = text;
    if (over || lost) fresh.classList.add("stale");
  }

  function end() {
    over = true;
    source.close();
    document.getElementById("over").hidden = false;
    tell();
  }

  // The stream was refused: is the session over, or was it the server?
  async function ask() {
    try {
      const answer = await fetch(location.href, { redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect") return end();
    } catch {
      // It does not answer: tried again below.
    }
    setTimeout(open, AGAIN_MS);
  }

  function open() {
    if (over || document.hidden) return;
    source?.close();
    source = new EventSource(`/operator/live${query}`);
    source.addEventListener("open", () => {
      lost = false;
    });
    source.addEventListener("figures", (event) => {
      const figures = JSON.parse(event.data);
      [age, came, lost] = [figures.age_ms, performance.now(), false];
      handlers.figures(figures);
      tell();
    });
    source.addEventListener("series", (event) => handlers.series?.(JSON.parse(event.data)));
    source.addEventListener("over", end);
    source.addEventListener("error", () => {
      lost = true;
      tell();
      if (source.readyState === EventSource.CLOSED) ask(); // else the browser comes back by itself
    });
  }

  // A page that nobody sees holds none of the few connections that a browser has for all its pages.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close();
    else open();
  });
  addEventListener("pagehide", () => source?.close());
  setInterval(tell, 500);
  open();
}
