// The simulator page: its controls, and the state that its address names.
import { orderText, read } from "./address.js";
import { awaiting } from "./attention.js";
import { readForm } from "./connect.js";
import { byId, button } from "./elements.js";
import { ask } from "./network.js";
import { faultBox } from "./panel.js";
import { filterList } from "./patients.js";
import { orderSearch } from "./search.js";
import { drafted } from "./sig.js";
import { Simulator, bare } from "./simulator.js";

const setup = await readSetup();
setup.products = new Map(setup.drugs.flatMap((drug) => drug.products.map((one) => [one.code, one.name])));
const simulator = new Simulator(setup);

// Without its settings there is no simulator: that is said in its place, and the rest of the page is not begun.
async function readSetup() {
  const answer = await ask("/demo/setup.json").catch((fault) => fault);
  if (answer.ok && answer.body) return answer.body;
  const why = answer.lines || [`This machine answered ${answer.status} to /demo/setup.json.`];
  byId("not-begun").replaceChildren(
    faultBox("The simulator could not begin", why),
    button("Try again", () => location.reload(), { className: "accept" }));
  byId("not-begun").hidden = false;
  throw new Error("The simulator could not begin.");
}

function press(id, act) {
  byId(id).addEventListener("click", act);
}

press("begin", () => {
  simulator.bring = awaiting();
  return simulator.visit({ ...simulator.state, patient: setup.patients[0].id, order: "suggested", hook: "order-select" });
});
press("suggested-order", () => simulator.orders.order(() => bare(simulator.story.order), simulator.story.orderText, "suggested"));
press("sign", () => simulator.orders.wantToSign());
press("sign-now", () => simulator.orders.sign());
press("start-over", () => simulator.startOver());
press("back-to-draft", () => {
  simulator.session.signing = false;
  simulator.orders.show();
  byId("drug").focus();
});
orderSearch(setup.drugs, setup.longestWords, ({ product, words, name }) => {
  const text = product ? orderText({ product, units: 1, rhythm: setup.rhythms[0] }) : "";
  return simulator.orders.order(() => drafted({ product, words }), name, text);
});

byId("patient-list").addEventListener("click", (event) => {
  const anchor = event.target.closest("a");
  if (!anchor || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const bring = awaiting();
  simulator.visit(read(new URL(anchor.href).search)).then(() => bring(byId("person")));
});
filterList();

byId("connection").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = readForm(setup);
  if (!given) return;
  simulator.token = { text: given.token, fhir: given.state.fhir, service: given.state.service };
  for (const name of ["service", "fhir"]) if (given.state[name]) simulator.trusted.add(new URL(given.state[name]).origin);
  // Another FHIR server has other patients.
  const moved = (given.state.fhir || "") !== (simulator.state.fhir || "");
  simulator.session = null;
  simulator.visit(moved ? given.state : { ...simulator.state, ...given.state });
});
for (const id of ["client", "route"]) byId(id).addEventListener("change", () => byId("connection").requestSubmit());

addEventListener("popstate", () => simulator.follow(read()));
byId("simulator").hidden = false;
await simulator.follow(read());
document.documentElement.dataset.ready = "true";
