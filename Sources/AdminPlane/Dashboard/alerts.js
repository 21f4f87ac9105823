// Limits that have been neared or reached, and providers that count otherwise.

import { poll } from "./gateway.js";
import { find, keep, make, money, problem, time, until } from "./page.js";

const LEVELS = { warning: "warning", critical: "critical", emergency: "exhausted" };
const WINDOWS = { daily: "a day", monthly: "a month" };

function item(alert) {
  return alert.scope === "reconciliation" ? counts(alert) : limit(alert);
}

function counts(alert) {
  const sign = alert.drift.startsWith("-") ? "" : "+";
  const facts = [
    `${sign}${alert.drift} beyond what calls explain, of ${alert.bound} allowed`,
    alert.top_ups ? `topped up ${alert.top_ups === 1 ? "once" : `${alert.top_ups} times`}` : null,
    untold(alert),
  ].filter(Boolean);
  return make("li", {},
    make("div", { class: "first" }, make("span", { class: `state ${LEVELS[alert.level] ?? "warning"}` }, alert.level), make("span", { class: "id" }, alert.pool ? `${alert.provider}/${alert.pool}` : alert.provider), make("span", { class: "quiet when" }, time(alert.created_at))),
    make("div", {}, `the provider counts ${alert.reported}, the ledger ${alert.counted}, in the hour to `, time(alert.to)),
    make("div", { class: "quiet" }, facts.join(" · ")));
}

function untold(alert) {
  const failed = (alert.deliveries ?? []).filter((delivery) => delivery.state !== "acknowledged").length;
  return failed ? `${failed} of ${alert.deliveries.length} webhooks not told` : null;
}

function limit(alert) {
  const top = (alert.top ?? []).map((each) => each.provider);
  const facts = [
    alert.threshold === undefined ? null : `at ${alert.threshold} %`,
    alert.refused ? "a call was refused" : null,
    top.length ? `most with ${top.slice(0, 3).join(", ")}` : null,
    untold(alert),
  ].filter(Boolean);
  const isAhead = alert.runs_out_at && Date.parse(alert.runs_out_at) > Date.now();
  const end = isAhead ? [facts.length ? " · runs out " : "runs out ", until(alert.runs_out_at)] : [];
  return make("li", {},
    make("div", { class: "first" }, make("span", { class: `state ${LEVELS[alert.level] ?? "warning"}` }, alert.level), make("span", { class: "id" }, alert.workspace), make("span", { class: "quiet when" }, time(alert.created_at))),
    make("div", {}, money(alert.spent), " of ", money(alert.limit), ` ${WINDOWS[alert.window] ?? alert.window}`,
      alert.scope && alert.scope !== "workspace" ? ` (${alert.scope}${alert.name ? ` ${alert.name}` : ""})` : null),
    make("div", { class: "quiet" }, facts.join(" · "), ...end));
}

function show(page) {
  const list = find("alert-rows");
  if (!page.alerts.length) return list.replaceChildren(make("li", { class: "empty" }, "No limit has been neared."));
  list.querySelector(".empty")?.remove();
  keep(list, page.alerts, (alert) => alert.id, item);
}

export const start = () => poll(10, () => "v1/alerts?limit=12", show, (...fault) => problem("alerts", ...fault));
