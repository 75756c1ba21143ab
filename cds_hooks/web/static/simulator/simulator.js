// The state of the page and how it moves: connections, charts, drafts, hooks. What is shown is `view.js`'s.
import { go, orderOf } from "./address.js";
import { awaiting } from "./attention.js";
import { readChart } from "./chart.js";
import { CdsClient } from "./client.js";
import { Connection, fillForm } from "./connect.js";
import { byId, button, element } from "./elements.js";
import { FhirServer } from "./fhir.js";
import { launchSmart } from "./launch.js";
import { ask } from "./network.js";
import { Panel, faultBox } from "./panel.js";
import { listForeign, mark } from "./patients.js";
import { Session } from "./session.js";
import { drafted, nameOf } from "./sig.js";
import * as view from "./view.js";

/** An order without id and patient: the FHIR server and the chart give those. */
export const bare = ({ id: _, subject: __, ...order }) => order;

export class Simulator {
  state = {};
  connection = null;
  #session = null;
  story = null;
  // What the visitor wrote in the form, and for which two addresses.
  token = { text: "", fhir: "", service: "" };
  trusted = new Set();
  // Brings the reader to the next cards, when it was they who asked for them.
  bring = null;

  constructor(setup) {
    this.setup = setup;
    this.panel = new Panel();
  }

  get session() {
    return this.#session;
  }

  set session(next) {
    this.#session?.leave();
    this.#session = next;
  }

  /** Go to a state and show it. */
  visit(wanted) {
    go(wanted);
    return this.follow(wanted);
  }

  /** Show a state that the address has already. */
  async follow(wanted) {
    this.state = wanted;
    if (!this.#connect(wanted)) return;
    mark(wanted);
    if (!wanted.patient) {
      this.session = null;
      view.showStart();
      return;
    }
    const isOpen = this.session?.wanted === wanted.patient;
    if (!isOpen) await this.#open();
    const { session } = this;
    if (session?.wanted !== wanted.patient) return;
    const order = wanted.order && orderOf(wanted.order);
    if (order && !session.drafts.list.length) await session.add(order.suggested ? bare(this.story?.order) : await drafted(order));
    // Opening the chart is told in any case; what is shown is the answer to the last step.
    if (order && !isOpen && !(await session.toldOpened())) return;
    if (wanted.hook === "order-sign" && session.drafts.list.length) await this.#reviewed();
    else if (order) await session.selected(session.drafts.list.slice(-1));
    else await session.opened();
  }

  /** Put an order among the drafts and fire order-select for it. */
  async order(resource, name, text) {
    this.bring = awaiting();
    view.showDone(`${name}: drafted, not signed.`);
    const { session } = this;
    const made = await session.add(resource);
    if (session.left) return;
    this.#move({ order: text, hook: "order-select" });
    await session.selected([made]);
  }

  /** Fire order-sign; without a card the orders are signed at once. */
  async wantToSign() {
    const bring = awaiting();
    this.bring = bring;
    this.#move({ hook: "order-sign" });
    if (await this.session.checkedBeforeSigning()) await this.sign(bring);
    this.drafts();
  }

  // As `wantToSign`, for an address that was opened: nothing is signed without a press.
  async #reviewed() {
    if ((await this.session.checkedBeforeSigning()) === null) return;
    this.session.signing = true;
    this.drafts();
  }

  async sign(bring = awaiting()) {
    const { session } = this;
    const signed = await session.sign();
    if (session.left) return;
    const where = session.drafts.onlyHere ? "in this page only" : "on the FHIR server";
    view.showDone(`Signed: ${signed.map(nameOf).join(", ")}. Active ${where}.`);
    this.#move({ order: "", hook: "" }, { replace: true });
    const chart = await readChart(session.drafts.server, session.patientId);
    if (session.left) return;
    view.showPerson(chart, this.story, this.#shown);
    this.drafts();
    view.clearCards("The order is signed, so its cards are put away.");
    bring(byId("done"));
  }

  /** The record of a demo patient as its story begins. */
  async startOver() {
    await ask(`/demo/start-over/${this.story.id}`, { method: "POST" });
    this.session = null;
    await this.visit({ ...this.state, order: "", hook: "" });
    view.showDone("The record is back at the beginning of the story.");
  }

  /** Show the drafts as they are. */
  drafts() {
    const { session } = this;
    if (!session) return;
    view.showDrafts(session, this.setup, {
      suggested: this.story?.order,
      changed: async (order) => {
        await session.drafts.change(order);
        await session.selected([order]);
        this.drafts();
      },
      removed: async (order) => {
        await session.drafts.remove(`${order.resourceType}/${order.id}`);
        session.signing = false;
        this.drafts();
        if (session.left) return;
        byId("drug").focus();
        if (session.drafts.list.length) await session.selected(session.drafts.list.slice(-1));
        else await this.visit({ ...this.state, order: "", hook: "" });
      },
    });
  }

  get #shown() {
    return { ownServer: this.connection.ownServer, labels: this.setup.labels };
  }

