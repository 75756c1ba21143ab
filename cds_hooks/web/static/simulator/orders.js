// What the reader does with the orders of the open chart: writes, changes, takes out, signs.
import { awaiting } from "./attention.js";
import { readChart } from "./chart.js";
import { byId } from "./elements.js";
import { nameOf } from "./sig.js";
import * as view from "./view.js";

export class Orders {
  /** `simulator` says which chart is open, and keeps the state that the address names. */
  constructor(simulator) {
    this.simulator = simulator;
  }

  /** Put an order among the drafts and fire order-select for it; `making` gives the resource. */
  async order(making, name, text) {
    const { session } = this.simulator;
    const bring = awaiting();
    let resource;
    try {
      resource = await making();
    } catch (fault) {
      if (!session.left) view.showDone(fault.message);
      return;
    }
    if (session.left) return;
    this.simulator.bring = bring;
    view.showDone(`${name}: drafted, not signed.`);
    // Pressed twice, what a story suggests is drafted once.
    const made = await (text === "suggested" ? session.addFirst(resource) : session.add(resource));
    if (session.left || !made) return;
    this.simulator.move({ order: text, hook: "order-select" });
    await session.selected([made]);
  }

  /** Fire order-sign; without a card the orders are signed at once. */
  async wantToSign() {
    const bring = awaiting();
    this.simulator.bring = bring;
    this.simulator.move({ hook: "order-sign" });
    if (await this.simulator.session.checkedBeforeSigning()) await this.sign(bring);
    this.show();
  }

  /** As `wantToSign`, for an address that was opened: nothing is signed without a press. */
  async reviewed() {
    if ((await this.simulator.session.checkedBeforeSigning()) === null) return;
    this.simulator.session.signing = true;
    this.show();
  }

  async sign(bring = awaiting()) {
    const { session } = this.simulator;
    const signed = await session.sign();
    if (session.left || !signed.length) return;
    const where = session.drafts.onlyHere ? "in this page only" : "on the FHIR server";
    const told = `Signed: ${signed.map(nameOf).join(", ")}. Active ${where}.`;
    view.showDone(told);
    this.simulator.move({ order: "", hook: "" }, { replace: true });
    this.show();
    view.clearCards("The order is signed, so its cards are put away.");
    bring(byId("done"));
    const chart = await readChart(session.drafts.server, session.patientId).catch(() => null);
    if (session.left) return;
    if (chart) view.showPerson(chart, this.simulator.story, this.simulator.shown);
    else view.showDone(`${told} The chart could not be read again.`);
  }

  /** Show the drafts as they are. */
  show() {
    const { session } = this.simulator;
    if (!session) return;
    view.showDrafts(session, this.simulator.setup, {
      suggested: this.simulator.story?.order,
      changed: async (reference, directions) => {
        const made = await directions().then((given) => given && session.drafts.redirect(reference, given))
          .catch((fault) => { if (!session.left) view.showDone(fault.message); });
        if (!made) return false;
        session.selected([made]);
        this.show();
        return true;
      },
      removed: async (reference) => {
        const bring = awaiting();
        await session.drafts.remove(reference);
        session.signing = false;
        this.show();
        if (session.left) return;
        bring(byId("drug"));
        if (session.drafts.list.length) await session.selected(session.drafts.list.slice(-1));
        else await this.simulator.visit({ ...this.simulator.state, order: "", hook: "" });
      },
    });
  }
}
