// Prefetch templates of a service, resolved as CDS Hooks 2.0.1 says, and the data they ask for.
//   {{context.field}}             a text or number at the root of the context
//   {{userPractitionerId}} …      the id of the user, when the user is of that kind
//   {{today() - 730 days}}        of CDS Hooks 3.0: understood, and told as such

const TOKEN = /\{\{(.*?)\}\}/g;
const USERS = { userPractitionerId: "Practitioner", userPractitionerRoleId: "PractitionerRole", userPatientId: "Patient", userRelatedPersonId: "RelatedPerson" };
const TODAY = /^today\(\)(?:\s*([+-])\s*(\d{1,5})\s+(day|week|month|year)s?)?$/;
// What the specification keeps templates to: equality of tokens and references, five date comparisons, _count, _sort.
const OUTSIDE = [
  [/\$/, "an operation"], [/[?&](_include|_revinclude|_has|_summary|_elements)\b/, "_include, _has, _summary or _elements"],
  [/[?&][\w-]+\.[\w-]+=/, "a chained parameter"], [/[?&][\w-]+:(?!in=)[\w-]+=/, "a modifier other than :in"],
];

/** A template with its tokens replaced: { query, missing, notes }; `missing` names the tokens that have no value. */
export function resolve(template, context, now = new Date()) {
  const missing = [];
  const notes = [];
  const query = template.replace(TOKEN, (_, inside) => {
    const value = valueOf(inside.trim(), context, now, notes);
    if (value === undefined) missing.push(inside.trim());
    return value === undefined ? "" : encodeURIComponent(value);
  });
  for (const [pattern, what] of OUTSIDE) {
    if (pattern.test(template)) notes.push(`uses ${what}, which is outside the queries that clients must support`);
  }
  return { query, missing, notes };
}

function valueOf(token, context, now, notes) {
  const today = TODAY.exec(token);
  if (today) {
    notes.push("today() is of CDS Hooks 3.0; a client of 2.0.1 may leave the key out");
    return shifted(now, today[1] === "-" ? -Number(today[2]) : Number(today[2] || 0), today[3] || "day");
  }
  if (token in USERS) {
    const [kind, id] = String(context.userId || "").split("/");
    return kind === USERS[token] ? id : undefined;
  }
  const field = /^context\.(\w+)$/.exec(token);
  const value = field && Object.hasOwn(context, field[1]) ? context[field[1]] : undefined;
  return ["string", "number"].includes(typeof value) ? String(value) : undefined;
}

/** The day `count` units from `now`, as a FHIR date; the last day of a month where the day itself does not exist. */
export function shifted(now, count, unit) {
  const day = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  if (unit === "day" || unit === "week") day.setDate(day.getDate() + count * (unit === "week" ? 7 : 1));
  else {
    const wanted = day.getDate();
    day.setDate(1);
    day.setMonth(day.getMonth() + count * (unit === "year" ? 12 : 1));
    day.setDate(Math.min(wanted, new Date(day.getFullYear(), day.getMonth() + 1, 0).getDate()));
  }
  const two = (number) => String(number).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** What a client sends for the templates of a service: { prefetch, findings }. `keys` are those it chooses to satisfy. */
export async function gather(templates, context, server, keys) {
  const prefetch = {};
  const findings = [];
  const find = (key, text) => findings.push({ level: "warning", where: `prefetch.${key}`, text });
  await Promise.all(keys.map(async (key) => {
    if (typeof templates[key] !== "string") return find(key, "the template is not a text");
    const { query, missing, notes } = resolve(templates[key], context);
    notes.forEach((note) => find(key, note));
    if (missing.length) return find(key, `left out: no value for ${missing.join(", ")}`);
    const answer = await server.get(query).catch(() => null);
    if (answer === null) return find(key, "left out: the FHIR server gave no answer");
    const isRead = !query.includes("?");
    if (answer.ok && answer.body) prefetch[key] = answer.body;
    else if (isRead && [404, 410].includes(answer.status)) prefetch[key] = null;
    else if (answer.body && answer.body.resourceType === "OperationOutcome") prefetch[key] = answer.body;
    else find(key, `left out: the FHIR server answered ${answer.status}`);
    return undefined;
  }));
  // In the order of the templates, so that two calls can be compared.
  return { prefetch: Object.fromEntries(keys.filter((key) => key in prefetch).map((key) => [key, prefetch[key]])), findings };
}

/** Which keys are sent along: all, none, or every other one. */
export function chosenKeys(templates, route) {
  const keys = Object.keys(templates || {});
  return { prefetched: keys, pulled: [], half: keys.filter((_, place) => place % 2 === 0) }[route] || keys;
}
