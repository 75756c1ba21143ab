// One call to the CDS service as it went: what was sent, what came back, how long it took, what is wrong with it.

export class Exchange {
  answer = null;
  fault = null;
  findings = [];
  clientCalls = [];
  serviceCalls = null;

  /** `changed` is told whenever something new is known. */
  constructor(given, changed) {
    Object.assign(this, { request: undefined, service: null, authorization: null }, given);
    this.changed = changed;
  }

  answered(answer) {
    this.answer = answer;
    this.changed(this);
  }

  failed(fault) {
    this.fault = fault;
    this.changed(this);
  }

  judged(findings) {
    this.findings = [...this.findings, ...findings];
    this.changed(this);
  }

  calledBack(calls) {
    this.serviceCalls = calls;
    this.changed(this);
  }

  /** The cards of the answer; none of an answer that failed or is no list. */
  get cards() {
    return this.answer?.ok && Array.isArray(this.answer.body?.cards) ? this.answer.body.cards : [];
  }

  get errors() {
    return this.findings.filter((one) => one.level === "error").length;
  }

  /** How it went in a few words. */
  get outcome() {
    if (this.fault) return "no answer";
    if (!this.answer) return "under way";
    const faults = this.errors ? `${this.errors} ${this.errors === 1 ? "fault" : "faults"}` : this.answer.ok ? "conforms" : "";
    return [`${this.answer.status}`, `${this.answer.milliseconds} ms`, faults].filter(Boolean).join(" · ");
  }
}
