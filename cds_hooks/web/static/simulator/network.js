// Calls to the addresses that the visitor chose, and what can be said when one of them gives no answer.

export const DEADLINE_MS = 15_000;

export class NoAnswer extends Error {
  constructor(message, lines) {
    super(message);
    this.lines = lines;
  }
}

/** fetch with a deadline and the time it took; NoAnswer, saying the likely cause, when there is none. */
export async function ask(url, options = {}) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), DEADLINE_MS);
  const started = performance.now();
  try {
    const response = await fetch(url, { ...options, signal: stop.signal, credentials: "omit", referrerPolicy: "no-referrer" });
    const text = await response.text();
    return { status: response.status, ok: response.ok, text, body: parsed(text), type: response.headers.get("content-type") || "", milliseconds: Math.round(performance.now() - started) };
  } catch (fault) {
    if (stop.signal.aborted) throw new NoAnswer("No answer in time", [`${url} gave no answer within ${DEADLINE_MS / 1000} seconds.`]);
    throw new NoAnswer("No answer", await cause(url, options));
  } finally {
    clearTimeout(timer);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// A browser tells a script only that a call failed. A second call that asks for nothing readable tells the rest apart.
async function cause(url, options) {
  let target;
  try {
    target = new URL(url, location.href);
  } catch {
    return ["This is not an address: " + url];
  }
  if (target.origin === location.origin) return ["This machine does not answer: is the demo still running?"];
  if (location.protocol === "https:" && target.protocol === "http:") return ["A page that came over https may not call an http address."];
  try {
    await fetch(target, { mode: "no-cors", credentials: "omit", signal: AbortSignal.timeout(5_000) });
  } catch {
    return [`${target.origin} cannot be reached from this browser: the name, the port or its certificate may be wrong, or the server is not running.`];
  }
  const headers = Object.keys(options.headers || {}).join(", ");
  return [
    `${target.origin} answers, but does not let pages of ${location.origin} read its answers (CORS).`,
    `The server must send Access-Control-Allow-Origin: ${location.origin}, and answer the browser's OPTIONS call without a login`
      + (headers ? `, allowing the headers ${headers}` : "") + ` and the method ${options.method || "GET"}.`,
    "This simulator has no proxy on purpose: the browser calls the addresses itself.",
  ];
}

/** What an OperationOutcome says, one line for each issue; nothing for any other body. */
export function outcomeLines(body) {
  const issues = body && body.resourceType === "OperationOutcome" && Array.isArray(body.issue) ? body.issue : [];
  return issues.map((issue) =>
    [issue.diagnostics || (issue.details && issue.details.text) || issue.code, ...(issue.expression || [])].join(" · "));
}
