// Calls as they happen, with those that the ledger has from before.

import { ask, Failure, follow } from "./gateway.js";
import { empty, find, make, money, problem, time } from "./page.js";

/** How many rows are kept; of a busy gateway nobody reads more. */
const ROWS = 200;
const rows = find("call-rows");
let waiting = [];
let missed = 0;
let isPaused = false;
let isDrawing = false;
/** Where the calls go on that are older than those shown; null where there are none, or none can be asked for. */
let next = null;
const shown = new Set();

function answer(call) {
  if (call.code) return [make("span", { class: "state refused" }, String(call.status)), " ", call.code.replaceAll("_", " ")];
  if (call.status === undefined) return [make("span", { class: "state exhausted" }, "none")];
  const word = call.status < 300 ? "ok" : call.status < 500 ? "warning" : "exhausted";
  const notes = [call.cache === "hit" || call.cache === "coalesced" ? call.cache : null, call.basis === "estimate" ? "estimate" : null];
  return [make("span", { class: `state ${word}` }, String(call.status)), ...notes.filter(Boolean).map((note) => make("span", { class: "tag" }, note))];
}

function row(call) {
  const whom = [call.userId, call.entityId === undefined ? null : `${call.entityType ?? "entity"} ${call.entityId}`].filter(Boolean).join(" · ");
  return make("tr", { class: call.code ? "refusal" : "", title: call.errorMessage ?? call.id },
    make("td", {}, time(call.createdAt)),
    make("th", { scope: "row", class: "id" }, call.workspaceId ?? "–"),
    make("td", { class: "clip" }, call.apiProvider ?? "–", call.operation ? make("span", { class: "quiet" }, ` ${call.operation}`) : null),
    make("td", { class: "answer" }, ...answer(call)),
    make("td", { class: "number cost" }, call.cost === undefined ? "" : money(call.cost)),
    make("td", { class: "number quiet" }, call.durationMs === undefined ? "" : `${call.durationMs.toLocaleString("en")} ms`),
    make("td", { class: "quiet clip", title: whom || null }, whom));
}

/** Once a frame, however many have come. */
function drawSoon() {
  if (isDrawing || isPaused) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    if (isPaused) return;
    const news = waiting.filter((call) => !shown.has(call.id)).slice(-ROWS);
    waiting = [];
    if (!news.length && rows.children.length) return;
    rows.querySelector(".empty")?.remove();
    for (const call of news) {
      if (call.id) shown.add(call.id);
      const element = row(call);
      element.classList.add("new");
      element.dataset.id = call.id ?? "";
      rows.prepend(element);
    }
    while (rows.children.length > ROWS) {
      shown.delete(rows.lastElementChild.dataset.id);
      rows.lastElementChild.remove();
      // What follows the last row is no longer what the cursor says.
      next = null;
    }
    find("older").hidden = next === null;
    tell();
  });
}

let connection = "waiting";
function tell() {
  const state = find("calls-state");
  const text = isPaused ? "Paused" : connection === "live" ? "Live" : "Connecting";
  if (state.textContent !== text) state.textContent = text;
  // Not in the line that is read out: it changes with every call.
  const counts = [isPaused && waiting.length ? `${waiting.length.toLocaleString("en")} more` : "", missed ? `${missed.toLocaleString("en")} not shown` : ""];
  find("calls-missed").textContent = counts.filter(Boolean).join(", ");
  state.classList.toggle("on", connection === "live" && !isPaused);
}

/** Calls from before, below those that are there. */
async function older() {
  try {
    const page = await ask(`v1/calls?limit=50${next ? `&cursor=${encodeURIComponent(next)}` : ""}`);
    rows.querySelector(".empty")?.remove();
    for (const call of page.calls) {
      if (shown.has(call.id)) continue;
      shown.add(call.id);
      const element = row(call);
      element.dataset.id = call.id;
      rows.append(element);
    }
    next = rows.children.length < ROWS ? page.next : null;
  } catch (error) {
    // A version without the route still shows what happens from now on.
    if (error.status !== 404 && error.status !== 501) problem("calls", error instanceof Failure ? error.message : String(error));
    next = null;
  }
  find("older").hidden = next === null;
  if (!rows.children.length) rows.append(empty(7, "No calls yet. They appear here as they are made."));
}

export function start() {
  older();
  follow("v1/events", {
    event(name, data) {
      if (name === "missed") missed += data;
      else waiting.push(data);
      if (waiting.length > ROWS) missed += waiting.splice(0, waiting.length - ROWS).length;
      if (isPaused) tell(); else drawSoon();
    },
    status(word, text) {
      connection = word;
      problem("calls", text);
      tell();
    },
  });
  find("older").addEventListener("click", older);
  find("pause").addEventListener("click", () => {
    isPaused = !isPaused;
    find("pause").textContent = isPaused ? "Resume" : "Pause";
    tell();
    drawSoon();
  });
}
