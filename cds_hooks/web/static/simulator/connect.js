// Which service, which FHIR server, and as which kind of client: the form, and the addresses that a link may name.
import { byId } from "./elements.js";
import { isWebAddress } from "./address.js";

export class Connection {
  /** `setup` as the demo tells it; `given`, the state of the address. */
  constructor(setup, given, token = "") {
    this.profile = setup.clients.find((one) => one.id === given.client) || setup.clients[0];
    this.service = given.service || this.profile.service;
    this.fhir = given.fhir || setup.fhirServer;
    this.route = given.route || "prefetched";
    this.ownServer = this.fhir === setup.fhirServer;
    this.ownService = this.service === this.profile.service;
    this.token = this.ownServer ? "" : token;
  }

  /** Hosts other than this machine's demo that this connection would call. */
  get foreign() {
    return [...new Set([this.service, this.fhir].map((one) => new URL(one).origin).filter((origin) => origin !== location.origin))];
  }

  same(other) {
    return ["service", "fhir", "route", "token"].every((name) => this[name] === other?.[name]) && this.profile === other?.profile;
  }
}

/** Show a connection in the form. */
export function fillForm(connection) {
  byId("client").value = connection.profile.id;
  byId("client-note").textContent = connection.profile.note;
  byId("route").value = connection.route;
  byId("service").value = connection.service;
  byId("fhir").value = connection.fhir;
  byId("connected").textContent = connection.foreign.length
    ? `Connected to ${connection.foreign.join(" and ")}`
    : "This machine only";
}

/** What the form says, as a part of the state; null, with the field marked, when an address is none. */
export function readForm(setup) {
  const profile = setup.clients.find((one) => one.id === byId("client").value) || setup.clients[0];
  const state = { client: profile === setup.clients[0] ? "" : profile.id, route: byId("route").value === "prefetched" ? "" : byId("route").value };
  const own = { service: setup.clients.map((one) => one.service), fhir: [setup.fhirServer] };
  for (const name of ["service", "fhir"]) {
    const field = byId(name);
    const text = field.value.trim().replace(/\/+$/, "").replace(/\/cds-services$/, "");
    field.setCustomValidity(text && !isWebAddress(text) ? "Write an address that begins with http:// or https://" : "");
    if (!field.reportValidity()) return null;
    state[name] = own[name].includes(text) ? "" : text;
  }
  return { state, token: byId("fhir-token").value.trim() };
}
