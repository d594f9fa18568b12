/**
 * What stands on the right of a row: one value, two, many as chips, a list, a function's arguments.
 * @import { Field, FunctionEntry, Offer, Row, Value } from "./types"
 * @import { Api } from "./api.js"
 */

import { isCancelled, later } from "./api.js";
import { button, make, whole } from "./dom.js";

const SHOWN_CHIPS = 24;
let ids = 0;

/** @param {Value} value */
export function textOf(value) {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "true" : "false";
  return "number" in value ? value.number : value.date;
}

/**
 * What was typed as a value of a kind; null when it is none.
 * @param {string} typed
 * @param {string} kind
 * @returns {Value | null}
 */
export function valueOf(typed, kind) {
  const text = typed.trim();
  if (text === "") return null;
  if (kind === "boolean") return text === "true" ? true : text === "false" ? false : null;
  if (kind === "date" || kind === "instant") return /^\d{4}-\d{2}-\d{2}$/.test(text) ? { date: text } : null;
  if (kind !== "number" && kind !== "money") return text;
  const parts = /^[^\d.+-]*([+-]?[\d,   ]*\.?\d+(?:e[+-]?\d{1,2})?)\s*(k|m|bn)?\b/i.exec(text);
  if (!parts) return null;
  const digits = parts[1].replace(/[^\d.e+-]/gi, "");
  const zeros = { k: 3, m: 6, bn: 9 }[(parts[2] ?? "").toLowerCase()] ?? 0;
  return { number: shifted(digits, zeros) };
}

/** @param {string} digits @param {number} zeros moves the point, so that no number is rounded */
function shifted(digits, zeros) {
  if (zeros === 0) return digits;
  const [front, back = ""] = digits.split(".");
  const filled = back.padEnd(zeros, "0");
  const rest = filled.slice(zeros);
  return front + filled.slice(0, zeros) + (rest ? `.${rest}` : "");
}

