// Drug, units and rhythm of an order: what can be read from one, and the form in which they are changed.
import { button, element } from "./elements.js";
import { ask } from "./network.js";

/** What an order is called. */
export function nameOf(order) {
  const what = order.medicationCodeableConcept || order.code || {};
  return what.text || what.coding?.find((one) => one.display)?.display || order.medicationReference?.display || what.coding?.[0]?.code || "order";
}

/** How it is to be taken, in words. */
export function directionsOf(order) {
  return (order.dosageInstruction || []).map((one) => one.text).filter(Boolean).join("; ");
}

function dosageOf(order) {
  const first = order.dosageInstruction?.[0] || {};
  const units = first.doseAndRate?.[0]?.doseQuantity?.value;
  return { units: Number.isInteger(units) ? units : 1, text: first.text || "" };
}

function rhythmOf(text, rhythms) {
  // The longest that fits: "twice daily" is no "daily".
  return [...rhythms].sort((one, other) => other.length - one.length).find((one) => text.includes(one)) || rhythms[0];
}

/** A new draft from the demo's drug list, or from plain words. */
export async function drafted({ product = "", words = "", units = 1, rhythm = "daily" }) {
  const query = new URLSearchParams({ product, words, units, rhythm });
  const made = await ask(`/demo/order.json?${query}`);
  if (!made.ok) throw new Error("This order cannot be written here.");
  const { id: _, subject: __, ...order } = made.body;
  return order;
}

/** One line of the list of drafts, with its directions to change and a button to take it out. `changed` is told the
 *  directions; it says whether the order has them now. */
export function draftLine(order, setup, { changed, removed }) {
  const line = element("li", { className: "draft" });
  line.append(element("p", { className: "drug" }, nameOf(order)));
  if (order.resourceType === "MedicationRequest") line.append(directionsForm(order, setup, changed));
  else line.append(element("p", { className: "hint" }, order.category?.[0]?.text || "Service"));
  line.append(button("Remove", removed, { className: "plain", "aria-label": `Remove ${nameOf(order)}` }));
  return line;
}

function directionsForm(order, setup, changed) {
  const now = dosageOf(order);
  const units = element("input", { type: "number", min: 1, max: setup.mostUnits, inputmode: "numeric", value: now.units });
  const rhythm = element("select", {}, ...setup.rhythms.map((one) =>
    element("option", { value: one, selected: one === rhythmOf(now.text, setup.rhythms) }, one === "daily" ? "once a day" : one)));
  let had = [units.value, rhythm.value];
  let asked = 0;
  const take = async () => {
    if (!units.reportValidity() || !units.value) return;
    asked += 1;
    const mine = asked;
    const wanted = [units.value, rhythm.value];
    const product = order.medicationCodeableConcept?.coding?.find((one) => setup.products.has(one.code))?.code || "";
    const directions = async () => {
      const made = await drafted({ product, words: nameOf(order).slice(0, setup.longestWords), units: Number(wanted[0]), rhythm: wanted[1] });
      // Changed again meanwhile: the later one counts, whichever is worded first.
      return mine === asked ? made.dosageInstruction : null;
    };
    if (await changed(directions)) had = wanted;
    // What the order has not got must not stand beside it.
    else if (mine === asked) [units.value, rhythm.value] = had;
  };
  for (const input of [units, rhythm]) input.addEventListener("change", take);
  return element("div", { className: "sig" },
    element("label", {}, "Units ", units), element("label", {}, "How often ", rhythm));
}
