// How the page is put together. Whatever comes from the gateway becomes a text node or an attribute, and never markup.

import { parts } from "./money.js";

const SVG = "http://www.w3.org/2000/svg";

export const find = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** An element with attributes and children; texts become text nodes. */
export const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

/** The same of a drawing. */
export const draw = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** An amount, exact; what is smaller than a cent steps back. */
export function money(text) {
  const [whole, cents, rest] = parts(text);
  return make("span", { class: "money" }, `${whole}.${cents}`, make("span", { class: "fine" }, rest));
}

/** A share in per cent with one digit, of whole numbers, rounded down. */
export const percent = (part, whole) => {
  if (!whole) return "–";
  const tenths = Math.floor((part * 1000) / whole);
  return `${Math.floor(tenths / 10)}.${tenths % 10} %`;
};

/** A state as a word beside its colour. */
export const state = (word) => make("span", { class: `state ${word}` }, word);

/** Makes a list's elements anew where they have changed, and leaves the others, with what has the focus in them, alone. */
export function keep(parent, items, key, build) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const fresh = JSON.stringify(item);
    let element = old.get(name);
    old.delete(name);
    if (!element) {
      element = build(item);
      element.dataset.key = name;
    } else if (element.written !== fresh) {
      replaceChildren(element, build(item));
    }
    element.written = fresh;
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const element of old.values()) element.remove();
  // What is moved loses the focus.
  if (focused?.isConnected && document.activeElement === document.body) focused.focus();
}

/** Gives an element what another has. A control that has the focus keeps it, in the place of the one that took over. */
function replaceChildren(element, other) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.role : null;
  element.className = other.className;
  element.replaceChildren(...other.childNodes);
  if (focused) element.querySelector(`[data-role="${CSS.escape(focused)}"]`)?.focus();
}

/** Says something to those who listen, and shows it for a while to those who look. */
let toast;
export function say(text) {
  find("said").textContent = text;
  const shown = find("shown");
  shown.textContent = text;
  shown.hidden = false;
  clearTimeout(toast);
  toast = setTimeout(() => { shown.hidden = true; }, 6000);
}

/** Shows in a panel why it has no figures, or old ones; nothing where all is well. That a version has something not is no fault. */
export function problem(panel, text, status) {
  const line = find(panel).querySelector(".problem");
  line.classList.toggle("absent", status === 404 || status === 501);
  if (line.textContent !== text) line.textContent = text;
  line.hidden = !text;
}

/** Parts that are wider or higher than their place can be moved through with the keyboard, and only those stand in its way. */
export function watchScrolling() {
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const place = target.closest(".scroll");
      const isLarger = place.scrollWidth > place.clientWidth || place.scrollHeight > place.clientHeight;
      for (const [name, value] of [["tabindex", "0"], ["role", "region"]]) {
        // What has the focus keeps its place among the stops.
        if (isLarger) place.setAttribute(name, value);
        else if (!place.contains(document.activeElement)) place.removeAttribute(name);
      }
    }
  });
  for (const place of document.querySelectorAll(".scroll")) {
    watch.observe(place);
    watch.observe(place.firstElementChild);
  }
}

/** A row that says why there are no others. */
export const empty = (columns, ...children) =>
  make("tr", { class: "empty" }, make("td", { colspan: columns }, ...children));

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const calendar = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false });

/** An instant: the time, or, where it is not of the last hours, the day and the time. */
export function time(text) {
  const instant = new Date(text);
  const isNear = Math.abs(Date.now() - instant) < 12 * 3600e3;
  return make("time", { datetime: text, title: text }, (isNear ? clock : calendar).format(instant));
}

const ahead = (text) => {
  const minutes = Math.max(0, Math.round((new Date(text) - Date.now()) / 60000));
  if (minutes < 60) return `in ${minutes} min`;
  return minutes < 48 * 60 ? `in ${Math.floor(minutes / 60)} h ${minutes % 60} min` : `in ${Math.floor(minutes / 1440)} days`;
};

/** How long it is until an instant; kept right for as long as it is shown. */
export const until = (text) => make("time", { datetime: text, title: text, class: "until" }, ahead(text));

setInterval(() => {
  for (const node of document.querySelectorAll("time.until")) {
    const words = ahead(node.dateTime);
    if (node.textContent !== words) node.textContent = words;
  }
}, 20_000);
