// The EHR simulator: asks the demo for a hook request, posts it to the real service and shows the answer.
// Everything that comes back is shown as text; only Markdown that the server has rendered safely becomes HTML.
"use strict";

const field = (id) => document.getElementById(id);
const form = field("order");
const answer = field("answer");

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function followChoice() {
  const chosen = field("patient").selectedOptions[0];
  field("teaching").textContent = chosen.dataset.teaching;
  field("suggestion").textContent = field("product").value === "" ? chosen.dataset.order : "";
  const id = encodeURIComponent(chosen.value);
  field("document").href = `/demo/assessment/${id}`;
  field("tree").href = `/demo/assessment/${id}?form=text`;
  field("ordered").hidden = field("hook").value === "patient-view";
  field("units").disabled = field("product").value === "";
}

function showFault(title, lines) {
  const box = element("div", "", "fault");
  box.setAttribute("role", "alert");
  box.append(element("h3", title));
  for (const line of lines) box.append(element("p", line));
  answer.replaceChildren(box);
}

// What an OperationOutcome says, one line per issue.
function outcomeLines(body) {
  const issues = body && Array.isArray(body.issue) ? body.issue : [];
  return issues.map((issue) =>
    [issue.diagnostics || (issue.details && issue.details.text) || issue.code, ...(issue.expression || [])].join(" · "));
}

async function html(texts) {
  const answered = await fetch("/demo/markdown", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ texts }),
  });
  if (!answered.ok) throw new Error(`the page could not render the cards (status ${answered.status})`);
  return (await answered.json()).html;
}

function safeLink(address, label) {
  const url = /^https?:\/\//i.test(address || "") ? address : null;
  const made = element(url ? "a" : "span", label || address);
  if (url) { made.href = url; made.rel = "noopener noreferrer"; made.target = "_blank"; }
  return made;
}

function list(title, items) {
  const part = document.createDocumentFragment();
  if (!items.length) return part;
  part.append(element("h4", title));
  const made = element("ul");
  for (const item of items) { const line = element("li"); line.append(item); made.append(line); }
  part.append(made);
  return part;
}

function card(given, detail) {
  const level = ["info", "warning", "critical"].includes(given.indicator) ? given.indicator : "info";
  const made = element("article", "", `card ${level}`);
  made.append(element("span", level, "level"), element("h3", given.summary));
  if (detail) { const body = element("div"); body.innerHTML = detail; made.append(body); }
  made.append(list("Suggestions", (given.suggestions || []).map((one) => element("span", one.label))));
  made.append(list("Links", (given.links || []).map((one) => safeLink(one.url, one.label))));
  made.append(list("Reasons to dismiss", (given.overrideReasons || []).map((one) => element("span", one.display || one.code))));
  const source = element("p", "Source: ", "aside");
  source.append(safeLink(given.source && given.source.url, given.source && given.source.label));
  made.append(source);
  return made;
}

async function show(body) {
  const cards = body.cards || [];
  if (!cards.length) {
    answer.replaceChildren(element("p", "The service answered without a card. That is not reassurance.", "hint"));
    return;
  }
  const details = await html(cards.map((one) => one.detail || ""));
  answer.replaceChildren(...cards.map((one, place) => card(one, details[place])));
}

async function fire() {
  const wanted = new URLSearchParams(new FormData(form));
  const asked = await fetch(`/demo/request.json?${wanted}`);
  const request = await asked.json();
  if (!asked.ok) { showFault("The request could not be made", outcomeLines(request)); return; }
  field("request").textContent = JSON.stringify(request, null, 2);
  const path = `/cds-services/trd-${request.hook}`;
  field("request-line").textContent = `POST ${path}`;
  const started = performance.now();
  const answered = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  });
  const text = await answered.text();
  field("response-line").textContent = `${answered.status}, ${Math.round(performance.now() - started)} ms`;
  let body = null;
  try { body = JSON.parse(text); } catch { /* shown as it came */ }
  field("response").textContent = body ? JSON.stringify(body, null, 2) : text;
  if (!answered.ok) { showFault(`The service answered ${answered.status}`, outcomeLines(body)); return; }
  await show(body);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  answer.setAttribute("aria-busy", "true");
  try {
    await fire();
  } catch (fault) {
    showFault("No answer", [fault.message]);
  } finally {
    button.disabled = false;
    answer.removeAttribute("aria-busy");
  }
});
form.addEventListener("change", followChoice);
followChoice();
