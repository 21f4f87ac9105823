// Spending by provider and day: a drawing, and the same as tables.

import { poll } from "./gateway.js";
import { decimal, dollars, nanos, ratio } from "./money.js";
import { draw, empty, find, keep, make, money, percent, problem } from "./page.js";

const DAYS = 30;
const [HEIGHT, TOP, BOTTOM] = [190, 10, 20];
/** Providers with a shade of their own; the others share the last. */
const SHADES = 5;

const dayText = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const shortText = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

/** The date of a workspace's day, which begins at its own midnight: zones are up to 13 hours before UTC, and less than 11 behind it. */
const civil = (instant) => new Date(Date.parse(instant) + 13 * 3600e3).toISOString().slice(0, 10);

function dates() {
  const today = Date.parse(new Date().toISOString().slice(0, 10));
  return Array.from({ length: DAYS }, (_, index) => new Date(today - (DAYS - 1 - index) * 86400e3).toISOString().slice(0, 10));
}

/** Sums rows by provider and by day. */
function gather(rows) {
  const days = new Map(dates().map((date) => [date, { date, all: 0n, providers: new Map() }]));
  const providers = new Map();
  const last = [...days.keys()].at(-1);
  for (const row of rows) {
    const day = days.get(civil(row.day));
    if (!day) continue;
    const cost = nanos(row.cost);
    day.all += cost;
    day.providers.set(row.provider, (day.providers.get(row.provider) ?? 0n) + cost);
    const sum = providers.get(row.provider) ?? { provider: row.provider, all: 0n, today: 0n, saved: 0n, calls: 0, lookups: 0, hits: 0, records: 0, lookupCost: 0n };
    sum.all += cost;
    sum.saved += nanos(row.saved);
    sum.calls += row.calls;
    sum.lookups += row.lookups;
    sum.hits += row.hits;
    sum.records += row.records;
    sum.lookupCost += nanos(row.lookup_cost);
    if (day.date === last) sum.today += cost;
    providers.set(row.provider, sum);
  }
  const ordered = [...providers.values()].sort((a, b) => (a.all === b.all ? (a.provider < b.provider ? -1 : 1) : a.all > b.all ? -1 : 1));
  ordered.forEach((sum, index) => { sum.shade = Math.min(index, SHADES); });
  return { days: [...days.values()], providers: ordered };
}

/** The smallest round amount that is not below another, and half of which is round too. */
function ceiling(amount) {
  let step = 1_000_000n;
  while (true) {
    for (const factor of [10n, 12n, 16n, 20n, 24n, 30n, 40n, 50n, 60n, 80n]) if (step * factor >= amount) return step * factor;
    step *= 10n;
  }
}

/** An amount on the scale: without cents where there are none. */
const tick = (amount) => dollars(decimal(amount)).replace(/\.00$/, "");

function chart({ days, providers }, width) {
  const most = days.reduce((most, day) => (day.all > most ? day.all : most), 0n);
  const top = ceiling(most);
  const scale = HEIGHT - TOP - BOTTOM;
  const left = 14 + 6.6 * Math.max(tick(top).length, tick(top / 2n).length);
  const step = (width - left) / DAYS;
  const drawing = draw("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, role: "img",
    "aria-label": `Spending on each of the last ${DAYS} days, at most ${dollars(decimal(most))}; the table below has the figures`,
  });
  for (const part of [0n, 1n, 2n]) {
    const y = TOP + scale * (1 - Number(part) / 2);
    drawing.append(
      draw("line", { class: "grid", x1: left, x2: width, y1: y, y2: y }),
      draw("text", { class: "tick", x: left - 8, y: y + 3.5, "text-anchor": "end" }, tick((top * part) / 2n)));
  }
  const gap = Math.min(2, step / 8);
  days.forEach((day, index) => {
    const x = left + index * step;
    let y = TOP + scale;
    const column = draw("g", { class: "day" });
    column.append(draw("rect", { class: "hit", x, y: TOP, width: step, height: scale }));
    for (const { provider, shade } of providers) {
      const height = scale * ratio(day.providers.get(provider) ?? 0n, top);
      if (height <= 0) continue;
      y -= height;
      column.append(draw("rect", { class: `shade-${shade}`, x: x + gap, y, width: step - 2 * gap, height: Math.max(height - 0.75, 0.75) }));
    }
    column.addEventListener("pointerenter", () => { find("burn-readout").textContent = sentence(day); });
    drawing.append(column);
    if (index % 7 === (DAYS - 1) % 7) {
      const isLast = index === DAYS - 1;
      drawing.append(draw("text", { class: "tick", x: isLast ? width - 2 : x + step / 2, y: HEIGHT - 5, "text-anchor": isLast ? "end" : "middle" },
        isLast ? "today" : shortText.format(new Date(day.date))));
    }
  });
  drawing.addEventListener("pointerleave", () => { find("burn-readout").textContent = `The last ${DAYS} days`; });
  return drawing;
}

