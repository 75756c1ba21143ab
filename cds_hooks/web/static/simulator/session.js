// One patient's chart while it is open: its drafts, the hooks that fire, and what is done with the cards.
import { DraftOrders, referenceOf } from "./order.js";
import { nameOf } from "./sig.js";
import { ask } from "./network.js";

export class Session {
  /** `view` shows what changes: drafts(), cards(hook, exchanges, isWanted), said(text). */
  constructor({ patientId, setup, connection, server, client, view }) {
    Object.assign(this, { patientId, setup, connection, client, view });
    this.drafts = new DraftOrders(server, patientId);
    this.turn = 0;
    this.signing = false;
    this.left = false;
    // Whether the services know that the chart is open.
    this.told = false;
  }

  /** Another chart is opened, or none: what is still on its way to this one is not shown. */
  leave() {
    this.left = true;
    this.turn += 1;
  }

  /** Read what lies unsigned, and which visit is under way. */
  async load() {
    const wanted = `Encounter?patient=${encodeURIComponent(this.patientId)}&status=in-progress`;
    const [visits] = await Promise.all([this.drafts.server.search(wanted).catch(() => []), this.drafts.load()]);
    this.encounterId = visits[0]?.id;
  }

  get context() {
    return { userId: this.setup.userId, patientId: this.patientId, ...(this.encounterId ? { encounterId: this.encounterId } : {}) };
  }

  /** The chart was opened. */
  async opened() {
    this.told = true;
    return this.#fire("patient-view", this.context);
  }

  /** As `opened`, with the answer listed among the calls only. False when the visitor asked for something else meanwhile. */
  async toldOpened() {
    this.told = true;
    const fired = this.#fire("patient-view", this.context, false);
    const { turn } = this;
    await fired;
    return turn === this.turn;
  }

  /** Orders were chosen, or changed: `selected` are those now in hand. */
  async selected(selected) {
    this.signing = false;
    const selections = selected.map(referenceOf);
    return this.#fire("order-select", { ...this.context, selections, draftOrders: this.drafts.bundle() });
  }

  /** Fire order-sign. True when every service answered and none has a card; else signing waits for a second press.
   *  Null when something else was asked meanwhile: its cards stand there, and nobody has read those of this signing. */
  async checkedBeforeSigning() {
    const fired = this.#fire("order-sign", { ...this.context, draftOrders: this.drafts.bundle() });
    const { turn } = this;
    const exchanges = await fired;
    if (turn !== this.turn) return null;
    const silent = exchanges !== null && exchanges.every((one) => one.answer?.ok && !one.cards.length);
    // A service that fails never keeps anybody from signing.
    this.signing = !silent;
    return silent;
  }

  /** The orders become active; those that became it. */
  async sign() {
    const now = new Date();
    const two = (number) => String(number).padStart(2, "0");
    this.signing = false;
    const signed = await this.drafts.sign(`${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`);
    // What was asked before is about orders that were not signed yet: it is not shown any more.
    if (signed.length) this.turn += 1;
    return signed;
  }

  async add(resource) {
    const made = await this.drafts.add(resource);
    this.view.drafts();
    return made;
  }

  /** As `add`, unless something lies unsigned already: then null. */
  async addFirst(resource) {
    const made = await this.drafts.addFirst(resource);
    this.view.drafts();
    return made;
  }

  /** Accept a suggestion: its actions are carried out, and the service is told. */
  async accept(exchange, card, suggestion) {
    const { created, refused } = await this.drafts.accept(suggestion, this.connection.profile);
    if (refused) return { accepted: false, text: `Not carried out: ${refused}.` };
    this.view.drafts();
    const told = suggestion.uuid && card.uuid
      ? await this.client.feedBack(exchange.service, { card: card.uuid, outcome: "accepted", acceptedSuggestions: [{ id: suggestion.uuid }] })
      : null;
    const what = created.length ? `${created.map(nameOf).join(", ")}: now among the unsigned orders.` : "Carried out.";
    // A new drug is a new selection, as in an EHR; services are left to signing.
    const drugs = created.filter((one) => one.resourceType === "MedicationRequest");
    if (drugs.length) await this.selected(drugs);
    return { accepted: true, text: `Accepted. ${what} ${fedBack(told)}` };
  }

  /** Set a card aside; the service is told why. */
  async override(exchange, card, reason, comment) {
    const overrideReason = {};
    if (reason) overrideReason.reason = { code: reason.code, system: reason.system, ...(reason.display ? { display: reason.display } : {}) };
    if (comment) overrideReason.userComment = comment;
    if (!reason && !comment) return { overridden: false, text: "Say in a few words why." };
    const told = await this.client.feedBack(exchange.service, { card: card.uuid, outcome: "overridden", overrideReason });
    return { overridden: true, text: `Set aside${reason?.display ? `: ${reason.display}` : ""}. ${fedBack(told)}` };
  }

  async #fire(hook, context, shown = true) {
    if (this.left) return null;
    const turn = ++this.turn;
    this.view.waiting(hook);
    let exchanges;
    try {
      exchanges = await this.client.fire(hook, context);
    } catch (fault) {
      if (turn === this.turn) this.view.failed(hook, fault);
      return null;
    }
    // An answer to a question that was asked again meanwhile is not shown.
    const isWanted = () => turn === this.turn;
    if (!isWanted()) return null;
    try {
      if (shown) await this.view.cards(hook, exchanges, isWanted);
    } catch (fault) {
      if (isWanted()) this.view.failed(hook, fault);
    }
    for (const exchange of exchanges) this.#learnCalls(exchange);
    return exchanges;
  }

  // Which FHIR calls the service made: only the demo's own server can tell.
  async #learnCalls(exchange) {
    if (!this.connection.ownServer || !exchange.authorization) return;
    const answer = await ask(`/demo/calls/${encodeURIComponent(exchange.authorization.access_token)}`).catch(() => null);
    if (answer?.ok) exchange.calledBack(answer.body.calls);
  }
}

function fedBack(exchange) {
  if (!exchange) return "No feedback is sent: the card or suggestion has no uuid.";
  return exchange.answer?.ok ? "Feedback sent." : "Feedback was sent, but not taken: see the calls below.";
}
