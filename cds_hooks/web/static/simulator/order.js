// The unsigned orders of one patient: kept on the FHIR server, or in this page when that server takes no orders.
import { refusal, asKept } from "./limits.js";

const KINDS = ["MedicationRequest", "ServiceRequest"];
// A suggestion is one step: first what goes, then what comes, then what changes, as in a FHIR transaction.
const STEPS = ["delete", "create", "update"];
// What is under way for a patient, also when the chart is left and opened again meanwhile.
const underWay = new Map();
export const referenceOf = (resource) => `${resource.resourceType}/${resource.id}`;

export class DraftOrders {
  constructor(server, patientId) {
    this.server = server;
    this.patientId = patientId;
    this.list = [];
    this.onlyHere = false;
  }

  /** Read what lies unsigned on the server. */
  load() {
    return this.#inTurn(async () => {
      const found = await Promise.all(KINDS.map((kind) =>
        this.server.search(`${kind}?patient=${encodeURIComponent(this.patientId)}&status=draft`).catch(() => [])));
      this.list = found.flat().filter((resource) => resource.status === "draft");
    });
  }

  references() {
    return this.list.map(referenceOf);
  }

  bundle() {
    return { resourceType: "Bundle", type: "collection", entry: this.list.map((resource) => ({ resource })) };
  }

  add(resource) {
    return this.#inTurn(() => this.#add(resource));
  }

  /** As `add`, unless something lies unsigned already: then null. */
  addFirst(resource) {
    return this.#inTurn(() => (this.list.length ? null : this.#add(resource)));
  }

  /** Give a draft other directions; null when it is none any more. */
  redirect(reference, dosageInstruction) {
    return this.#inTurn(() => {
      const draft = this.list.find((one) => referenceOf(one) === reference);
      return draft ? this.#change({ ...draft, dosageInstruction }) : null;
    });
  }

  /** Take a draft out; nothing happens to what is none any more. */
  remove(reference) {
    return this.#inTurn(() => (this.references().includes(reference) ? this.#remove(reference) : undefined));
  }

  /** Make every draft an active order; those that were drafts. */
  sign(day) {
    return this.#inTurn(async () => {
      const signed = this.list;
      for (const draft of signed) {
        const order = { ...draft, status: "active", intent: "order", authoredOn: draft.authoredOn || day };
        await this.#write(() => this.server.update(order));
      }
      this.list = [];
      return signed;
    });
  }

  /** Carry out a suggestion whole, or not at all: { created, refused } with the reason in words when it was refused. */
  accept(suggestion, profile) {
    return this.#inTurn(() => this.#accept(suggestion, profile));
  }

  // One after another: what is done to an order waits for what was begun before. Pressed twice, it is signed once.
  #inTurn(act) {
    const place = `${this.server.base}/Patient/${this.patientId}`;
    const done = Promise.resolve(underWay.get(place)).then(act);
    underWay.set(place, done.catch(() => {}));
    return done;
  }

  async #add(resource) {
    const written = { ...resource, subject: { reference: `Patient/${this.patientId}` }, status: "draft" };
    const made = await this.#write(() => this.server.create(written)) || { ...written, id: `in-page-${crypto.randomUUID()}` };
    this.list.push(made);
    return made;
  }

  async #change(resource) {
    const made = await this.#write(() => this.server.update(resource)) || resource;
    this.list = this.list.map((one) => (referenceOf(one) === referenceOf(resource) ? made : one));
    return made;
  }

  async #remove(reference) {
    await this.#write(() => this.server.remove(reference));
    this.list = this.list.filter((one) => referenceOf(one) !== reference);
  }

  async #accept(suggestion, profile) {
    const actions = Array.isArray(suggestion.actions) ? suggestion.actions : [];
    if (actions.length > profile.actions_per_suggestion) {
      return { created: [], refused: `${profile.name} carries out ${profile.actions_per_suggestion} action for each suggestion, and this one has ${actions.length}` };
    }
    for (const action of actions) {
      const why = refusal(action, profile, { patientId: this.patientId, drafts: this.references() });
      if (why) return { created: [], refused: why };
    }
    const created = [];
    for (const action of [...actions].sort((one, other) => STEPS.indexOf(one.type) - STEPS.indexOf(other.type))) {
      if (action.type === "delete") await this.#remove(action.resourceId);
      else if (action.type === "update") await this.#change(action.resource);
      else created.push(await this.#add(asKept(action.resource, profile, this.patientId)));
    }
    return { created, refused: "" };
  }

  // What the server answers; null when it takes no orders, and from then on they stay in this page.
  async #write(writing) {
    if (this.onlyHere) return null;
    try {
      return (await writing()) || null;
    } catch {
      this.onlyHere = true;
      return null;
    }
  }
}
