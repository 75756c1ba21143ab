// What of a service's words breaks CDS Hooks 2.0.1. Every finding is { level, where, text }; an error breaks a SHALL.
// A finding never repeats more of an answer than the names of its fields.

const KNOWN = {
  response: ["cards", "systemActions", "extension"],
  card: ["uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons", "links", "extension"],
  source: ["label", "url", "icon", "topic", "extension"],
  suggestion: ["label", "uuid", "isRecommended", "actions", "extension"],
  action: ["type", "description", "resource", "resourceId", "extension"],
  link: ["label", "url", "type", "autolaunchable", "appContext", "extension"],
};
const INDICATORS = ["info", "warning", "critical"];
export const BEHAVIORS = ["at-most-one", "any"];
const ACTIONS = ["create", "update", "delete"];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const REFERENCE = /^[A-Z][A-Za-z]+\/[^/\s]+$/;
const isText = (value) => typeof value === "string" && value.trim() !== "";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export function isWebAddress(value) {
  if (!isText(value)) return false;
  try {
    return ["http:", "https:"].includes(new URL(value).protocol);
  } catch {
    return false;
  }
}

/** The findings of one judgement, in order. */
class Judgement {
  found = [];
  error(where, text) { this.found.push({ level: "error", where, text }); }
  warning(where, text) { this.found.push({ level: "warning", where, text }); }
  need(holds, where, text) { if (!holds) this.error(where, text); return holds; }
  unknown(value, kind, where) {
    for (const name of Object.keys(value)) if (!KNOWN[kind].includes(name)) this.error(where, `the attribute ${name} is not defined`);
  }
}

/** Findings about an answer to a hook: `answer` as `ask` gives it, `drafts` the references of the drafts sent. */
export function judgeAnswer(answer, { drafts = [] } = {}) {
  const judged = new Judgement();
  if (answer.status !== 200) {
    const why = answer.status === 412 ? "it could not get the data it needs" : "it refused or failed";
    judged.warning("status", `the service answered ${answer.status}: ${why}`);
    if (answer.body !== undefined && answer.status !== 401 && answer.body?.resourceType !== "OperationOutcome") {
      judged.warning("body", "no OperationOutcome says what went wrong");
    }
    return judged.found;
  }
  if (!/^application\/([\w.+-]+\+)?json/i.test(answer.type)) judged.error("Content-Type", "is not application/json");
  if (!judged.need(isObject(answer.body), "body", "is not a JSON object")) return judged.found;
  judgeResponse(answer.body, drafts, judged);
  return judged.found;
}

/** Findings about the body of an answer alone. */
export function judgeBody(body, drafts = []) {
  const judged = new Judgement();
  judgeResponse(body, drafts, judged);
  return judged.found;
}

function judgeResponse(body, drafts, judged) {
  judged.unknown(body, "response", "body");
  empties(body, "", judged);
  if (judged.need(Array.isArray(body.cards), "cards", "is missing or not an array")) {
    body.cards.forEach((card, place) => judgeCard(card, `cards[${place}]`, drafts, judged));
    unique(body.cards.map((card) => card?.uuid), "cards", judged);
  }
  if (body.systemActions !== undefined) {
    judged.warning("systemActions", "are not applied by this client: they were not agreed");
    list(body.systemActions, "systemActions", judged).forEach((one, place) => judgeAction(one, `systemActions[${place}]`, drafts, judged));
  }
}

function judgeCard(card, where, drafts, judged) {
  if (!judged.need(isObject(card), where, "is not an object")) return;
  judged.unknown(card, "card", where);
  if (judged.need(isText(card.summary), `${where}.summary`, "is missing or empty")) {
    judged.need([...card.summary].length < 140, `${where}.summary`, "has 140 characters or more");
  }
  if (card.detail !== undefined) {
    judged.need(isText(card.detail), `${where}.detail`, "is not a text");
    if (/<[a-z!/][^>]*>/i.test(card.detail)) judged.warning(`${where}.detail`, "holds HTML, which this client shows as text");
  }
  judged.need(INDICATORS.includes(card.indicator), `${where}.indicator`, "is not info, warning or critical");
  judgeSource(card.source, `${where}.source`, judged);
  if (card.uuid === undefined) judged.warning(where, "has no uuid, so nothing can be fed back about it");
  else if (!UUID.test(card.uuid)) judged.warning(`${where}.uuid`, "is not written as a UUID");
  if (card.suggestions !== undefined) {
    const suggestions = list(card.suggestions, `${where}.suggestions`, judged);
    judged.need(BEHAVIORS.includes(card.selectionBehavior), `${where}.selectionBehavior`, "must be at-most-one or any where there are suggestions; the card is taken as an error");
    suggestions.forEach((one, place) => judgeSuggestion(one, `${where}.suggestions[${place}]`, drafts, judged));
    unique(suggestions.map((one) => one?.uuid), `${where}.suggestions`, judged);
    if (card.selectionBehavior !== "any" && suggestions.filter((one) => one?.isRecommended === true).length > 1) {
      judged.error(`${where}.suggestions`, "more than one is recommended, though one may be chosen at most");
    }
  }
  list(card.overrideReasons, `${where}.overrideReasons`, judged).forEach((one, place) => judgeCoding(one, `${where}.overrideReasons[${place}]`, judged, true));
  list(card.links, `${where}.links`, judged).forEach((one, place) => judgeLink(one, `${where}.links[${place}]`, judged));
}

