/**
 * The live balance table: every territory with its amounts and how far it is from the mean, worst first. A click on a
 * territory shows it alone.
 * @import { Config, Line } from "./types"
 * @import { Plan } from "./state.js"
 */

import { make, swatch } from "../map/legend.js";
import { full, short } from "./words.js";

/** @typedef {{ key: string, isDown: boolean }} Sort `key` is worst, number, or a measure's */

/** A bar this far out is full. */
const WIDEST = 0.5;

/**
 * @param {Line[]} lines
 * @param {Plan} plan
 * @param {Sort} sort
 */
export function sorted(lines, plan, { key, isDown }) {
  const place = plan.data.measures.findIndex((measure) => measure.key === key);
  const value = (/** @type {Line} */ line) =>
    place >= 0 ? line.amounts[place] : key === "worst" ? line.worst : line.territory;
  return [...lines].sort((a, b) => (isDown ? -1 : 1) * (value(a) - value(b)) || a.territory - b.territory);
}

export class BalanceTable {
  /**
   * @param {HTMLTableElement} table
   * @param {{ config: Config, plan: () => Plan, sort: Sort, onIsolate: (territory: number | null) => void, onSort: (sort: Sort) => void }} options
   */
  constructor(table, options) {
    this.options = options;
    this.sort = options.sort;
    this.head = make("thead");
    this.body = make("tbody");
    table.append(this.head, this.body);
    this.body.addEventListener("click", (event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("button");
      if (!button) return;
      const territory = Number(button.dataset.territory);
      options.onIsolate(button.getAttribute("aria-pressed") === "true" ? null : territory);
    });
    this.head.addEventListener("click", (event) => {
      const key = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset.sort;
      if (!key) return;
      const isDown = this.sort.key === key ? !this.sort.isDown : key !== "number";
      this.sort = { key, isDown };
      options.onSort(this.sort);
    });
    this.#drawHead();
  }

  #drawHead() {
    const focused = document.activeElement?.getAttribute("data-sort");
    const { measures } = this.options.plan().data;
    const columns = [["number", "Territory"], ["worst", "Worst"], ...measures.map(({ key, label }) => [key, label])];
    const cells = columns.map(([key, label], place) => {
      const isHere = this.sort.key === key;
      const mark = make("span", { class: "planning-mark", "aria-hidden": "true" }, [isHere ? (this.sort.isDown ? "▼" : "▲") : ""]);
      const button = make("button", { type: "button", "data-sort": key }, [label, mark]);
      const cell = make("th", { scope: "col", class: place === 0 ? "" : "end" }, [button]);
      if (isHere) cell.setAttribute("aria-sort", this.sort.isDown ? "descending" : "ascending");
      return cell;
    });
    this.head.replaceChildren(make("tr", {}, cells));
    if (focused) /** @type {HTMLElement | null} */ (this.head.querySelector(`[data-sort="${focused}"]`))?.focus();
  }

  /**
   * @param {Line[]} lines
   * @param {{ colours: string[], isolated: number | null }} look
   */
  draw(lines, { colours, isolated }) {
    const plan = this.options.plan();
    const focused = this.body.contains(document.activeElement)
      ? document.activeElement?.getAttribute("data-territory") ?? null : null;
    this.#drawHead();
    this.body.replaceChildren(...sorted(lines, plan, this.sort).map((line) => this.#row(line, colours[line.territory], isolated)));
    if (focused !== null) {
      const again = this.body.querySelector(`[data-territory="${focused}"]`);
      if (again instanceof HTMLElement) again.focus({ preventScroll: true });
    }
  }

  /**
   * @param {Line} line
   * @param {string} colour
   * @param {number | null} isolated
   */
  #row(line, colour, isolated) {
    const { data } = this.options.plan();
    const { name, owner } = data.territories[line.territory];
    const words = [
      make("span", { class: "name", title: name }, [name]),
      make("span", { class: owner ? "owner" : "owner vacant" }, [owner || "vacant"]),
    ];
    if (line.pieces > 1) words.push(make("span", { class: "planning-pieces" }, [`in ${line.pieces} pieces`]));
    if (line.pieces === 0) words.push(make("span", { class: "planning-pieces" }, ["empty"]));
    const button = make("button", {
      type: "button", "data-territory": String(line.territory), "aria-pressed": String(isolated === line.territory),
    }, [swatch(colour, String(line.territory + 1)), make("span", { class: "words" }, words)]);
    return make("tr", {}, [
      make("th", { scope: "row" }, [button]),
      make("td", { class: "end worst" }, [`${(100 * line.worst).toFixed(line.worst < 0.1 ? 1 : 0)} %`]),
      ...data.measures.map((_, place) => this.#amount(line, place)),
    ]);
  }

  /**
   * @param {Line} line
   * @param {number} place of the measure
   */
  #amount(line, place) {
    const { config, plan } = this.options;
    const { measures, settings } = plan().data;
    const measure = measures[place];
    const index = line.index[place];
    const tolerance = settings.balances.find((balance) => balance.measure === measure.key)?.tolerance ?? null;
    const off = index === null ? 0 : index / 100 - 1;
    const isOut = tolerance !== null && Math.abs(off) > tolerance + 1e-9;
    const cell = make("td", { class: isOut ? "end out" : "end", title: full(line.amounts[place], measure, config.currency) }, [
      make("span", { class: "amount" }, [short(line.amounts[place], measure, config.currency)]),
    ]);
    if (index === null) return cell;
    const mark = isOut ? (off > 0 ? " ▲" : " ▼") : "";
    cell.append(
      bar(off, tolerance),
      make("span", { class: "index" }, [
        String(Math.round(index)), make("span", { "aria-hidden": "true" }, [mark]),
        make("span", { class: "visually-hidden" }, [isOut ? ` of 100, ${off > 0 ? "above" : "below"} its bounds` : " of 100"]),
      ]),
    );
    return cell;
  }
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * A bar from the mean to where the territory is; the band behind it is what is allowed.
 * @param {number} off
 * @param {number | null} tolerance
 */
function bar(off, tolerance) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 10");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "planning-gauge");
  svg.setAttribute("aria-hidden", "true");
  const part = (/** @type {string} */ name, /** @type {number} */ from, /** @type {number} */ to) => {
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("class", name);
    rect.setAttribute("x", String(50 + 50 * Math.min(from, to)));
    rect.setAttribute("width", String(Math.max(0, 50 * Math.abs(to - from))));
    rect.setAttribute("y", name === "band" ? "0" : name === "mean" ? "0" : "2");
    rect.setAttribute("height", name === "fill" ? "6" : "10");
    svg.append(rect);
  };
  const reach = (/** @type {number} */ value) => Math.max(-1, Math.min(1, value / WIDEST));
  if (tolerance !== null) part("band", reach(-tolerance), reach(tolerance));
  part("fill", 0, reach(off));
  part("mean", -0.01, 0.01);
  return svg;
}
