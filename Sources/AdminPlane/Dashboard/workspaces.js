// Workspaces against their limits: searched, ordered and paged by the gateway, so that ten thousand are as quick as ten.

import { edit } from "./budget.js";
import { poll } from "./gateway.js";
import { nanos, ratio } from "./money.js";
import { draw, empty, find, keep, make, money, problem, state, until } from "./page.js";

const LIMIT = 25;
let sort = "share";
/** The cursors of the pages up to this one. */
let cursors = [""];
let refresh;

function path() {
  const search = find("search").value.trim();
  const parameters = new URLSearchParams({ sort, limit: LIMIT });
  if (search) parameters.set("search", search);
  if (cursors.at(-1)) parameters.set("cursor", cursors.at(-1));
  return `v1/workspaces?${parameters}`;
}

/** How much of a limit is spent, and how much held. */
function bar(window) {
  const limit = nanos(window.limit);
  const [spent, held] = limit > 0n ? [nanos(window.spent), nanos(window.held)].map((part) => Math.min(1, Math.max(0, ratio(part, limit)))) : [1, 0];
  return draw("svg", { class: "bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { class: "track", width: 100, height: 4 }), draw("rect", { class: "spent", width: spent * 100, height: 4 }),
    draw("rect", { class: "held", x: spent * 100, width: Math.min(held, 1 - spent) * 100, height: 4 }));
}

function amount(window) {
  const limit = window.limit === undefined ? [", no limit"] : [" of ", money(window.limit)];
  const held = nanos(window.held) > 0n ? make("div", { class: "quiet" }, money(window.held), " held") : null;
  return [money(window.spent), make("span", { class: "of" }, ...limit), held];
}

/** The share in per cent with one digit, rounded down: 99.99 is not yet all. */
function percent(millionths) {
  if (millionths === null) return "–";
  const tenths = Math.floor(millionths / 1000);
  return tenths > 999_999 ? "> 99,999 %" : `${Math.floor(tenths / 10).toLocaleString("en")}.${tenths % 10} %`;
}

function fuller(workspace) {
  const share = (window) => (window.limit === undefined ? -1 : ratio(nanos(window.spent) + nanos(window.held), nanos(window.limit)));
  return share(workspace.monthly) > share(workspace.daily) ? workspace.monthly : workspace.daily;
}

function row(workspace) {
  const button = make("button", { type: "button", "data-role": "budget", "aria-label": `Budget of ${workspace.id}` },
    workspace.budget_from === "file" ? "View" : "Edit");
  button.addEventListener("click", () => edit(workspace, refresh));
  const isOff = workspace.enforcement === "off";
  return make("tr", { class: isOff ? "off" : workspace.state },
    make("th", { scope: "row", class: "name" }, make("span", { class: "id" }, workspace.id),
      workspace.enforcement === "enforce" ? null : make("span", { class: "tag" }, workspace.enforcement)),
    make("td", { class: "share" }, make("div", {}, state(workspace.state), make("span", { class: "percent" }, percent(workspace.share_millionths))),
      fuller(workspace).limit === undefined ? null : bar(fuller(workspace))),
    make("td", { class: "number" }, ...amount(workspace.daily)),
    make("td", { class: "number" }, ...amount(workspace.monthly)),
    make("td", { class: "quiet extra" }, until(workspace.daily.resets_at)),
    make("td", { class: "action" }, button));
}

function tiles(all) {
  find("tile-today").replaceChildren("$", money(all.spent_daily));
  find("tile-month").replaceChildren("$", money(all.spent_monthly));
  find("tile-held").replaceChildren("$", money(all.held));
  const near = ["exhausted", "critical", "warning", "unverified"].filter((word) => all.states[word] > 0);
  find("tile-workspaces").replaceChildren(
    all.workspaces.toLocaleString("en"),
    make("span", { class: "states" }, ...near.map((word) => make("span", { class: `state ${word}` }, `${all.states[word].toLocaleString("en")} ${word}`))));
}

function show(page) {
  tiles(page.all);
  const rows = find("workspace-rows");
  if (rows.querySelector(".empty")) rows.replaceChildren();
  keep(rows, page.workspaces, (workspace) => workspace.id, row);
  const search = find("search").value.trim();
  if (!page.workspaces.length) {
    rows.replaceChildren(empty(6, search ? `No workspace’s name has “${search}”.` : "No workspace has spent anything, and config.yaml names none."));
  }
  const first = (cursors.length - 1) * LIMIT;
  const count = page.matching.toLocaleString("en");
  const said = search ? `${count} of ${page.all.workspaces.toLocaleString("en")}` : count;
  if (find("workspaces-count").textContent !== said) find("workspaces-count").textContent = said;
  find("page").textContent = page.workspaces.length ? `${(first + 1).toLocaleString("en")}–${(first + page.workspaces.length).toLocaleString("en")} of ${count}` : "";
  find("previous").disabled = cursors.length === 1;
  find("next").disabled = page.next === null;
  find("next").cursor = page.next;
  find("workspaces").querySelector(".pager").hidden = cursors.length === 1 && page.next === null;
}

/** Another order or search begins at the first page. */
function restart() {
  cursors = [""];
  for (const button of document.querySelectorAll("[data-sort]")) {
    const isChosen = button.dataset.sort === sort;
    const heading = button.closest("th");
    if (isChosen) heading.setAttribute("aria-sort", sort === "id" ? "ascending" : "descending");
    else heading.removeAttribute("aria-sort");
  }
  refresh();
}

export function start() {
  refresh = poll(5, path, show, (...fault) => problem("workspaces", ...fault));
  let typing;
  find("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(restart, 150);
  });
  for (const button of document.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      sort = button.dataset.sort;
      restart();
    });
  }
  find("next").addEventListener("click", () => {
    if (find("next").cursor) cursors.push(find("next").cursor);
    refresh();
  });
  find("previous").addEventListener("click", () => {
    if (cursors.length > 1) cursors.pop();
    refresh();
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea, dialog");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    find("search").focus();
  });
  restart();
  return refresh;
}
