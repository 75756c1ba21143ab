// What a kind of client does with cards and suggestions: the demo tells it of each profile (client_profiles.yaml).

/** Cards as this client takes them: { shown: [{ card, place }], findings }. A card it must take as an error is not shown. */
export function taken(cards, profile) {
  const findings = [];
  const shown = [];
  cards.forEach((card, place) => {
    const where = `cards[${place}]`;
    if (typeof card !== "object" || card === null) return;
    if (card.suggestions !== undefined && !understood(card.selectionBehavior, profile)) {
      findings.push({ level: "error", where, text: `not shown: ${profile.name} does not take its selectionBehavior` });
    } else if (shown.length >= profile.cards_at_most) {
      findings.push({ level: "warning", where, text: `not shown: ${profile.cards_at_most} cards are shown at most` });
    } else shown.push({ card, place });
  });
  return { shown, findings };
}

function understood(behavior, profile) {
  return profile.selection_behavior === "both" ? ["at-most-one", "any"].includes(behavior) : behavior === profile.selection_behavior;
}

/** Why this client does not carry out an action, in words; empty when it does. */
export function refusal(action, profile, { patientId, drafts }) {
  if (typeof action !== "object" || action === null) return "it is no action";
  const kind = action.type === "delete" ? String(action.resourceId || "").split("/")[0] : action.resource?.resourceType;
  const allowed = { create: profile.creates, update: profile.updates, delete: profile.deletes }[action.type];
  if (!allowed) return "the kind of action is not known";
  // The specification's own client may change any draft; the vendors' lists say what theirs do.
  if (!allowed.includes(kind) && !(profile.id === "generic" && action.type === "update" && kind === "MedicationRequest")) {
    return `${profile.name} does not ${action.type} ${kind || "this"} from a card`;
  }
  if (action.type !== "create") {
    const target = action.type === "delete" ? action.resourceId : `${kind}/${action.resource.id}`;
    if (!drafts.includes(target)) return "it is no unsigned order of this patient";
  }
  if (action.type !== "delete") {
    const subject = action.resource.subject?.reference;
    if (subject && String(subject).split("/").slice(-2).join("/") !== `Patient/${patientId}`) return "it is about another patient";
    const code = action.resource.medicationCodeableConcept || action.resource.code;
    if (profile.order_codes_required && !code?.coding?.length) return `${profile.name} finds orders by their code, and it has none`;
  }
  return "";
}

/** A resource to create as this client would keep it: some take the dose from their own records and drop the one sent. */
export function asKept(resource, profile, patientId) {
  const kept = { ...structuredClone(resource), subject: { reference: `Patient/${patientId}` }, status: "draft" };
  if (profile.order_dose === "ignored") delete kept.dosageInstruction;
  return kept;
}
