// The CDS Hooks 2.0.1 client: discovery, hook calls and feedback, with a signed token where the service wants one.
import { gather, chosenKeys } from "./prefetch.js";
import { judgeAnswer } from "./conformance.js";
import { readDiscovery } from "./discovery.js";
import { ask } from "./network.js";

const JSON_HEADERS = { "Content-Type": "application/json", Accept: "application/json" };

export class CdsClient {
  /** `base` of the services; `profile`, the kind of client; `server`, the FHIR server; `access` gives a token for it. */
  constructor({ base, profile, server, fhirAddress, access, route, record }) {
    Object.assign(this, { base: base.replace(/\/+$/, ""), profile, server, fhirAddress, access, route, record });
    this.needsLogin = profile.login;
    this.services = null;
  }

  /** The services this client can call, read once. */
  async discover() {
    if (this.services) return this.services;
    const url = `${this.base}/cds-services`;
    const answer = await this.#signed(url, { method: "GET", headers: { Accept: "application/json" } });
    const exchange = this.record({ kind: "Discovery", method: "GET", url, answer });
    const { services, findings } = readDiscovery(answer);
    exchange.judged(findings);
    this.services = services;
    return services;
  }

  /** Fire a hook: every service that has it is called; one exchange for each, with its cards. */
  async fire(hook, context) {
    const services = (await this.discover()).filter((service) => service.hook === hook);
    return Promise.all(services.map((service) => this.#call(service, context)));
  }

  async #call(service, context) {
    const url = `${this.base}/cds-services/${encodeURIComponent(service.id)}`;
    const clientCalls = [];
    const noting = this.server.noting((call) => clientCalls.push(call));
    const { prefetch, findings } = await gather(service.prefetch, context, noting, chosenKeys(service.prefetch, this.route));
    const request = { hook: service.hook, hookInstance: crypto.randomUUID(), context };
    const authorization = await this.access(context.patientId);
    if (this.fhirAddress) request.fhirServer = this.fhirAddress;
    if (this.fhirAddress && authorization) request.fhirAuthorization = authorization;
    if (Object.keys(prefetch).length) request.prefetch = prefetch;
    const drafts = (context.draftOrders?.entry || []).map(({ resource }) => `${resource.resourceType}/${resource.id}`);
    const exchange = this.record({ kind: service.hook, service, method: "POST", url, request, clientCalls, authorization });
    try {
      const answer = await this.#signed(url, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(request) });
      exchange.answered(answer);
      exchange.judged([...findings, ...judgeAnswer(answer, { drafts })]);
    } catch (fault) {
      exchange.failed(fault);
      exchange.judged(findings);
    }
    return exchange;
  }

  /** Tell the service what became of a card. Nothing is sent for a card without uuid. */
  async feedBack(service, item) {
    if (!item.card) return null;
    const url = `${this.base}/cds-services/${encodeURIComponent(service.id)}/feedback`;
    const request = { feedback: [{ ...item, outcomeTimestamp: new Date().toISOString() }] };
    const exchange = this.record({ kind: `Feedback: ${item.outcome}`, service, method: "POST", url, request });
    try {
      exchange.answered(await this.#signed(url, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(request) }));
    } catch (fault) {
      exchange.failed(fault);
    }
    return exchange;
  }

  // With a token where the kind of client has a login here, or once the service asked for one.
  async #signed(url, options) {
    const first = await ask(url, await this.#withToken(url, options, this.needsLogin));
    if (first.status !== 401 || this.needsLogin) return first;
    this.needsLogin = true;
    return ask(url, await this.#withToken(url, options, true));
  }

  async #withToken(url, options, wanted) {
    if (!wanted) return options;
    const wish = JSON.stringify({ audience: url, client: this.profile.id });
    const made = await ask("/demo/token", { method: "POST", headers: JSON_HEADERS, body: wish });
    return made.ok ? { ...options, headers: { ...options.headers, Authorization: `Bearer ${made.body.token}` } } : options;
  }
}