const shares = (day) => [...day.providers].filter(([, cost]) => cost !== 0n).sort((a, b) => (a[1] > b[1] ? -1 : 1));

const sentence = (day) =>
  [`${dayText.format(new Date(day.date))}: ${dollars(decimal(day.all))}`, ...shares(day).slice(0, 3).map(([provider, cost]) => `${provider} ${dollars(decimal(cost))}`)].join(" · ");

/** What each of a number of things costs, rounded half up. */
const share = (amount, count) => decimal((2n * amount + count) / (2n * count));

let shown = "";
let sums = null;

/** Drawn for the width that there is, so that its words are as large as all others. */
function redraw() {
  const place = find("burn-chart");
  const width = Math.floor(place.clientWidth) - 32;
  if (sums && width > 0) place.replaceChildren(...(sums.providers.length ? [chart(sums, width)] : []));
  place.classList.toggle("none", sums !== null && !sums.providers.length);
}

function show(report) {
  const text = JSON.stringify(report.rows) + dates()[0];
  if (text === shown) return;
  shown = text;
  sums = gather(report.rows);
  redraw();
  keep(find("burn-rows"), sums.providers.map((sum) => ({ ...sum, all: decimal(sum.all), today: decimal(sum.today), saved: decimal(sum.saved), lookupCost: decimal(sum.lookupCost) })),
    (sum) => sum.provider,
    (sum) => make("tr", {},
      make("th", { scope: "row" }, make("span", { class: `swatch shade-${sum.shade}`, "aria-hidden": "true" }), sum.provider),
      make("td", { class: "number extra" }, sum.calls.toLocaleString("en")), make("td", { class: "number extra" }, money(sum.saved)),
      make("td", { class: "number" }, money(sum.today)), make("td", { class: "number" }, money(sum.all)),
      make("td", { class: "number extra", title: `${sum.hits.toLocaleString("en")} of ${sum.lookups.toLocaleString("en")} lookups` }, percent(sum.hits, sum.lookups)),
      make("td", { class: "number extra" }, sum.records ? money(share(nanos(sum.lookupCost), BigInt(sum.records))) : "–")));
  if (!sums.providers.length) find("burn-rows").replaceChildren(empty(7, "Nothing has been spent yet."));
  find("burn-days").replaceChildren(...sums.days.filter((day) => day.providers.size).reverse().map((day) =>
    make("tr", {}, make("th", { scope: "row" }, dayText.format(new Date(day.date))),
      make("td", {}, shares(day).map(([provider, cost]) => `${provider} ${dollars(decimal(cost))}`).join(", ")),
      make("td", { class: "number" }, money(decimal(day.all))))));
}

export function start() {
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (entry.contentRect.width !== width) redraw();
    width = entry.contentRect.width;
  }).observe(find("burn-chart"));
  // A day more than is shown: where the day begins before UTC's.
  const from = () => new Date(Date.parse(dates()[0]) - 86400e3).toISOString().slice(0, 10);
  return poll(60, () => `v1/spend?together=true&by=provider,day&from=${from()}`, show, (...fault) => problem("burn", ...fault));
}
