// One FHIR R4 server, read and written directly by the browser.
import { NoAnswer, ask, outcomeLines } from "./network.js";

const MOST_PAGES = 20;
const JSON_TYPE = "application/fhir+json";

export class FhirServer {
  /** `base` without a final slash; `token`, if any, goes with every call; each call is told to `note`. */
  constructor(base, { token = "", note = () => {} } = {}) {
    this.base = base.replace(/\/+$/, "");
    this.token = token;
    this.note = note;
  }

  /** The same server, its calls told to someone else. */
  noting(note) {
    return new FhirServer(this.base, { token: this.token, note });
  }

  /** The answer to a query relative to the base, whatever its status. */
  async get(query) {
    return this.#call("GET", this.#address(query));
  }

  /** All resources of a search, page by page; throws NoAnswer when the server refuses it. */
  async search(query) {
    const found = [];
    let next = this.#address(query);
    for (let page = 0; next && page < MOST_PAGES; page += 1) {
      const answer = required(await this.#call("GET", next), query);
      for (const entry of answer.entry || []) {
        if (entry.resource && entry.resource.resourceType !== "OperationOutcome" && entry.search?.mode !== "include") found.push(entry.resource);
      }
      const link = (answer.link || []).find((one) => one.relation === "next");
      const target = link ? new URL(link.url, `${this.base}/`) : null;
      // The token is the base's own: a page elsewhere is not followed.
      next = target && this.#owns(target) ? target.href : null;
    }
    return found;
  }

  async create(resource) {
    const { id: _, ...unnamed } = resource;
    return required(await this.#call("POST", this.#address(resource.resourceType), unnamed), `create ${resource.resourceType}`);
  }

  async update(resource) {
    const place = `${resource.resourceType}/${resource.id}`;
    return required(await this.#call("PUT", this.#address(place), resource), `update ${place}`);
  }

  async remove(reference) {
    required(await this.#call("DELETE", this.#address(reference)), `delete ${reference}`);
  }

  // By origin and whole segments: another host may have a name that begins like the base.
  #owns(target) {
    const { origin, pathname } = new URL(this.base);
    return target.origin === origin && `${target.pathname}/`.startsWith(`${pathname.replace(/\/+$/, "")}/`);
  }

  #address(query) {
    const [path, search = ""] = split(query);
    const parameters = new URLSearchParams();
    for (const pair of search.split("&").filter(Boolean)) {
      const at = pair.indexOf("=");
      parameters.append(decoded(at < 0 ? pair : pair.slice(0, at)), at < 0 ? "" : decoded(pair.slice(at + 1)));
    }
    const text = parameters.toString();
    return `${this.base}/${path.split("/").map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
  }

  async #call(method, url, body) {
    const headers = { Accept: JSON_TYPE };
    if (body) headers["Content-Type"] = JSON_TYPE;
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    const answer = await ask(url, { method, headers, body: body && JSON.stringify(body) });
    this.note({ method, address: decoded(url.slice(this.base.length + 1)), status: answer.status, milliseconds: answer.milliseconds });
    return answer;
  }
}

function split(query) {
  const at = query.indexOf("?");
  return at < 0 ? [query] : [query.slice(0, at), query.slice(at + 1)];
}

function decoded(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

function required(answer, what) {
  if (answer.ok && (answer.body || !answer.text)) return answer.body;
  throw new NoAnswer(`The FHIR server answered ${answer.status} to: ${what}`, outcomeLines(answer.body));
}
