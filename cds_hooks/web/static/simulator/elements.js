// Elements of the page, made with text only: nothing that came from a service or a FHIR server is ever read as HTML here.

export const byId = (id) => document.getElementById(id);

/** An element with a class, attributes and children; strings become text. */
export function element(tag, { className, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || value === null) continue;
    made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null && child !== ""));
  return made;
}

/** Make `children` the children of a place. Those that stand there already are not moved: whoever reads or writes in one
 *  of them stays in it. */
export function arrange(place, children) {
  for (const one of [...place.childNodes]) if (!children.includes(one)) one.remove();
  children.forEach((child, at) => { if (place.childNodes[at] !== child) place.insertBefore(child, place.childNodes[at] || null); });
}

/** A button that runs `press` and cannot be pressed again until it is done. */
export function button(label, press, { className = "plain", ...attributes } = {}) {
  const made = element("button", { type: "button", className, ...attributes }, label);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      await press();
    } finally {
      made.disabled = false;
    }
  });
  return made;
}

/** HTML that the demo made of text it trusted nothing in (POST /demo/cards); the only place where HTML is taken in. */
export function fromSafeHtml(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}

/** A JSON document as the page shows it. */
export const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

let saidLast = 0;
/** Tell screen readers what happened. */
export function say(text) {
  const place = byId("said");
  // The same words twice in a row are read again only when they change.
  place.textContent = text + (saidLast++ % 2 ? "\u00a0" : "");
}
