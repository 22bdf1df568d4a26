// The three charts of the live view (uPlot): the last ten minutes, which grow with each frame, a day, the campaign.
import uPlot from "./uplot.js";

const HEIGHT = 176;
const SPAN_S = 600;
const STEPS_S = { minutes: 60, hours: 3600 }; // what one bar stands for, from its time on
const dark = matchMedia("(prefers-color-scheme: dark)");

export function charts(section) {
  section.hidden = false;
  const places = new Map([...section.querySelectorAll("[data-series]")].map((place) => [place.dataset.series, place]));
  const drawn = new Map();
  let data = { seconds: [[], []], minutes: [[], []], hours: [[], []] };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const format = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact" });
  const moment = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "short", timeStyle: "medium" });

  const day = new Intl.DateTimeFormat(document.documentElement.lang, { day: "2-digit", month: "2-digit" });
  const hour = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  // Midnight is told by its day; the space under the axis has room for one line.
  const label = (step) => (at) => {
    const when = new Date(at * 1000);
    const midnight = when.getHours() === 0 && when.getMinutes() === 0 && when.getSeconds() === 0;
    return step >= 86_400 || (midnight && step >= 60) ? day.format(when) : step >= 60 || when.getSeconds() === 0 ? hour.format(when) : "";
  };

  function options(name, place) {
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
    const bars = name === "seconds" ? {} : { paths: uPlot.paths.bars({ size: [0.9], align: 1 }) };
    // The axis ends where the last bar ends. Left to itself uPlot gives a campaign of one hour three years.
    const span = (chart) => [chart.data[0][0] ?? 0, (chart.data[0].at(-1) ?? 0) + STEPS_S[name]];
    const times = name === "seconds" ? {} : { x: { range: span } };
    return {
      width: place.clientWidth,
      height: HEIGHT,
      cursor: { drag: { x: false, y: false } },
      axes: [{ ...axis, space: 72, values: (_chart, splits, _axis, _space, step) => splits.map(label(step)) }, { ...axis, size: 56, values: (_chart, values) => values.map((value) => format.format(value)) }],
      scales: { ...times, y: { range: (_chart, _least, most) => [0, Math.max(1, most * 1.1)] } },
      series: [
        { label: section.dataset.time, value: (_chart, at) => (at ? moment.format(at * 1000) : "—") },
        {
          label: name === "seconds" ? section.dataset.unit : section.dataset.votes,
          stroke: colour("--tea"),
          fill: `${colour("--tea")}33`,
          width: 2,
          points: { show: false },
          ...bars,
        },
      ],
    };
  }

  function draw(name) {
    const place = places.get(name);
    const chart = drawn.get(name);
    if (chart) chart.setData(data[name]);
    else drawn.set(name, new uPlot(options(name, place), data[name], place));
  }

  function anew() {
    for (const [name, chart] of [...drawn]) {
      chart.destroy();
      drawn.delete(name);
      draw(name);
    }
  }

  dark.addEventListener("change", anew);
  new ResizeObserver(() => {
    for (const [name, chart] of drawn) chart.setSize({ width: places.get(name).clientWidth, height: HEIGHT });
  }).observe(section);

  return {
    all(series) {
      data = series;
      for (const name of places.keys()) draw(name);
    },
    add(figures) {
      const [times, rates] = data.seconds;
      const at = Math.floor(figures.at / 1000);
      if (figures.rates.now === null || !drawn.has("seconds") || at <= (times.at(-1) ?? 0)) return;
      times.push(at);
      rates.push(figures.rates.now);
      while (times[0] < at - SPAN_S) {
        times.shift();
        rates.shift();
      }
      draw("seconds");
    },
  };
}
