// What is known of providers: how good their answers are, and which prices count.

import { poll } from "./gateway.js";
import { draw, empty, find, keep, make, percent, problem, state, time } from "./page.js";

const GRADES = ["A", "B", "C", "D", "F"];

function grades(quality) {
  if (!quality.records) return [make("span", { class: "quiet" }, "–")];
  const bar = draw("svg", { class: "bar grades", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" });
  let x = 0;
  GRADES.forEach((grade, index) => {
    const width = (quality.grades[grade] / quality.records) * 100;
    if (width > 0) bar.append(draw("rect", { class: `shade-${index}`, x, width: Math.max(width - 0.6, 0.4), height: 4 }));
    x += width;
  });
  const words = GRADES.filter((grade) => quality.grades[grade]).map((grade) => `${grade} ${quality.grades[grade].toLocaleString("en")}`);
  return [bar, make("span", { class: "quiet" }, words.join("  "))];
}

function showQuality(report) {
  find("quality-since").replaceChildren(report.complete ? "since " : "the newest calls, since ", time(report.from));
  const rows = find("quality-rows");
  if (!report.providers.length) return rows.replaceChildren(empty(5, "No answers yet."));
  rows.querySelector(".empty")?.remove();
  keep(rows, report.providers, (quality) => quality.provider, (quality) => make("tr", { title: `${quality.calls.toLocaleString("en")} calls, ${quality.unanswered.toLocaleString("en")} without an answer, ${quality.shared.toLocaleString("en")} from a cache` },
    make("th", { scope: "row" }, quality.provider),
    make("td", { class: "number" }, percent(quality.succeeded, quality.calls)),
    make("td", { class: "number extra" }, quality.mean_duration_ms === null ? "–" : `${quality.mean_duration_ms.toLocaleString("en")} ms`),
    make("td", { class: "number" }, percent(quality.estimated, quality.calls)),
    make("td", { class: "grades" }, ...grades(quality))));
}

/** The price entry that counts now: the newest that is not in the future. */
const current = (adapter) => adapter.prices.filter((entry) => Date.parse(entry.effective) <= Date.now()).sort((a, b) => Date.parse(b.effective) - Date.parse(a.effective))[0];

function price(adapter) {
  const entry = current(adapter);
  const coming = adapter.prices.filter((each) => Date.parse(each.effective) > Date.now()).length;
  return [entry ? make("code", { title: entry.source }, entry.version) : make("span", { class: "quiet" }, "none in force"), coming ? make("span", { class: "tag" }, `${coming} to come`) : null];
}

const list = (texts) => make("ul", {}, ...texts.map((text) => make("li", {}, text)));

/** Why the last reload was refused, and what is worth knowing although all is in force. */
function* notices(last, warnings) {
  if (last.problems.length) {
    yield make("div", { class: "notice bad" }, make("h3", {}, "The reload at ", time(last.at), " was refused; what was in force stays"), list(last.problems));
  }
  if (warnings.length) {
    yield make("details", { class: "notice warn" }, make("summary", {}, warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`), list(warnings));
  }
}

function showAdapters(configuration) {
  find("about").textContent = `calls at ${configuration.settings.listen} · ${configuration.settings.ledger.engine} · auth ${configuration.settings.auth}`;
  find("generation").replaceChildren(`Generation ${configuration.generation}, loaded `, time(configuration.loaded_at));
  const last = configuration.last_reload;
  const reload = find("reload");
  const written = JSON.stringify([last, configuration.warnings]);
  if (reload.written !== written) reload.replaceChildren(...notices(last, configuration.warnings));
  reload.written = written;
  const rows = find("adapter-rows");
  if (!configuration.adapters.length) return rows.replaceChildren(empty(4, "No adapters: plugins/ has none."));
  rows.querySelector(".empty")?.remove();
  keep(rows, configuration.adapters, (adapter) => adapter.provider, (adapter) => make("tr", {},
    make("th", { scope: "row", title: `${adapter.title}: ${adapter.operations.length} operations` }, adapter.provider,
      adapter.missing_variables.length ? make("span", { class: "quiet missing" }, `needs ${adapter.missing_variables.join(", ")}`) : null),
    make("td", {}, state(adapter.state)),
    make("td", {}, ...price(adapter)),
    make("td", { class: "quiet extra" }, current(adapter)?.checked ?? "–")));
}

function showHealth(health) {
  const line = find("health");
  const parts = [health.journal.error && `journal: ${health.journal.error}`, health.ledger.error && `ledger: ${health.ledger.error}`,
    health.ledger.status === "behind" && `${health.backlog.records.toLocaleString("en")} records on their way to the ledger`,
    health.journal.status === "filling" && "the journal fills", health.budgets === "unverified" && "budgets are not known yet"];
  const text = [health.status, ...parts.filter(Boolean)].join(" · ");
  if (line.textContent === text) return;
  line.className = `health state ${health.status === "ready" ? "ok" : health.status === "degraded" ? "warning" : "exhausted"}`;
  line.textContent = text;
}

export function start() {
  const health = poll(5, () => "readyz", showHealth, (text) => {
    if (!text) return;
    find("health").className = "health state exhausted";
    find("health").textContent = text;
  });
  const quality = poll(30, () => "v1/quality", showQuality, (...fault) => problem("quality", ...fault));
  const adapters = poll(10, () => "v1/config", showAdapters, (...fault) => problem("adapters", ...fault));
  return () => { health(); quality(); adapters(); };
}
