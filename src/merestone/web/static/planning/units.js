/**
 * The units as a table: find, tick, and do with them what the map does. Some hundred rows are shown at once; ticking the
 * head takes every unit found, shown or not.
 * @import { Config } from "./types"
 * @import { Plan } from "./state.js"
 */

import { make, swatch } from "../map/legend.js";
import { formatCount } from "../map/scales.js";
import { NOBODY } from "./state.js";
import { count, full, short } from "./words.js";

const SHOWN = 100;

/**
 * @param {string} id
 * @returns {any}
 */
const byId = (id) => document.getElementById(id);

export class UnitTable {
  /**
   * @param {{ config: Config, plan: () => Plan, selected: () => Set<number>, colours: () => string[], onSelect: (selected: Set<number>) => void }} options
   */
  constructor(options) {
    this.options = options;
    this.limit = SHOWN;
    this.sort = { key: "state", isDown: false };
    this.body = /** @type {HTMLElement} */ (byId("units-body"));
    this.all = /** @type {HTMLInputElement} */ (byId("units-all"));
    this.find = /** @type {HTMLInputElement} */ (byId("units-find"));
    this.state = /** @type {HTMLSelectElement} */ (byId("units-state"));
    this.territory = /** @type {HTMLSelectElement} */ (byId("units-territory"));
    this.only = /** @type {HTMLInputElement} */ (byId("units-selected"));
    /** @type {number[]} */
    this.found = [];
    this.#fill();
    this.#listen();
  }

