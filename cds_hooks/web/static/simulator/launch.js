// What a link of a card does when it is followed: a plain one opens, a SMART one is launched as an EHR launches it.
import { ask } from "./network.js";

/** Launch a SMART app for a patient: the demo makes a launch context, and the app is opened with iss and launch, unless
 *  `isWanted` says by then that the chart was left. */
export async function launchSmart(link, { patientId, ownServer, fhirServer, isWanted }) {
  if (!ownServer) throw new Error(`A SMART app is launched by the EHR of its FHIR server; this simulator is not that of ${fhirServer}.`);
  const wish = { url: link.url, patient: patientId };
  if (link.appContext !== undefined) wish.app_context = link.appContext;
  const made = await ask("/demo/launch", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish) });
  if (!made.ok) throw new Error("The demo could not make a launch for this link.");
  if (isWanted()) open(made.body.url, "_blank", "noopener,noreferrer");
}
