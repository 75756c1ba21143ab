// The state of the page in its address, so that every state can be linked to and the back button works.
//   patient  a demo patient, or the id of one at another FHIR server
//   order    "suggested", or CODE*UNITS*RHYTHM of a product offered here
//   hook     which hook was fired last: patient-view, order-select or order-sign
//   client   the kind of client; route: prefetched, half or pulled
//   service, fhir   base addresses other than the demo's own

const NAMES = ["patient", "order", "hook", "client", "route", "service", "fhir"];
const HOOKS = ["patient-view", "order-select", "order-sign"];
const ROUTES = ["prefetched", "half", "pulled"];

/** The state that an address stands for; what cannot be read is left out. */
export function read(search = location.search) {
  const given = new URLSearchParams(search);
  const state = {};
  for (const name of NAMES) if (given.get(name)) state[name] = given.get(name);
  if (state.hook && !HOOKS.includes(state.hook)) delete state.hook;
  if (state.route && !ROUTES.includes(state.route)) delete state.route;
  for (const name of ["service", "fhir"]) if (state[name] && !isWebAddress(state[name])) delete state[name];
  return state;
}

/** The address of a state: the page's own path and what differs from its beginning. */
export function write(state) {
  const query = new URLSearchParams();
  for (const name of NAMES) if (state[name]) query.set(name, state[name]);
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

/** Go to a state: a new entry of the history when anything of it differs. */
export function go(state, { replace = false } = {}) {
  const wanted = write(state);
  if (wanted === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", wanted);
}

export function isWebAddress(text) {
  try {
    return ["http:", "https:"].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}

/** An order as the address holds it, and back. */
export const orderText = ({ product, units, rhythm }) => [product, units, rhythm].join("*");
export function orderOf(text) {
  if (text === "suggested") return { suggested: true };
  const [product, units = "1", rhythm = "daily"] = text.split("*");
  return /^\d{1,20}$/.test(product) && /^\d$/.test(units) ? { product, units: Number(units), rhythm } : null;
}
