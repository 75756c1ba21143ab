// The list of patients: the demo's stories, or those of another FHIR server.
import { byId, element } from "./elements.js";
import { personOf } from "./chart.js";
import { write } from "./address.js";

// The demo's own stand in the page already.
const own = [...byId("patient-list").children];

/** List the demo's own patients. */
export function listOwn() {
  byId("patient-list").replaceChildren(...own);
  filter();
}

/** List the patients of a foreign server. `isWanted` says whether it is still this server whose patients are listed. */
export async function listForeign(server, isWanted) {
  const list = byId("patient-list");
  list.replaceChildren();
  const found = await server.search("Patient?_count=50");
  if (!isWanted()) return;
  list.replaceChildren(...found.map((patient) => {
    const { called, line } = personOf(patient);
    return element("li", { "data-patient": patient.id }, element("a", {}, called), element("p", {}, line));
  }));
  if (!found.length) list.append(element("li", {}, "This server lists no patients. Add ?patient=ID to the address to open one."));
  filter();
}

/** Keep the links of the list on the connection in use, and mark the patient that is open. */
export function mark(state) {
  for (const line of byId("patient-list").querySelectorAll("li[data-patient]")) {
    const anchor = line.querySelector("a");
    anchor.href = write({ ...state, patient: line.dataset.patient, order: "", hook: "" });
    if (line.dataset.patient === state.patient) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
}

/** Show only those whose words hold all that is typed. */
export function filterList() {
  byId("find-patient").addEventListener("input", filter);
}

function filter() {
  const words = byId("find-patient").value.trim().toLowerCase().split(/\s+/);
  for (const line of byId("patient-list").children) {
    const text = line.textContent.toLowerCase();
    line.hidden = !words.every((word) => text.includes(word));
  }
}
