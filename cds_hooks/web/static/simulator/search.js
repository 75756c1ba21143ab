// The order search: type a drug's name, generic or brand, and choose a product. A combobox with a list, by the keyboard too.
import { byId, element } from "./elements.js";

const MOST_SHOWN = 30;

/** Products whose drug has a name that begins with `words`, or whose own name holds them; [{ code, name, drug, by }]. */
export function found(drugs, words) {
  const wanted = words.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return [];
  const hits = [];
  for (const drug of drugs) {
    const begins = (name) => name.toLowerCase().startsWith(wanted[0]);
    const brand = drug.brands.find(begins);
    if (!begins(drug.label) && !brand && !drug.names.some(begins)) continue;
    for (const product of drug.products) {
      const rest = wanted.slice(1).every((word) => product.name.toLowerCase().includes(word));
      if (rest) hits.push({ ...product, drug: drug.label, by: begins(drug.label) ? "" : brand });
    }
  }
  return hits;
}

/** Make the search work; `choose` is told { product } or { words }. */
export function orderSearch(drugs, longestWords, choose) {
  const input = byId("drug");
  const list = byId("products");
  let at = -1;
  let shown = [];

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    at = -1;
  };
  const point = (place) => {
    at = place;
    [...list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === at)));
    if (at < 0) return;
    input.setAttribute("aria-activedescendant", list.children[at].id);
    list.children[at].scrollIntoView({ block: "nearest" });
  };
  const take = (place) => {
    const chosen = shown[place];
    input.value = "";
    close();
    if (chosen) choose(chosen.code ? { product: chosen.code, name: chosen.name } : { words: chosen.words, name: chosen.words });
  };
  const fill = () => {
    const words = input.value.trim().slice(0, longestWords);
    const hits = found(drugs, words).slice(0, MOST_SHOWN);
    shown = words.length > 1 ? [...hits, { words, name: `“${words}” as free text, without a code` }] : hits;
    list.replaceChildren(...shown.map((one, place) => {
      const option = element("li", { role: "option", id: `product-${place}`, "aria-selected": "false" }, one.name,
        one.by ? element("span", { className: "aside" }, ` (${one.by})`) : "");
      option.addEventListener("mousedown", (event) => { event.preventDefault(); take(place); });
      return option;
    }));
    list.hidden = !shown.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    point(-1);
  };

  input.addEventListener("input", fill);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) fill();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (shown.length) point((at + step + shown.length) % shown.length);
    } else if (event.key === "Enter") take(at < 0 ? 0 : at);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
}