/** @param {string} text a pasted column, or values with commas or semicolons between them */
export const splitPasted = (text) =>
  text.split(/[\n\r\t;,]+/).map((part) => part.trim().replace(/^(['"])(.*)\1$/, "$2")).filter((part) => part !== "");

/**
 * @typedef {object} Place
 * @property {Row} row
 * @property {Field | null} field
 * @property {string} label whose value it is, for screen readers
 * @property {Offer} offer
 * @property {Api} api
 * @property {string} currency
 * @property {() => void} changed
 */

/**
 * @param {Place} place
 * @param {string} takes
 * @param {FunctionEntry | null} call
 * @returns {HTMLElement}
 */
export function valueEditor(place, takes, call) {
  const kind = place.field?.kind ?? "text";
  const holder = make("div", { class: "rule-values" });
  if (takes === "none") return holder;
  if (takes === "list") holder.append(listChoice(place));
  else if (call && takes === "arguments") holder.append(...argumentInputs(place, call));
  else if (takes === "many") holder.append(chipEditor(place, call ? "text" : kind, !call || call.subject === "list"));
  else {
    holder.append(single(place, kind, 0));
    if (takes === "two") holder.append(make("span", { class: "rule-and" }, ["and"]), single(place, kind, 1));
  }
  return holder;
}

/** @param {Place} place */
function listChoice(place) {
  if (place.offer.lists.length === 0) return make("span", { class: "muted small" }, ["This model has no named list yet."]);
  const chosen = place.row.values.length ? textOf(place.row.values[0]) : "";
  return choice(place, [["", "Choose a list"], ...place.offer.lists.map(({ key, n }) => /** @type {[string, string]} */ ([key, `${key} (${whole.format(n)})`]))], chosen, 0);
}

/** @param {Place} place @param {[string, string][]} choices @param {string} chosen @param {number} at */
function choice(place, choices, chosen, at, kind = "text") {
  const select = make("select", { "aria-label": `${place.label}: value` }, choices.map(([value, words]) =>
    make("option", { value, selected: value === chosen }, [words])));
  select.addEventListener("change", () => set(place, at, valueOf(select.value, kind)));
  return select;
}

/** @param {Place} place @param {number} at @param {Value | null} value */
function set(place, at, value) {
  /** @type {(Value | undefined)[]} a hole where a value is still missing; such a row is not sent */
  const values = [...place.row.values];
  values[at] = value ?? undefined;
  while (values.length > 0 && values[values.length - 1] === undefined) values.pop();
  place.row.values = /** @type {Value[]} */ (values);
  place.changed();
}

/** @param {Place} place @param {FunctionEntry} call */
function argumentInputs(place, call) {
  if (call.name === "in_area") {
    if (place.offer.areas.length === 0) return [make("span", { class: "muted small" }, ["This model has no area yet."])];
    const chosen = place.row.values.length ? textOf(place.row.values[0]) : "";
    return [choice(place, [["", "Choose an area"], ...place.offer.areas.map((key) => /** @type {[string, string]} */ ([key, key]))], chosen, 0)];
  }
  const typed = call.arguments.map((_, at) => (at in place.row.values ? textOf(place.row.values[at]) : ""));
  return call.arguments.map(({ name, kind, minimum, maximum }, at) => {
    const input = make("input", {
      type: "text", value: typed[at], size: kind === "text" ? "18" : "8", "aria-label": `${place.label}: ${name}`, placeholder: name,
      inputmode: kind === "number" ? "decimal" : undefined, spellcheck: "false", ...(kind === "number" ? { "data-narrow": true } : {}),
    });
    input.addEventListener("input", () => {
      typed[at] = input.value;
      const read = typed.map((text, number) => valueOf(text, call.arguments[number].kind));
      const value = read[at];
      const n = value !== null && typeof value === "object" && "number" in value ? Number(value.number) : null;
      const isOutside = n !== null && ((minimum !== null && n < minimum) || (maximum !== null && n > maximum));
      input.setAttribute("aria-invalid", String(isOutside || (input.value !== "" && value === null)));
      place.row.values = /** @type {Value[]} */ (read.filter((one) => one !== null));
      place.changed();
    });
    return input;
  });
}

/** @param {Place} place @param {string} kind @param {number} at */
function single(place, kind, at) {
  const value = place.row.values[at] !== undefined ? textOf(place.row.values[at]) : "";
  if (kind === "boolean") return choice(place, [["", "Choose"], ["true", "true"], ["false", "false"]], value, at, kind);
  if (kind === "date" || kind === "instant") {
    const input = make("input", { type: "date", value, "aria-label": `${place.label}: date` });
    input.addEventListener("change", () => set(place, at, valueOf(input.value, kind)));
    return input;
  }
  if (kind === "number" || kind === "money") return numberInput(place, kind, at, value);
  return combobox(place, {
    value,
    onInput: (text) => set(place, at, valueOf(text, kind)),
    onChoose: (text) => set(place, at, valueOf(text, kind)),
  }).element;
}

/** @param {Place} place @param {string} kind @param {number} at @param {string} value */
function numberInput(place, kind, at, value) {
  const unit = kind === "money" ? place.currency : place.field?.unit ?? "";
  const input = make("input", {
    type: "text", inputmode: "decimal", value: grouped(value), size: "9", "aria-label": `${place.label}: number${unit ? ` in ${unit}` : ""}`,
    placeholder: kind === "money" ? "e.g. 5m" : "", autocomplete: "off",
  });
  input.addEventListener("input", () => {
    const read = valueOf(input.value, kind);
    input.setAttribute("aria-invalid", String(input.value.trim() !== "" && read === null));
    set(place, at, read);
  });
  input.addEventListener("blur", () => {
    if (place.row.values[at] !== undefined) input.value = grouped(textOf(place.row.values[at]));
  });
  return unit ? make("span", { class: "rule-unit" }, [input, make("span", { "aria-hidden": "true" }, [unit])]) : input;
}

/** @param {string} number with commas between thousands */
function grouped(number) {
  if (!/^-?\d{5,}(\.\d+)?$/.test(number)) return number;
  const [front, back] = number.split(".");
  return front.replace(/\B(?=(\d{3})+$)/g, ",") + (back ? `.${back}` : "");
}

/**
 * Many values: each a chip; paste a column to add them all; or edit them one a line.
 * @param {Place} place
 * @param {string} kind
 * @param {boolean} hasSuggestions
 */
function chipEditor(place, kind, hasSuggestions) {
  const holder = make("div", { class: "rule-chips" });
  const isText = kind !== "number" && kind !== "money" && kind !== "date" && kind !== "instant";
  let isOpen = false;

  /** @param {string[]} texts */
  const add = (texts) => {
    const had = new Set(place.row.values.map((value) => textOf(value).trim().toLowerCase()));
    const read = texts.map((text) => valueOf(text, kind));
    const fresh = read.filter((value) => value !== null && !had.has(textOf(value).toLowerCase()) && had.add(textOf(value).toLowerCase()));
    if (fresh.length === 0) return read.every((value) => value !== null);
    place.row.values = [...place.row.values, .../** @type {Value[]} */ (fresh)];
    place.changed();
    draw(true);
    return true;
  };
  /** @param {number} at */
  const take = (at) => {
    place.row.values = place.row.values.filter((_, other) => other !== at);
    place.changed();
    draw(true);
  };

  /** @param {boolean} hasFocus */
  const draw = (hasFocus) => {
    const { values } = place.row;
    const shown = isOpen ? values.slice(0, 1000) : values.slice(0, SHOWN_CHIPS);
    const chips = shown.map((value, at) => {
      const text = textOf(value);
      const chip = make("span", { class: "chip" }, [text]);
      chip.append(button(`Remove ${text}`, { class: "chip-x" }, () => take(at), "close"));
      return chip;
    });
    const more = values.length - shown.length;
    const extras = [
      more > 0 || isOpen ? button(isOpen ? "Show fewer" : `and ${whole.format(more)} more`, { class: "link-button small" }, () => { isOpen = !isOpen; draw(false); }) : null,
      values.length > 1 ? button("Edit as a list", { class: "link-button small" }, () => asList()) : null,
    ];
    const box = combobox(place, {
      value: "", isEmpty: values.length === 0, hasSuggestions: hasSuggestions && isText,
      type: kind === "date" || kind === "instant" ? "date" : "text",
      onInput: () => {},
      onChoose: (text) => add([text]),
      onPaste: (text) => { const parts = splitPasted(text); return parts.length > 1 ? add(parts) || true : false; },
      onBack: () => { if (values.length) take(values.length - 1); },
      isAdding: true,
    });
    holder.replaceChildren(...chips, box.element, ...extras.filter((one) => one !== null));
    if (hasFocus) box.input.focus();
  };

  const asList = () => {
    const area = make("textarea", { rows: "6", "aria-label": `${place.label}: values, one a line`, spellcheck: "false" });
    area.value = place.row.values.map(textOf).join("\n");
    const done = () => {
      const texts = [...new Set(splitPasted(area.value))];
      place.row.values = /** @type {Value[]} */ (texts.map((text) => valueOf(text, kind)).filter((value) => value !== null));
      place.changed();
      draw(false);
    };
    holder.replaceChildren(area, make("div", { class: "row" }, [
      button("Done", { class: "button small" }, done), make("span", { class: "muted small" }, ["one a line; paste a column"]),
    ]));
    area.focus();
  };
  draw(false);
  return holder;
}

/**
 * A text input with the values of the book below it, the most frequent first (ARIA combobox).
 * @param {Place} place
 * @param {{ value: string, isEmpty?: boolean, hasSuggestions?: boolean, type?: string, isAdding?: boolean, onInput: (text: string) => void,
 *   onChoose: (text: string) => unknown, onPaste?: (text: string) => boolean, onBack?: () => void }} options
 * @returns {{ element: HTMLElement, input: HTMLInputElement }}
 */
function combobox(place, options) {
  const id = `rule-options-${(ids += 1)}`;
  const name = place.field?.name ?? "";
  const hasList = (options.hasSuggestions ?? true) && name !== "";
  const input = /** @type {HTMLInputElement} */ (make("input", {
    type: options.type ?? "text", value: options.value, autocomplete: "off", spellcheck: "false",
    "aria-label": `${place.label}: ${options.isAdding ? "add a value" : "value"}`,
    placeholder: options.isAdding ? (options.isEmpty ? "Type, choose, or paste a column" : "add") : "Type or choose",
    ...(hasList ? { role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list" } : {}),
  }));
  const list = make("ul", { id, role: "listbox", class: "rule-options", hidden: true, "aria-label": `Values of ${place.field?.label ?? "the field"}` });
  const element = make("span", { class: options.isAdding ? "rule-combo adding" : "rule-combo" }, hasList ? [input, list] : [input]);
  let active = -1;
  /** @type {{ value: string, label: string, count: number }[]} */
  let found = [];

  const close = () => {
    list.hidden = true;
    active = -1;
    if (hasList) input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  /** @param {string} text */
  const choose = (text) => {
    close();
    if (!options.isAdding) input.value = text;
    options.onChoose(text);
  };
  const mark = () => {
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
    const option = list.children[active];
    if (option) {
      option.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", option.id);
    } else input.removeAttribute("aria-activedescendant");
  };
  const open = async () => {
    if (!hasList) return;
    try {
      const typed = input.value.trim();
      const query = new URLSearchParams({ field: name, q: typed, limit: "12" });
      const answer = await place.api.ask("values", `rules/values?${query}`);
      if (document.activeElement !== input) return;
      const taken = new Set(options.isAdding ? place.row.values.map((value) => textOf(value).toLowerCase()) : []);
      found = answer.values.filter((/** @type {{ value: string }} */ one) => !taken.has(one.value.toLowerCase()));
      list.replaceChildren(...found.map(({ value, label, count }, at) => {
        const option = make("li", { role: "option", id: `${id}-${at}`, "aria-selected": "false" }, [
          make("span", { class: "what" }, [value, label ? make("span", { class: "muted" }, [` ${label}`]) : null]),
          make("span", { class: "n" }, [whole.format(count)]),
        ]);
        option.addEventListener("pointerdown", (/** @type {Event} */ event) => { event.preventDefault(); choose(value); });
        return option;
      }));
      active = -1;
      list.hidden = found.length === 0;
      input.setAttribute("aria-expanded", String(found.length > 0));
    } catch (error) {
      if (!isCancelled(error)) close();
    }
  };
  const openSoon = later(open, 120);
  input.addEventListener("focus", openSoon);
  input.addEventListener("input", () => { options.onInput(input.value); openSoon(); });
  input.addEventListener("blur", () => {
    close();
    if (options.isAdding && input.value.trim() !== "") { const text = input.value; input.value = ""; options.onChoose(text); }
  });
  input.addEventListener("paste", (event) => {
    if (options.onPaste?.(event.clipboardData?.getData("text") ?? "")) event.preventDefault();
  });
  input.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) open();
      else active = (active + (event.key === "ArrowDown" ? 1 : -1) + found.length + (active < 0 && event.key === "ArrowUp" ? 1 : 0)) % found.length;
      mark();
    } else if (event.key === "Enter" || (event.key === "," && options.isAdding)) {
      event.preventDefault(); // the form is saved by its button, not in the middle of a value
      const text = active >= 0 ? found[active].value : input.value.trim();
      if (text !== "") { input.value = options.isAdding ? "" : text; choose(text); }
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    } else if (event.key === "Backspace" && input.value === "") options.onBack?.();
  });
  return { element, input };
}

