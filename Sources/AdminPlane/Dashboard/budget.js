// One workspace's budget: its limits on providers and users to be read, its own to be changed.

import { ask, Failure } from "./gateway.js";
import { dollars } from "./money.js";
import { find, make, money, say, state } from "./page.js";

const FIELDS = ["daily", "monthly", "timezone", "enforcement"];
/** The workspace in the dialog, its budget as the gateway gave it, and what to do when it has changed. */
let open = null;

const path = (id) => `v1/workspaces/${encodeURIComponent(id)}/budget`;
const field = (name) => find(`budget-${name}`);

function complain(text, name = null) {
  const line = find("budget-problem");
  line.textContent = text;
  line.hidden = !text;
  for (const each of FIELDS) field(each).setAttribute("aria-invalid", each === name);
  if (name) field(name).focus();
}

/** The scopes that have limits or spending, as a table. */
function scopes(budget) {
  const others = budget.scopes.filter((scope) => scope.scope !== "workspace");
  if (!others.length) return [];
  const amount = (window) => make("td", { class: "number" }, money(window.spent), make("span", { class: "of" }, window.limit === undefined ? "" : ` of ${dollars(window.limit).slice(1)}`));
  return [make("table", {}, make("caption", { class: "spoken" }, "Spending with each provider"),
    make("thead", {}, make("tr", {}, ...["Provider", "Today", "This month"].map((title, index) => make("th", { scope: "col", class: index ? "number" : "" }, title)))),
    make("tbody", {}, ...others.map((scope) => make("tr", {}, make("th", { scope: "row" }, scope.name ?? scope.scope), amount(scope.daily), amount(scope.monthly)))))];
}

export async function edit(workspace, changed) {
  let budget;
  try {
    budget = await ask(path(workspace.id));
  } catch (error) {
    say(error instanceof Failure ? error.message : String(error));
    return;
  }
  const isFixed = workspace.budget_from === "file";
  open = { workspace, budget, changed };
  find("budget-title").replaceChildren("Budget of ", make("span", { class: "id" }, workspace.id), " ", state(budget.state));
  find("budget-note").textContent = isFixed
    ? "config.yaml names this workspace: its budget is changed there, and in force as soon as the file is saved."
    : workspace.budget_from === "default" ? "The default budget, so far." : "Set here, for every gateway on this ledger.";
  field("daily").value = budget.daily.limit ?? "";
  field("monthly").value = budget.monthly.limit ?? "";
  field("timezone").value = budget.timezone;
  field("enforcement").value = budget.enforcement;
  for (const name of FIELDS) field(name).disabled = isFixed;
  find("budget-save").hidden = isFixed;
  find("budget-cancel").textContent = isFixed ? "Close" : "Cancel";
  find("budget-scopes").replaceChildren(...scopes(budget));
  complain("");
  find("budget").showModal();
  if (!isFixed) field("daily").select();
}

/** What is to be sent: the budget as it is, limits on providers and users included, with the fields' values in their places. */
function wish() {
  const wanted = { ...open.budget.budget };
  for (const name of ["daily", "monthly"]) {
    const text = field(name).value.trim().replace(/^\$/, "").replace(/,(?=\d{3}\b)/g, "");
    // Left empty as it was: there is no limit.
    if (text === "" && open.budget[name].limit === undefined) continue;
    if (!/^\d+(\.\d{1,9})?$/.test(text)) throw new Failure(name, "An amount in dollars, such as 50 or 12.50, with at most nine digits after the point.");
    wanted[name] = text;
  }
  wanted.timezone = field("timezone").value.trim();
  wanted.enforcement = field("enforcement").value;
  return wanted;
}

async function save(event) {
  event.preventDefault();
  const { workspace, changed } = open;
  let wanted;
  try {
    wanted = wish();
  } catch (error) {
    complain(error.message, error.status);
    return;
  }
  const button = find("budget-save");
  button.disabled = true;
  try {
    const budget = await ask(path(workspace.id), { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted) });
    find("budget").close();
    const limit = (window, name) => (window.limit === undefined ? `no limit ${name}` : `${dollars(window.limit)} ${name}`);
    say(`The budget of ${workspace.id} is ${limit(budget.daily, "a day")} and ${limit(budget.monthly, "a month")}.`);
    changed();
  } catch (error) {
    complain(error instanceof Failure ? error.message : String(error));
  } finally {
    button.disabled = false;
  }
}

export function start() {
  find("budget-form").addEventListener("submit", save);
  find("budget").addEventListener("close", () => {
    // The row may have been drawn anew behind the dialog.
    document.querySelector(`#workspace-rows [data-key="${CSS.escape(open.workspace.id)}"] [data-role="budget"]`)?.focus();
  });
  find("budget-cancel").addEventListener("click", () => find("budget").close());
}
