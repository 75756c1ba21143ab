// The services of a base address: read, judged, and kept when this client knows their hook.
import { NoAnswer, outcomeLines } from "./network.js";

export const HOOKS = ["patient-view", "order-select", "order-sign"];

/** { services, findings } of a discovery answer; services of other hooks, or without id, are left aside. */
export function readDiscovery(answer) {
  const findings = [];
  const find = (level, where, text) => findings.push({ level, where, text });
  if (!answer.ok) throw new NoAnswer(`Discovery was answered ${answer.status}`, outcomeLines(answer.body));
  if (!Array.isArray(answer.body?.services)) {
    throw new NoAnswer("Discovery holds no list of services", ["Is this the base address? The simulator adds /cds-services to it."]);
  }
  const services = [];
  answer.body.services.forEach((one, place) => {
    const where = `services[${place}]`;
    for (const name of ["hook", "id", "description"]) {
      if (typeof one?.[name] !== "string" || !one[name].trim()) find("error", `${where}.${name}`, "is missing or empty");
    }
    if (typeof one?.title !== "string") find("warning", `${where}.title`, "is recommended");
    if (typeof one?.id !== "string" || typeof one?.hook !== "string") return;
    const prefetch = typeof one.prefetch === "object" && one.prefetch !== null ? one.prefetch : {};
    for (const [key, template] of Object.entries(prefetch)) {
      if (typeof template !== "string") find("error", `${where}.prefetch.${key}`, "is not a text");
    }
    if (!HOOKS.includes(one.hook)) find("info", where, "has a hook that this client does not fire");
    else services.push({ ...one, prefetch });
  });
  return { services, findings };
}