function judgeSource(source, where, judged) {
  if (!judged.need(isObject(source), where, "is missing or not an object")) return;
  judged.unknown(source, "source", where);
  judged.need(isText(source.label), `${where}.label`, "is missing or empty");
  for (const name of ["url", "icon"]) {
    if (source[name] !== undefined) judged.need(isWebAddress(source[name]), `${where}.${name}`, "is not an absolute address");
  }
  if (source.topic !== undefined) judgeCoding(source.topic, `${where}.topic`, judged, false);
}

function judgeCoding(coding, where, judged, display) {
  if (!judged.need(isObject(coding), where, "is not an object")) return;
  for (const name of ["code", "system"]) judged.need(isText(coding[name]), `${where}.${name}`, "is missing or empty");
  if (display) judged.need(isText(coding.display), `${where}.display`, "is missing or empty");
}

function judgeSuggestion(one, where, drafts, judged) {
  if (!judged.need(isObject(one), where, "is not an object")) return;
  judged.unknown(one, "suggestion", where);
  judged.need(isText(one.label), `${where}.label`, "is missing or empty");
  if (one.uuid === undefined) judged.warning(where, "has no uuid, so accepting it cannot be fed back");
  if (one.isRecommended !== undefined) judged.need(typeof one.isRecommended === "boolean", `${where}.isRecommended`, "is not true or false");
  list(one.actions, `${where}.actions`, judged).forEach((action, place) => judgeAction(action, `${where}.actions[${place}]`, drafts, judged));
}

function judgeAction(action, where, drafts, judged) {
  if (!judged.need(isObject(action), where, "is not an object")) return;
  judged.unknown(action, "action", where);
  judged.need(isText(action.description), `${where}.description`, "is missing or empty");
  if (!judged.need(ACTIONS.includes(action.type), `${where}.type`, "is not create, update or delete")) return;
  if (action.type === "delete") {
    if (typeof action.resource === "string") judged.warning(`${where}.resource`, "an id in resource is deprecated: resourceId names what is deleted");
    else judged.need(REFERENCE.test(action.resourceId), `${where}.resourceId`, "is not a reference Type/id");
    if (REFERENCE.test(action.resourceId) && !drafts.includes(action.resourceId)) judged.warning(`${where}.resourceId`, "names no draft of this call");
    return;
  }
  if (!judged.need(isObject(action.resource) && isText(action.resource.resourceType), `${where}.resource`, "is not a FHIR resource")) return;
  if (action.type === "update") {
    const target = `${action.resource.resourceType}/${action.resource.id}`;
    if (judged.need(isText(action.resource.id), `${where}.resource.id`, "is missing: an update carries the whole resource") && !drafts.includes(target)) {
      judged.warning(`${where}.resource`, "updates no draft of this call");
    }
  }
}

function judgeLink(link, where, judged) {
  if (!judged.need(isObject(link), where, "is not an object")) return;
  judged.unknown(link, "link", where);
  judged.need(isText(link.label), `${where}.label`, "is missing or empty");
  judged.need(isWebAddress(link.url), `${where}.url`, "is not an absolute address");
  judged.need(["absolute", "smart"].includes(link.type), `${where}.type`, "is not absolute or smart");
  if (link.type !== "smart" && link.appContext !== undefined) judged.error(`${where}.appContext`, "is for smart links only");
  if (link.autolaunchable !== undefined) judged.need(typeof link.autolaunchable === "boolean", `${where}.autolaunchable`, "is not true or false");
}

function list(value, where, judged) {
  if (value === undefined) return [];
  return judged.need(Array.isArray(value), where, "is not an array") ? value : [];
}

function unique(uuids, where, judged) {
  const given = uuids.filter((one) => one !== undefined);
  if (new Set(given).size < given.length) judged.error(where, "two have the same uuid");
}

// No null and nothing empty anywhere but in `cards`; FHIR resources have their own rules.
function empties(value, where, judged) {
  const named = where || "body";
  if (value === null) judged.error(named, "is null");
  else if (value === "" || (Array.isArray(value) && !value.length && where !== "cards")) judged.error(named, "is empty: it must be left out");
  else if (Array.isArray(value)) value.forEach((one, place) => empties(one, `${where}[${place}]`, judged));
  else if (isObject(value)) {
    if (where && !Object.keys(value).length) judged.error(named, "is empty: it must be left out");
    for (const [name, one] of Object.entries(value)) {
      if (name !== "resource" && name !== "extension") empties(one, where ? `${where}.${name}` : name, judged);
    }
  }
}
