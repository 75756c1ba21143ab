// The chart of one patient, read from the FHIR server: who, problems, medications, allergies, scores and laboratory.
import { element } from "./elements.js";
import { directionsOf, nameOf } from "./sig.js";

const MOST_ROWS = 12;
const READ = ["Condition", "MedicationRequest", "MedicationStatement", "MedicationDispense", "AllergyIntolerance", "Observation", "Procedure"];

/** Read all kinds of the chart; a kind that the server refuses is null. */
export async function readChart(server, patientId) {
  const answer = await server.get(`Patient/${patientId}`);
  const kinds = await Promise.all(READ.map((kind) =>
    server.search(`${kind}?patient=${encodeURIComponent(patientId)}&_count=200`).catch(() => null)));
  return { patient: answer.ok ? answer.body : null, ...Object.fromEntries(READ.map((kind, place) => [kind, kinds[place]])) };
}

/** Name, sex, age and birth date. */
export function personOf(patient, today = new Date()) {
  const name = patient?.name?.[0] || {};
  const called = name.text || [...(name.given || []), name.family].filter(Boolean).join(" ") || "Patient without a name";
  const born = /^(\d{4})(?:-(\d{2})-(\d{2}))?/.exec(patient?.birthDate || "");
  let age = "";
  if (born) {
    const [year, month, day] = born.slice(1).map(Number);
    const before = today.getMonth() + 1 < month || (today.getMonth() + 1 === month && today.getDate() < day);
    age = `${today.getFullYear() - year - (before ? 1 : 0)} years`;
  }
  return { called, line: [age, patient?.gender, patient?.birthDate && `born ${dayOf(patient.birthDate)}`].filter(Boolean).join(", ") };
}

/** The sections of the chart. `labels` name codes, as system|code, that came without words. */
export function chartSections(chart, labels = {}) {
  const measured = (one) => measurement(one, labels);
  const orders = (chart.MedicationRequest || []).filter((one) => one.status !== "draft");
  const fills = chart.MedicationDispense || [];
  const medications = [
    ...orders.map((one) => ({ when: one.authoredOn, what: nameOf(one), more: [directionsOf(one), one.status].filter(Boolean).join("; ") })),
    ...(chart.MedicationStatement || []).map((one) => ({ when: one.effectivePeriod?.start || one.dateAsserted, what: nameOf(one), more: `reported; ${one.status}` })),
  ];
  const [lab, scores] = parted(chart.Observation || [], (one) => coded(one.category, "laboratory") || coded(one.category, "vital-signs"));
  return [
    section("Problems", chart.Condition, (chart.Condition || []).map((one) => ({ when: one.onsetDateTime || one.recordedDate, what: text(one.code), more: [codeOf(one.clinicalStatus), codeOf(one.verificationStatus)].filter(Boolean).join(", ") }))),
    section("Medications", chart.MedicationRequest, medications, fills.length ? `${fills.length} dispensing records` : ""),
    section("Allergies", chart.AllergyIntolerance, (chart.AllergyIntolerance || []).map((one) => ({ when: one.recordedDate, what: text(one.code), more: one.criticality }))),
    section("Scores", chart.Observation, scores.map(measured)),
    section("Laboratory and vital signs", chart.Observation, lab.map(measured)),
    section("Procedures", chart.Procedure, (chart.Procedure || []).map((one) => ({ when: one.performedDateTime || one.performedPeriod?.start, what: text(one.code), more: one.status }))),
  ];
}

function section(title, read, rows, note = "") {
  const made = element("section", { className: "kind" }, element("h4", {}, title));
  if (read === null) made.append(element("p", { className: "hint" }, "The FHIR server did not give this."));
  else if (!rows.length) made.append(element("p", { className: "hint" }, "None on record"));
  else {
    const sorted = [...rows].sort((one, other) => String(other.when || "").localeCompare(String(one.when || "")));
    made.append(lines(sorted.slice(0, MOST_ROWS)));
    if (sorted.length > MOST_ROWS) made.append(element("details", {}, element("summary", {}, `${sorted.length - MOST_ROWS} earlier`), lines(sorted.slice(MOST_ROWS))));
  }
  if (note) made.append(element("p", { className: "hint" }, note));
  return made;
}

function lines(rows) {
  return element("ul", {}, ...rows.map(({ when, what, more }) => element("li", {},
    element("span", { className: "what" }, what), more ? element("span", { className: "more" }, more) : "",
    when ? element("time", { datetime: String(when).slice(0, 10) }, dayOf(when)) : "")));
}

function measurement(one, labels) {
  const value = one.valueQuantity ? `${one.valueQuantity.value} ${one.valueQuantity.unit || ""}`.trim()
    : one.valueInteger ?? (text(one.valueCodeableConcept) || one.valueString || parts(one.component || []));
  return { when: one.effectiveDateTime || one.effectivePeriod?.start || one.issued, what: `${worded(one.code, labels)}${value === "" ? "" : `: ${value}`}`, more: "" };
}

// The values of a panel: "118/76 mmHg" where all have one unit, else how many there are.
function parts(components) {
  const values = components.map((one) => one.valueQuantity);
  const units = new Set(values.map((one) => one?.unit || one?.code));
  if (!components.length) return "";
  return values.length < 4 && values.every(Boolean) && units.size === 1 ? `${values.map((one) => one.value).join("/")} ${[...units][0] || ""}`.trim() : `${components.length} items`;
}

function parted(all, test) {
  return [all.filter(test), all.filter((one) => !test(one))];
}

function worded(code, labels) {
  const known = code?.coding?.map((one) => labels[`${one.system}|${one.code}`]).find(Boolean);
  const own = text(code);
  return known && code.coding.some((one) => one.code === own) ? known : own;
}

const coded = (categories, code) => [categories].flat().some((one) => one?.coding?.some((coding) => coding.code === code));
const codeOf = (concept) => concept?.coding?.[0]?.code || concept?.text || "";
const text = (concept) => (concept ? concept.text || concept.coding?.find((one) => one.display)?.display || concept.coding?.[0]?.code || "" : "");

/** A FHIR date as people write it. */
export function dayOf(date) {
  const [year, month, day] = String(date).slice(0, 10).split("-").map(Number);
  if (!month) return String(year);
  return new Date(year, month - 1, day || 1).toLocaleDateString("en-GB", { day: day ? "numeric" : undefined, month: "short", year: "numeric" });
}
