// What the page asks of the gateway that it came from.

const KEY = "gateway-admin-token";
const PATIENCE = 15_000;

/** Why there is no answer, in words for whoever looks at the page. */
export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let token = sessionStorage.getItem(KEY);
/** Asks whoever looks for the token; resolves when there is one to try. */
let askForToken = async () => {};
let asking = null;

export const whenTokenIsWanted = (ask) => { askForToken = ask; };
export const hasToken = () => token !== null;

export function useToken(text) {
  token = text;
  if (text === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, text);
}

/** A header takes bytes: those that the token has in the configuration. */
const bytes = (text) => String.fromCharCode(...new TextEncoder().encode(text));

/** An answer, whatever it says; for each try there is a signal of its own, so that a person may take their time with the token. */
async function send(path, options, signal) {
  while (true) {
    const used = token;
    const headers = { ...options.headers };
    if (used !== null) headers.Authorization = `Bearer ${bytes(used)}`;
    let answer;
    try {
      answer = await fetch(path, { ...options, headers, signal: signal(), cache: "no-store", credentials: "omit" });
    } catch (error) {
      if (error.name === "TimeoutError") throw new Failure(0, "The gateway does not answer. Trying again.");
      if (error.name === "AbortError") throw error;
      throw new Failure(0, "The gateway cannot be reached. Trying again.");
    }
    if (answer.status !== 401) return answer;
    // One question for all that wait for the answer, unless another has been answered meanwhile.
    if (used === token) {
      asking ??= askForToken(used !== null).finally(() => { asking = null; });
      await asking;
    }
  }
}

/** The JSON at a path. Throws a ``Failure`` for anything but a success. */
export async function ask(path, options = {}) {
  const answer = await send(path, options, () => AbortSignal.timeout(PATIENCE));
  let body = null;
  try {
    body = await answer.json();
  } catch {
    // What is no JSON is told apart by its status below.
  }
  // Not being ready is an answer of its own, and says why.
  if (answer.ok || (path === "readyz" && body)) {
    if (body === null) throw new Failure(answer.status, "The gateway’s answer is no JSON.");
    return body;
  }
  throw new Failure(answer.status, explain(answer.status, path, body));
}

function explain(status, path, body) {
  const detail = typeof body?.detail === "string" ? body.detail : "";
  switch (status) {
    case 404: return `Not in this version of the gateway (/${path.split("?")[0]}).`;
    case 501: return detail || "Not in this version of the gateway.";
    case 503: return `Not available at the moment: ${detail || "the gateway did not say why"}`;
    default: return detail || `The gateway answered ${status}.`;
  }
}

/** Calls `show` with what is at a path: at once, then every so many seconds while somebody looks. Returns a function that asks now. */
export function poll(seconds, path, show, fail) {
  let timer = null;
  let turn = 0;
  async function look() {
    clearTimeout(timer);
    const mine = ++turn;
    let wait = seconds;
    try {
      const answer = await ask(path());
      // An answer to an older question says nothing about this one.
      if (mine !== turn) return;
      show(answer);
      fail("", 200);
    } catch (error) {
      if (mine !== turn) return;
      fail(error instanceof Failure ? error.message : `This page has a fault: ${error.message}`, error.status);
      // What a version does not have will not come soon.
      if (error.status === 404 || error.status === 501) wait = 60;
    }
    timer = setTimeout(next, wait * 1000);
  }
  function next() {
    if (document.hidden) timer = setTimeout(next, 1000);
    else look();
  }
  look();
  return look;
}

/** Calls as they happen, for as long as the page is open. EventSource cannot send the token, so the stream is read here. */
export async function follow(path, { event, status }) {
  let pause = 1000;
  while (true) {
    try {
      const control = new AbortController();
      const answer = await send(path, {}, () => control.signal);
      if (!answer.ok) throw new Failure(answer.status, explain(answer.status, path, await answer.json().catch(() => null)));
      status("live", "");
      pause = 1000;
      await read(answer.body.getReader(), control, event);
      status("waiting", "");
    } catch (error) {
      status("waiting", error instanceof Failure ? error.message : "");
    }
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 2, 15_000);
  }
}

/** Reads events to the end of the stream; the gateway says something every few seconds, and a stream that is silent for longer is dead. */
async function read(reader, control, event) {
  const decoder = new TextDecoder();
  let text = "";
  while (true) {
    const watch = setTimeout(() => control.abort(), PATIENCE);
    const { value, done } = await reader.read().finally(() => clearTimeout(watch));
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const whole = text.split("\n\n");
    text = whole.pop();
    for (const block of whole) {
      let [name, data] = ["message", null];
      for (const line of block.split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        else if (line.startsWith("data: ")) data = line.slice(6);
      }
      if (data !== null) event(name, JSON.parse(data));
    }
  }
}
