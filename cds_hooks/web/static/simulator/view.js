// What the middle and the right column show: chart, drafts, cards.
import { cardElements } from "./cards.js";
import { chartSections, personOf } from "./chart.js";
import { arrange, byId, element, say } from "./elements.js";
import { referenceOf } from "./order.js";
import { faultBox } from "./panel.js";
import { draftLine } from "./sig.js";

const MOMENT = { "patient-view": "on opening the chart", "order-select": "on choosing the order", "order-sign": "before signing" };

/** Nobody is open yet. */
export function showStart() {
  byId("start").hidden = false;
  byId("opened").hidden = byId("chart-panel").hidden = true;
  clearCards("Cards appear here, as the EHR would show them beside the order.");
  document.title = "EHR simulator · trd-cds";
}

/** No cards: their moment has passed, or has not come. */
export function clearCards(why) {
  byId("cards").replaceChildren(element("p", { className: "hint" }, why));
  settled();
  byId("cards-title").textContent = "Cards";
  byId("moment").textContent = "";
  byId("timing").replaceChildren();
}

/** Who is open, and the story that the demo tells of the patient. */
export function showPerson(chart, story, { ownServer, labels }) {
  const { called, line } = personOf(chart.patient);
  byId("start").hidden = true;
  byId("opened").hidden = byId("chart-panel").hidden = false;
  byId("person").textContent = called;
  byId("person-line").textContent = chart.patient ? line : "The FHIR server gave no such patient.";
  byId("story").hidden = !story;
  if (story) byId("notice").textContent = story.teaching;
  if (story) byId("suggested-order").replaceChildren("Order ", element("strong", {}, story.orderText));
  byId("of-the-demo").hidden = !(story && ownServer);
  if (story) for (const [id, address] of pagesOf(story)) byId(id).href = address;
  byId("chart").replaceChildren(...chartSections(chart, labels));
  document.title = `${called} · EHR simulator · trd-cds`;
}

const pagesOf = ({ id, patientId }) => [
  ["timeline", `/app/demo/${id}`], ["document", `/demo/assessment/${id}`], ["tree", `/demo/assessment/${id}?form=text`], ["everything", `/fhir/Patient/${patientId}/$everything`],
];

/** The unsigned orders, and whether signing waits for cards to be read. */
export function showDrafts(session, setup, { changed, removed, suggested }) {
  const { list, onlyHere } = session.drafts;
  byId("suggested-order").hidden = !suggested || list.length > 0;
  // The line that somebody is writing in stays under their hand.
  const inHand = document.activeElement?.closest("#drafts > li");
  arrange(byId("drafts"), list.map((order) => {
    const reference = referenceOf(order);
    if (inHand?.dataset.order === reference) return inHand;
    const line = draftLine(order, setup, { changed: (directions) => changed(reference, directions), removed: () => removed(reference) });
    line.dataset.order = reference;
    return line;
  }));
  byId("no-drafts").hidden = list.length > 0;
  byId("sign").hidden = !list.length || session.signing;
  byId("sign-now").hidden = byId("back-to-draft").hidden = !list.length || !session.signing;
  byId("sign").textContent = list.length > 1 ? `Sign ${list.length} orders` : "Sign the order";
  byId("only-here").hidden = !onlyHere;
}

/** The answer is awaited. What stands there answers an earlier question, and is about to go from under the hand. */
export function showWaiting(hook) {
  const place = byId("cards");
  place.setAttribute("aria-busy", "true");
  place.inert = true;
  byId("moment").textContent = `${hook} …`;
}

function settled() {
  const place = byId("cards");
  place.removeAttribute("aria-busy");
  place.inert = false;
}

/** The cards of a hook, or the sentence that there are none. `bring`: brings the reader to them.
 *  Drawing takes a while: they are not shown once `isWanted` says that something else was asked. */
export async function showCards(hook, exchanges, { profile, acts, bring, isWanted }) {
  const place = byId("cards");
  const shown = [];
  const faults = [];
  for (const exchange of exchanges) {
    if (exchange.fault) faults.push(faultBox(exchange.fault.message, exchange.fault.lines || []));
    else if (!exchange.answer.ok) faults.push(faultBox(`The service answered ${exchange.answer.status}`, exchange.findings.map((one) => `${one.where}: ${one.text}`).concat(saidBy(exchange))));
    else shown.push(...(await cardElements(exchange, profile, acts(exchange))));
  }
  if (!isWanted()) return;
  const count = shown.length === 1 ? "1 card" : `${shown.length} cards`;
  byId("cards-title").textContent = shown.length ? count : "Cards";
  byId("moment").textContent = `${hook}: ${MOMENT[hook]}`;
  const wrong = exchanges.reduce((sum, one) => sum + one.errors, 0);
  const link = element("a", { href: "#behind" }, wrong ? `${wrong} faults found` : "conforms to 2.0.1");
  const slowest = Math.max(0, ...exchanges.map((one) => one.answer?.milliseconds || 0));
  byId("timing").replaceChildren(...(exchanges.some((one) => one.answer) ? [`Answered in ${slowest} ms, `, link] : []));
  const none = exchanges.length ? "The service answered without a card. That is not reassurance." : `This service has nothing for ${hook}.`;
  place.replaceChildren(...faults, ...shown, ...(faults.length || shown.length ? [] : [element("p", { className: "hint" }, none)]));
  settled();
  say(faults.length ? `${hook}: the service could not answer` : shown.length ? `${hook}: ${count}` : `${hook}: no card`);
  if ((shown.length || faults.length) && bring?.(byId("cards-title"), { preventScroll: true })) {
    const { top } = byId("cards-column").getBoundingClientRect();
    if (top < 0 || top > innerHeight / 2) byId("cards-column").scrollIntoView({ behavior: reduced() ? "auto" : "smooth" });
  }
}

/** The service could not be asked at all. */
export function showFailure(hook, fault) {
  byId("cards").replaceChildren(faultBox(fault.message, fault.lines || []));
  settled();
  byId("cards-title").textContent = "Cards";
  byId("moment").textContent = hook;
  byId("timing").replaceChildren();
}

/** A sentence of what was done, above the orders. */
export function showDone(text) {
  byId("done").textContent = text;
  say(text);
}

const reduced = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function saidBy(exchange) {
  const issues = exchange.answer.body?.issue;
  return Array.isArray(issues) ? issues.map((issue) => issue.diagnostics || issue.details?.text || issue.code).filter((text) => typeof text === "string") : [];
}