  #fill() {
    const { data } = this.options.plan();
    const { measures, units } = data;
    for (const name of [...new Set(units.state)].sort()) this.state.append(make("option", { value: name }, [name]));
    this.territory.append(make("option", { value: String(NOBODY) }, ["Nobody’s"]));
    data.territories.forEach(({ name }, place) => {
      this.territory.append(make("option", { value: String(place) }, [`${place + 1} ${name}`]));
    });
    const head = byId("units-head");
    head.append(...measures.map(({ key, label }) =>
      make("th", { scope: "col", class: "end" }, [make("button", { type: "button", "data-sort": key }, [label])])));
  }

  #listen() {
    const again = () => {
      this.limit = SHOWN;
      this.draw();
    };
    this.find.addEventListener("input", again);
    for (const field of [this.state, this.territory, this.only]) field.addEventListener("change", again);
    byId("units-more").addEventListener("click", () => {
      const before = this.limit;
      this.limit += 2 * SHOWN;
      this.draw();
      this.body.querySelectorAll("input")[before]?.focus();
    });
    byId("units-head").addEventListener("click", (/** @type {Event} */ event) => {
      const key = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset.sort;
      if (!key) return;
      const isAmount = this.options.plan().data.measures.some((measure) => measure.key === key);
      this.sort = { key, isDown: this.sort.key === key ? !this.sort.isDown : isAmount };
      this.draw();
    });
    this.all.addEventListener("change", () => {
      const selected = new Set(this.options.selected());
      for (const unit of this.found) {
        if (this.all.checked) selected.add(unit);
        else selected.delete(unit);
      }
      this.options.onSelect(selected);
    });
    let last = -1;
    this.body.addEventListener("click", (event) => {
      const box = event.target;
      if (!(box instanceof HTMLInputElement)) return;
      const boxes = [...this.body.querySelectorAll("input")];
      const place = boxes.indexOf(box);
      const from = event.shiftKey && last >= 0 ? Math.min(last, place) : place;
      const to = event.shiftKey && last >= 0 ? Math.max(last, place) : place;
      last = place;
      const selected = new Set(this.options.selected());
      for (const each of boxes.slice(from, to + 1)) {
        if (box.checked) selected.add(Number(each.value));
        else selected.delete(Number(each.value));
      }
      this.options.onSelect(selected);
    });
  }

  /** @param {number | null} territory shown alone; null = all */
  isolate(territory) {
    this.territory.value = territory === null ? "" : String(territory);
    this.limit = SHOWN;
  }

  #search() {
    const plan = this.options.plan();
    const { id, name, state } = plan.data.units;
    const words = this.find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const selected = this.options.selected();
    const territory = this.territory.value === "" ? null : Number(this.territory.value);
    const found = [];
    for (let unit = 0; unit < plan.n; unit += 1) {
      if (this.state.value && state[unit] !== this.state.value) continue;
      if (territory !== null && plan.territory[unit] !== territory) continue;
      if (this.only.checked && !selected.has(unit)) continue;
      if (words.length > 0) {
        const own = plan.territory[unit];
        const text = `${name[unit]} ${state[unit]} ${id[unit]} ${own < 0 ? "nobody" : plan.data.territories[own].name}`.toLowerCase();
        if (!words.every((word) => text.includes(word))) continue;
      }
      found.push(unit);
    }
    return this.#sorted(found);
  }

  /** @param {number[]} found */
  #sorted(found) {
    const plan = this.options.plan();
    const { units, measures } = plan.data;
    const { key, isDown } = this.sort;
    const sign = isDown ? -1 : 1;
    const place = measures.findIndex((measure) => measure.key === key);
    const byName = (/** @type {number} */ a, /** @type {number} */ b) =>
      compare(units.state[a], units.state[b]) || compare(units.name[a], units.name[b]) || a - b;
    if (place >= 0) return found.sort((a, b) => sign * (plan.amounts[place][a] - plan.amounts[place][b]) || byName(a, b));
    if (key === "territory") return found.sort((a, b) => sign * (plan.territory[a] - plan.territory[b]) || byName(a, b));
    if (key === "name") return found.sort((a, b) => sign * compare(units.name[a], units.name[b]) || byName(a, b));
    return found.sort((a, b) => sign * byName(a, b));
  }

  draw() {
    const { config } = this.options;
    this.found = this.#search();
    const shown = this.found.slice(0, this.limit);
    const focused = this.body.contains(document.activeElement) ? /** @type {HTMLInputElement} */ (document.activeElement).value : null;
    this.body.replaceChildren(...shown.map((unit) => this.#row(unit)));
    if (focused !== null) /** @type {HTMLElement | null} */ (this.body.querySelector(`input[value="${focused}"]`))?.focus({ preventScroll: true });
    const selected = this.options.selected();
    const inside = this.found.filter((unit) => selected.has(unit)).length;
    this.all.checked = inside > 0 && inside === this.found.length;
    this.all.indeterminate = inside > 0 && inside < this.found.length;
    byId("units-count").textContent = this.found.length === this.options.plan().n
      ? count(this.found.length, config.noun)
      : `${formatCount(this.found.length)} of ${count(this.options.plan().n, config.noun)}`;
    byId("units-none").hidden = this.found.length > 0;
    byId("units-more").hidden = this.found.length <= this.limit;
    for (const cell of byId("units-head").querySelectorAll("th")) {
      const key = cell.querySelector("button")?.dataset.sort;
      if (key === this.sort.key) cell.setAttribute("aria-sort", this.sort.isDown ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  }

  /** @param {number} unit */
  #row(unit) {
    const plan = this.options.plan();
    const { units, territories, measures } = plan.data;
    const territory = plan.territory[unit];
    const isSelected = this.options.selected().has(unit);
    const label = `${units.name[unit]}, ${units.state[unit]}`;
    const box = make("input", { type: "checkbox", value: String(unit), "aria-label": label });
    box.checked = isSelected;
    const where = territory < 0
      ? make("span", { class: "muted" }, ["nobody"])
      : make("span", { class: "planning-where" }, [swatch(this.options.colours()[territory], String(territory + 1)), territories[territory].name]);
    const name = make("th", { scope: "row" }, [units.name[unit]]);
    if (plan.locked[unit]) name.append(make("span", { class: "badge plain" }, ["locked"]));
    return make("tr", isSelected ? { class: "selected" } : {}, [
      make("td", { class: "pick" }, [box]), name, make("td", {}, [units.state[unit]]), make("td", {}, [where]),
      ...measures.map((measure, place) => make("td", {
        class: "end", title: full(plan.amounts[place][unit], measure, this.options.config.currency),
      }, [short(plan.amounts[place][unit], measure, this.options.config.currency)])),
    ]);
  }
}

/**
 * @param {string} a
 * @param {string} b
 */
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
