// Cards as the chosen kind of client shows them. The demo makes their HTML; here they get hands: accept, set aside, links.
import { awaiting } from "./attention.js";
import { button, element, fromSafeHtml } from "./elements.js";
import { taken } from "./limits.js";
import { ask } from "./network.js";

/** The elements of the cards of one call. `acts` has accept, override and launch, each told the card and what was chosen. */
export async function cardElements(exchange, profile, acts) {
  const { shown, findings } = taken(exchange.cards, profile);
  if (findings.length) exchange.judged(findings);
  if (!shown.length) return [];
  const made = await ask("/demo/cards", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ cards: exchange.cards, client: profile.id }),
  });
  if (!made.ok) throw new Error("The demo could not draw these cards.");
  return shown.map(({ card, place }) => withHands(fromSafeHtml(made.body.html[place]), card, place, { exchange, profile, acts }));
}

// The demo draws what is an object of a list's first fifty (shown_cards.py): what is acted on must be what was drawn.
const drawn = (list) => (Array.isArray(list) ? list.slice(0, 50).filter((one) => typeof one === "object" && one !== null && !Array.isArray(one)) : []);

function withHands(article, card, place, { exchange, profile, acts }) {
  const faults = exchange.findings.filter((one) => one.level === "error" && one.where.startsWith(`cards[${place}]`)).length;
  if (faults) {
    article.prepend(element("p", { className: "nonconforming" },
      `This card breaks the specification in ${faults} ${faults === 1 ? "place" : "places"}: a strict client may drop it.`));
  }
  const outcome = element("p", { className: "became", role: "status" });
  offer(article, card, profile, acts, outcome);
  if (profile.links) follow(article, card, acts);
  setAside(article, card, acts, outcome);
  article.append(outcome);
  return article;
}

// Suggestions: choose, then accept. They act one by one, as the specification has them.
function offer(article, card, profile, acts, outcome) {
  const field = article.querySelector(".suggestions");
  if (!field) return;
  const inputs = [...field.querySelectorAll("input")];
  const suggestions = drawn(card.suggestions);
  inputs.forEach((input, number) => {
    const one = suggestions[number];
    if (one.isRecommended !== true) return;
    input.nextElementSibling.append(element("em", {}, " (recommended)"));
    input.checked = profile.id === "epic";
  });
  const accept = button("Accept", async () => {
    const chosen = inputs.filter((input) => input.checked && !input.disabled);
    if (!chosen.length) {
      outcome.textContent = "Choose a suggestion first.";
      return;
    }
    const done = [];
    for (const input of chosen) {
      const words = await acts.accept(card, suggestions[Number(input.value)]);
      done.push(words);
      if (words.accepted) input.disabled = true;
      // Of suggestions that exclude each other, taking one ends the choice.
      if (words.accepted && input.type === "radio") inputs.forEach((other) => { other.disabled = true; });
    }
    outcome.textContent = done.map((words) => words.text).join(" ");
  }, { className: "accept" });
  field.append(accept);
}

// A SMART link is launched; any other opens apart, as its HTML says.
function follow(article, card, acts) {
  const links = drawn(card.links);
  if (acts.basis && !links.some((link) => link.type === "smart")) {
    let list = article.querySelector(".links");
    if (!list) {
      list = element("ul", { className: "links", "aria-label": "Links" });
      article.append(list);
    }
    list.append(element("li", { className: "of-the-demo" }, element("a", { href: acts.basis }, "Timeline and basis"), element("span", { className: "aside" }, " of the demo")));
  }
  const lines = [...article.querySelectorAll(".links > li:not(.of-the-demo)")];
  lines.forEach((line, number) => {
    const link = links[number];
    const anchor = line.querySelector("a");
    if (link?.type !== "smart" || !anchor) return;
    line.append(element("span", { className: "aside" }, " SMART app"));
    anchor.addEventListener("click", (event) => {
      event.preventDefault();
      acts.launch(link);
    });
  });
}

// Overriding: a reason of the card, or the clinician's own words, and a comment. Without a uuid there is nobody to tell.
function setAside(article, card, acts, outcome) {
  if (!card.uuid) return;
  let field = article.querySelector(".reasons");
  if (!field) {
    field = element("fieldset", { className: "reasons" }, element("legend", {}, "Set aside, because"));
    article.append(field);
  }
  const comment = element("textarea", { rows: 2, maxlength: 1000, "aria-label": "Comment for the authors of the card (optional)", placeholder: "Comment (optional)" });
  const form = element("div", { className: "override", hidden: true });
  let reason = null;
  const choose = (pressed, chosen) => {
    reason = chosen;
    for (const one of field.querySelectorAll("button[aria-pressed]")) one.setAttribute("aria-pressed", String(one === pressed));
    form.hidden = false;
    comment.focus();
  };
  const reasons = [...field.querySelectorAll("button")];
  const other = element("button", { type: "button" }, "Another reason…");
  field.append(other);
  [...reasons, other].forEach((one) => {
    one.setAttribute("aria-pressed", "false");
    one.addEventListener("click", () => choose(one, one === other ? null : drawn(card.overrideReasons)[Number(one.value)]));
  });
  form.append(comment, button("Override the card", async () => {
    const bring = awaiting();
    const words = await acts.override(card, reason, comment.value.trim());
    outcome.textContent = words.text;
    if (!words.overridden) return;
    form.hidden = true;
    article.classList.add("overridden");
    outcome.tabIndex = -1;
    bring(outcome);
  }, { className: "accept" }));
  field.after(form);
}
