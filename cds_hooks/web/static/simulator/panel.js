// Behind the cards: every call to the service with its request, response, timing, findings and FHIR calls.
import { arrange, byId, element, pretty } from "./elements.js";
import { Exchange } from "./exchange.js";

const MOST_KEPT = 30;

export class Panel {
  constructor() {
    this.list = byId("exchanges");
  }

  /** A new call, shown first. */
  record(given) {
    const line = element("li");
    const exchange = new Exchange(given, (one) => this.#show(one, line));
    this.list.prepend(line);
    while (this.list.children.length > MOST_KEPT) this.list.lastElementChild.remove();
    this.#show(exchange, line);
    byId("behind-empty").hidden = true;
    return exchange;
  }

  #show(exchange, line) {
    // The parts stay when something new is known: somebody may be reading or opening one of them.
    const part = (name, title, ...content) => {
      const made = line.querySelector(`[data-part=${name}]`) || element("details", { "data-part": name }, element("summary"));
      if (made.firstElementChild.firstChild !== title) made.firstElementChild.replaceChildren(title);
      arrange(made, [made.firstElementChild, ...content]);
      return made;
    };
    const mark = exchange.fault || (exchange.answer && !exchange.answer.ok) ? "failed" : exchange.errors ? "faulty" : exchange.answer ? "good" : "";
    const title = line.querySelector(".exchange-title") || element("span", { className: "exchange-title" },
      element("strong", {}, exchange.kind), element("span", { className: "address" }, `${exchange.method} ${exchange.url}`), element("span"));
    title.lastElementChild.className = `outcome ${mark}`;
    title.lastElementChild.textContent = exchange.outcome;
    arrange(line, [part("all",
      title,
      ...(exchange.fault ? [faultBox(exchange.fault.message, exchange.fault.lines || [])] : []),
      part("findings", `Conformance to CDS Hooks 2.0.1: ${said(exchange)}`, findingList(exchange)),
      ...(exchange.request ? [part("request", `Request (${size(exchange.request)})`, block(exchange.request, `Request of ${exchange.kind}`))] : []),
      ...(exchange.answer ? [part("response", `Response (${exchange.answer.status}, ${exchange.answer.milliseconds} ms, ${size(exchange.answer.text)})`,
        block(exchange.answer.body ?? (exchange.answer.text || "(empty)"), `Response of ${exchange.kind}`))] : []),
      ...(exchange.clientCalls.length ? [part("prefetch", `FHIR calls of this client for prefetch: ${exchange.clientCalls.length}`, callTable(exchange.clientCalls))] : []),
      ...(exchange.serviceCalls ? [part("calls", `FHIR calls of the service: ${exchange.serviceCalls.length}`,
        exchange.serviceCalls.length ? callTable(exchange.serviceCalls) : element("p", { className: "hint" }, "None: it found all it needed in the request."))] : []),
    )]);
  }
}

function said(exchange) {
  if (!exchange.findings.length) return exchange.answer ? "nothing found" : "not judged";
  const count = (level, word) => {
    const number = exchange.findings.filter((one) => one.level === level).length;
    return number ? `${number} ${word}${number === 1 ? "" : "s"}` : "";
  };
  return [count("error", "fault"), count("warning", "remark"), count("info", "note")].filter(Boolean).join(", ");
}

/** The findings as a list; a sentence when there are none. */
export function findingList(exchange) {
  if (!exchange.findings.length) return element("p", { className: "hint" }, "Nothing of the specification is broken.");
  const word = { error: "Fault", warning: "Remark", info: "Note" };
  return element("ul", { className: "findings" }, ...exchange.findings.map((one) => element("li", { className: one.level },
    element("strong", {}, `${word[one.level]}: `), element("code", {}, one.where), ` ${one.text}`)));
}

/** What went wrong, in a box that is read out. */
export function faultBox(title, lines) {
  return element("div", { className: "fault", role: "alert" }, element("h3", {}, title), ...lines.map((line) => element("p", {}, line)));
}

function block(value, label) {
  return element("pre", { tabindex: "0", role: "region", "aria-label": label }, pretty(value));
}

function callTable(calls) {
  return element("div", { className: "wide", tabindex: "0", role: "region", "aria-label": "FHIR calls" }, element("table", {},
    element("thead", {}, element("tr", {}, ...["method", "path and query", "status", "ms"].map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...calls.map((call) => element("tr", {},
      element("td", {}, call.method), element("td", { className: "address" }, call.address), element("td", {}, String(call.status || "none")), element("td", {}, String(call.milliseconds)))))));
}

function size(value) {
  const bytes = new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value)).length;
  return bytes < 1000 ? `${bytes} bytes` : `${(bytes / 1000).toFixed(1)} kB`;
}