  #move(changed, options) {
    this.state = { ...this.state, ...changed };
    go(this.state, options);
  }

  // Another host is called only when the visitor wrote it here, or agrees to a link that names it.
  #connect(wanted) {
    // A token goes to the addresses it was written for: the history may lead back to others.
    const { text, fhir, service } = this.token;
    const next = new Connection(this.setup, wanted, fhir === (wanted.fhir || "") && service === (wanted.service || "") ? text : "");
    if (next.same(this.connection)) return true;
    const unknown = next.foreign.filter((origin) => !this.trusted.has(origin));
    byId("ask-first").hidden = !unknown.length;
    if (unknown.length) {
      const named = unknown.join(" and ");
      byId("ask-first").replaceChildren(
        element("p", {}, `This link asks your browser to call ${named}. What it sends are the records you open here.`),
        button(`Connect to ${named}`, () => { unknown.forEach((one) => this.trusted.add(one)); return this.follow(wanted); }, { className: "accept" }),
        button("Stay on this machine", () => this.visit({ ...wanted, service: "", fhir: "", patient: "", order: "", hook: "" })));
      return false;
    }
    this.connection = next;
    this.server = new FhirServer(next.fhir, { token: next.token });
    this.client = new CdsClient({
      base: next.service, profile: next.profile, server: this.server, fhirAddress: next.fhir, route: next.route,
      access: (patientId) => this.#access(patientId), record: (given) => this.panel.record(given),
    });
    this.session = null;
    fillForm(next);
    byId("list-fault").replaceChildren();
    if (!next.ownServer) listForeign(this.server, wanted).catch((fault) => this.#listFault(fault));
    return true;
  }

  // What is passed on as fhirAuthorization: the visitor's token, or a mark of the demo's own server.
  async #access(patientId) {
    const { token, ownServer } = this.connection;
    if (token) return { access_token: token, token_type: "Bearer", expires_in: 300, scope: "patient/*.read", subject: "trd-cds", patient: patientId };
    if (!ownServer) return null;
    const made = await ask("/demo/access", { method: "POST" });
    return made.ok ? { ...made.body, patient: patientId } : null;
  }

  async #open() {
    const { setup, connection, server, client, state } = this;
    this.story = connection.ownServer ? setup.patients.find((one) => one.id === state.patient) : null;
    const patientId = this.story ? this.story.patientId : state.patient;
    const opening = new Session({ patientId, setup, connection, server, client, view: this.#viewOf(() => opening) });
    opening.wanted = state.patient;
    this.session = opening;
    view.clearCards("The chart is being opened.");
    const opened = byId("opened");
    opened.setAttribute("aria-busy", "true");
    opened.inert = true;
    try {
      const [chart] = await Promise.all([readChart(server, patientId), opening.load()]);
      if (this.session !== opening) return;
      view.showPerson(chart, this.story, this.#shown);
      view.showDone("");
      this.drafts();
    } catch (fault) {
      if (this.session !== opening) return;
      this.session = null;
      view.showStart();
      this.#listFault(fault);
    } finally {
      if (this.session === opening || !this.session) {
        opened.removeAttribute("aria-busy");
        opened.inert = false;
      }
    }
  }

  #listFault(fault) {
    byId("list-fault").replaceChildren(faultBox(fault.message, fault.lines || []));
  }

  #viewOf(session) {
    const acts = (exchange) => ({
      accept: (card, suggestion) => session().accept(exchange, card, suggestion),
      override: (card, reason, comment) => session().override(exchange, card, reason, comment),
      launch: (link) => launchSmart(link, { patientId: session().patientId, ownServer: this.connection.ownServer, fhirServer: this.connection.fhir })
        .catch((fault) => view.showDone(fault.message)),
      basis: this.story ? `/app/demo/${this.story.id}` : "",
    });
    return {
      drafts: () => this.drafts(),
      waiting: view.showWaiting,
      failed: view.showFailure,
      cards: async (hook, exchanges, isWanted) => {
        await view.showCards(hook, exchanges, { profile: this.connection.profile, acts, bring: this.bring, isWanted });
        if (isWanted()) this.bring = null;
      },
    };
  }
}
