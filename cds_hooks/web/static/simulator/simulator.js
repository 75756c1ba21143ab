// The state of the page and how it moves: connections, charts, drafts, hooks. What is shown is `view.js`'s.
import { go, orderOf } from "./address.js";
import { readChart } from "./chart.js";
import { CdsClient } from "./client.js";
import { Connection, fillForm } from "./connect.js";
import { byId, button, element } from "./elements.js";
import { FhirServer } from "./fhir.js";
import { launchSmart } from "./launch.js";
import { ask } from "./network.js";
import { Orders } from "./orders.js";
import { Panel, faultBox } from "./panel.js";
import { listForeign, listOwn, mark } from "./patients.js";
import { Session } from "./session.js";
import { drafted } from "./sig.js";
import * as view from "./view.js";

/** An order without id and patient: the FHIR server and the chart give those. */
export const bare = ({ id: _, subject: __, ...order }) => order;

export class Simulator {
  state = {};
  connection = null;
  #session = null;
  // Which state is shown: who goes to the next one does not wait for the one before.
  #step = 0;
  story = null;
  // What the visitor wrote in the form, and for which two addresses.
  token = { text: "", fhir: "", service: "" };
  trusted = new Set();
  // Brings the reader to the next cards, when it was they who asked for them.
  bring = null;

  constructor(setup) {
    this.setup = setup;
    this.panel = new Panel();
    this.orders = new Orders(this);
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
    this.#step += 1;
    const step = this.#step;
    this.state = wanted;
    if (!this.#connect(wanted)) return;
    mark(wanted);
    if (!wanted.patient) {
      this.session = null;
      view.showStart();
      return;
    }
    if (this.session?.wanted !== wanted.patient) this.#open();
    const { session } = this;
    await session.ready;
    const isWanted = () => step === this.#step && !session.left;
    if (!isWanted()) return;
    const named = wanted.order && (await this.#namedOrder(session, wanted.order));
    if (!isWanted()) return;
    // Opening the chart is told in any case; what is shown is the answer to the last step.
    if (named && !session.told && !(await session.toldOpened())) return;
    if (wanted.hook === "order-sign" && session.drafts.list.length) await this.orders.reviewed();
    else if (named) await session.selected(session.drafts.list.slice(-1));
    else await session.opened();
  }

  // Put the order that an address names among the drafts, unless some lie there. False when there is no such order.
  async #namedOrder(session, text) {
    const named = orderOf(text);
    if (!named || session.drafts.list.length) return Boolean(named);
    try {
      if (named.suggested && !this.story) throw new Error("This order cannot be written here.");
      await session.addFirst(named.suggested ? bare(this.story.order) : await drafted(named));
      return true;
    } catch (fault) {
      if (!session.left) view.showDone(fault.message);
      return false;
    }
  }

  /** The record of a demo patient as its story begins. */
  async startOver() {
    const { session } = this;
    const done = await ask(`/demo/start-over/${this.story.id}`, { method: "POST" }).catch(() => null);
    if (session.left) return;
    if (!done?.ok) {
      view.showDone("The record could not be brought back to the beginning of the story.");
      return;
    }
    this.session = null;
    const shown = this.visit({ ...this.state, order: "", hook: "" });
    const again = this.session;
    await shown;
    if (!again.left) view.showDone("The record is back at the beginning of the story.");
  }

  /** How a chart is shown. */
  get shown() {
    return { ownServer: this.connection.ownServer, labels: this.setup.labels };
  }

  /** The state changed without anything to open: only the address follows. */
  move(changed, options) {
    this.state = { ...this.state, ...changed };
    go(this.state, options);
  }

  // Another host is called only when the visitor wrote it here, or agrees to a link that names it.
  #connect(wanted) {
    // A token goes to the addresses it was written for: the history may lead back to others.
    const { text, fhir, service } = this.token;
    const next = new Connection(this.setup, wanted, fhir === (wanted.fhir || "") && service === (wanted.service || "") ? text : "");
    byId("ask-first").hidden = true;
    if (next.same(this.connection)) return true;
    const unknown = next.foreign.filter((origin) => !this.trusted.has(origin));
    if (unknown.length) {
      // The address is another one's already, so no chart stands open meanwhile.
      this.session = null;
      view.showStart();
      byId("ask-first").hidden = false;
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
    const isWanted = () => this.connection === next;
    if (next.ownServer) listOwn();
    else listForeign(this.server, isWanted).then(() => mark(this.state), (fault) => isWanted() && this.#listFault(fault));
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

  // Begin to open the chart that the state names: the session is there at once, and `ready` when it was read.
  #open() {
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
    opening.ready = this.#read(opening, server);
  }

  async #read(opening, server) {
    const opened = byId("opened");
    try {
      const [chart] = await Promise.all([readChart(server, opening.patientId), opening.load()]);
      if (this.session !== opening) return;
      byId("list-fault").replaceChildren();
      view.showPerson(chart, this.story, this.shown);
      view.showDone("");
      this.orders.show();
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
      launch: (link) => launchSmart(link, { patientId: session().patientId, ownServer: this.connection.ownServer, fhirServer: this.connection.fhir, isWanted: () => !session().left })
        .catch((fault) => { if (!session().left) view.showDone(fault.message); }),
      basis: this.story ? `/app/demo/${this.story.id}` : "",
    });
    return {
      drafts: () => this.orders.show(),
      waiting: view.showWaiting,
      failed: view.showFailure,
      cards: async (hook, exchanges, isWanted) => {
        await view.showCards(hook, exchanges, { profile: this.connection.profile, acts, bring: this.bring, isWanted });
        if (isWanted()) this.bring = null;
      },
    };
  }
}
