/**
 * The builder: groups of rows, each row a field, an operator and its values. Everything it offers comes from the server.
 * @import { Counted, Draft, Field, FunctionEntry, Group, Offer, Problem, Row, TestTree, Tree } from "./types"
 * @import { Api } from "./api.js"
 */

import { button, counted, icon, make, whole } from "./dom.js";
import { copyOf, drop, move, newGroup, newRow, parentOf, remove, rootOf, rowsOf, treeOf, unwrap, wrap } from "./draft.js";
import { valueEditor } from "./values.js";

/** How a group joins what it holds: words, join, negated. */
const MODES = /** @type {const} */ ([
  ["all of these hold", "and", false],
  ["any of these holds", "or", false],
  ["none of these holds", "or", true],
  ["not all of these hold", "and", true],
]);

export class Builder {
  /**
   * @param {HTMLElement} element
   * @param {{ offer: Offer, api: Api, currency: string, changed: (tree: Tree | null) => void }} options
   */
  constructor(element, options) {
    this.element = element;
    this.options = options;
    this.offer = options.offer;
    this.root = newGroup([]);
    this.fields = new Map(this.offer.fields.flatMap((field) => [field.name, ...field.aliases].map((name) => [name, field])));
    this.operators = new Map(this.offer.operators.map((operator) => [operator.op, operator]));
    this.functions = new Map(this.offer.functions.map((call) => [call.name, call]));
    /** @type {Draft | null} */
    this.dragged = null;
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("dragstart", (event) => this.#dragStart(event));
    element.addEventListener("dragover", (event) => this.#dragOver(event));
    element.addEventListener("drop", (event) => this.#dropped(event));
    element.addEventListener("dragend", () => this.#dragEnd());
  }

  /** @param {Tree | null} tree shows a rule that was read from text */
  show(tree) {
    this.root = rootOf(tree);
    this.draw();
  }

  /** @returns {Tree | null} the rule without its unfinished rows */
  get tree() {
    return treeOf(this.root, (row) => this.isFinished(row));
  }

  get nUnfinished() {
    return rowsOf(this.root).filter((row) => !this.isFinished(row)).length;
  }

  /** @param {Row} row */
  isFinished(row) {
    const n = row.values.filter((value) => value !== undefined).length;
    const takes = this.#takes(row);
    if (row.op === "" || (row.field === null && this.functions.get(row.op)?.subject !== "location")) return false;
    if (takes === "none") return true;
    if (takes === "two") return n === 2;
    if (takes === "arguments") return n === (this.functions.get(row.op)?.arguments.length ?? 1);
    return n > 0;
  }

  /** @param {Row} row */
  #takes(row) {
    return this.functions.get(row.op)?.takes ?? this.operators.get(row.op)?.takes ?? "many";
  }

  #changed() {
    this.#markUnfinished();
    this.options.changed(this.tree);
  }

  /** @param {Draft} [focus] @param {string} [part] */
  #redraw(focus, part = "[data-field]") {
    this.draw();
    const line = focus ? this.element.querySelector(`[data-id="${focus.id}"]`) : null;
    const target = line?.querySelector(part) ?? line?.querySelector("select, button");
    /** @type {HTMLElement | null | undefined} */ (target)?.focus();
    this.#changed();
  }

  draw() {
    this.element.replaceChildren(this.#group(this.root, 0));
    this.#markUnfinished();
  }

  #markUnfinished() {
    for (const row of rowsOf(this.root)) {
      const note = this.element.querySelector(`[data-id="${row.id}"] > .rule-note`);
      if (!note) continue;
      const isFinished = this.isFinished(row);
      note.classList.toggle("unfinished", !isFinished);
      if (!isFinished) note.textContent = row.field === null && row.op === "" ? "Choose a field. Until then this row is not part of the rule." : "Give it a value. Until then this row is not part of the rule.";
      else if (note.textContent?.includes("Until then")) note.textContent = "";
    }
  }

  /**
   * What each row keeps by itself, in the order of the text.
   * @param {Counted["criteria"]} criteria
   * @param {number} parent
   */
  tell(criteria, parent) {
    const rows = rowsOf(this.root).filter((row) => this.isFinished(row));
    rows.forEach((row, at) => {
      const note = this.element.querySelector(`[data-id="${row.id}"] > .rule-note`);
      if (!note || note.classList.contains("wrong")) return;
      const one = criteria?.[at];
      note.replaceChildren(...(one ? [
        make("span", {}, [`keeps ${whole.format(one.keeps)} of ${whole.format(parent)} by itself`]),
        one.missing ? make("span", { class: "lost" }, [`; ${counted(one.missing, "account has", "accounts have")} no value here`]) : null,
      ].filter((part) => part !== null) : []));
    });
  }

  /** @param {Tree | null} tree as read @param {Problem[]} problems each is shown at its row */
  complain(tree, problems) {
    const tests = tree ? testsOf(tree) : [];
    const rows = rowsOf(this.root).filter((row) => this.isFinished(row));
    rows.forEach((row, at) => {
      const line = this.element.querySelector(`[data-id="${row.id}"]`);
      const note = line?.querySelector(":scope > .rule-note");
      const place = tests[at]?.at;
      const own = place ? problems.filter(({ line: l, column }) => l === place[0] && column !== undefined && column >= place[1] && column < place[1] + place[2]) : [];
      line?.classList.toggle("wrong", own.length > 0);
      note?.classList.toggle("wrong", own.length > 0);
      if (note && own.length > 0) note.textContent = own.map(({ message, fix }) => `${message} ${fix ?? ""}`.trim()).join(" ");
    });
  }

  // --- groups ---------------------------------------------------------------------------------------------------------

  /** @param {Group} group @param {number} depth @returns {HTMLElement} */
  #group(group, depth) {
    const isRoot = group === this.root;
    const label = `rule-group-${group.id}`;
    const mode = make("select", { class: "rule-mode", "aria-label": isRoot ? "Accounts belong here when" : "Group: how its parts are joined" },
      MODES.filter(([, , negated]) => !isRoot || !negated).map(([words, join, negated]) =>
        make("option", { value: `${join} ${negated}`, selected: join === group.join && negated === group.negated }, [words])));
    mode.addEventListener("change", () => {
      const [join, negated] = mode.value.split(" ");
      group.join = join;
      group.negated = negated === "true";
      this.#redraw(group, ".rule-mode");
    });
    const parts = make("ol", { class: "rule-parts" }, group.parts.map((part) =>
      make("li", {}, [part.kind === "group" ? this.#group(part, depth + 1) : this.#row(part)])));
    const head = make("div", { class: "rule-head" }, [
      isRoot ? make("span", { class: "rule-lead", id: label }, ["Accounts belong here when"]) : this.#grip(group, "this group"),
      mode,
      isRoot ? null : make("span", { class: "spacer" }),
      isRoot ? null : this.#menu(group, "this group"),
      isRoot ? null : button("Remove this group", { class: "icon-button rule-x" }, () => this.#remove(group), "close"),
    ]);
    const empty = make("div", { class: "empty compact rule-nothing" }, [
      make("p", {}, ["No criterion: a grouping."]),
      make("p", { class: "muted small" }, ["It hands what is above it on to the territories below, and wins nothing itself. Add a criterion, or paste a rule as text."]),
    ]);
    const add = make("div", { class: "rule-add row" }, [
      button("+ Criterion", { class: "button small", "data-add": "row" }, () => this.#add(group, newRow())),
      button("+ Group", { class: "button small quiet", "data-add": "group" }, () => this.#add(group, newGroup([newRow()], { join: group.join === "and" ? "or" : "and" }))),
    ]);
    const box = make("div", { class: `rule-group${isRoot ? " root" : ""}${depth > 6 ? " deep" : ""}`, "data-id": String(group.id), role: "group", "aria-label": isRoot ? "Rule" : "Group" }, [
      head, isRoot && group.parts.length === 0 ? empty : parts, add,
    ]);
    return box;
  }

  /** @param {Group} group @param {Draft} part */
  #add(group, part) {
    group.parts.push(part);
    this.#redraw(part);
  }

  /** @param {Draft} draft */
  #remove(draft) {
    const rows = rowsOf(this.root);
    const first = rowsOf(draft)[0];
    const at = first ? rows.indexOf(first) : 0;
    remove(this.root, draft);
    const left = rowsOf(this.root);
    const next = left[Math.min(at, left.length - 1)];
    this.#redraw(next ?? this.root, next ? "[data-field]" : "[data-add]");
  }

  // --- rows -----------------------------------------------------------------------------------------------------------

  /** @param {Row} row @returns {HTMLElement} */
  #row(row) {
    const field = row.field === null ? null : this.fields.get(row.field) ?? null;
    const call = this.functions.get(row.op) ?? null;
    const label = field?.label ?? (call ? call.label : "Criterion");
    const operators = this.#operatorChoice(row, field, label);
    const line = make("div", { class: "rule-row", "data-id": String(row.id), role: "group", "aria-label": label }, [
      this.#grip(row, label),
      this.#fieldChoice(row, field),
      operators,
      row.op === "" ? make("div", { class: "rule-values" }) : valueEditor({
        row, field, label, offer: this.offer, api: this.options.api, currency: this.options.currency, changed: () => this.#changed(),
      }, this.#takes(row), call),
      make("div", { class: "rule-tools" }, [
        this.#menu(row, label),
        button(`Remove ${label}`, { class: "icon-button rule-x" }, () => this.#remove(row), "close"),
      ]),
      make("p", { class: "rule-note small" }),
    ]);
    return line;
  }

  /** @param {Row} row @param {Field | null} field */
  #fieldChoice(row, field) {
    const groups = new Map();
    for (const one of this.offer.fields) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
    const call = this.functions.get(row.op);
    const isLocation = row.field === null && call?.subject === "location";
    const select = make("select", { "aria-label": "Field", "data-field": true }, [
      make("option", { value: "", selected: row.field === null && !isLocation }, ["Choose a field"]),
      ...[...groups].map(([name, fields]) => make("optgroup", { label: name }, [
        ...fields.map((/** @type {Field} */ one) => make("option", { value: one.name, selected: field === one }, [one.label])),
        ...(name === "Place" ? [make("option", { value: "\tlocation", selected: isLocation }, ["Location on the map"])] : []),
      ])),
      row.field !== null && !field ? make("option", { value: row.field, selected: true }, [`${row.field} (unknown)`]) : null,
    ].filter((one) => one !== null));
    select.addEventListener("change", () => this.#chooseField(row, select.value));
    return select;
  }

  /** @param {Row} row @param {string} name */
  #chooseField(row, name) {
    const before = row.field === null ? null : this.fields.get(row.field);
    if (name === "\tlocation") {
      const [first] = this.offer.functions.filter(({ subject }) => subject === "location");
      Object.assign(row, { field: null, op: first.name, values: [] });
    } else {
      const field = this.fields.get(name);
      // A number may mean something for the next field too; a state is no postal code.
      const keeps = field && before?.kind === field.kind && field.kind !== "text" && field.kind !== "list";
      row.field = name || null;
      if (!field?.operators.includes(row.op)) row.op = this.#usual(field);
      if (!keeps) row.values = [];
    }
    this.#redraw(row, ".rule-values input, .rule-values select");
  }

  /** @param {Field | undefined} field its most usual operator: text is mostly one of several, numbers have a limit */
  #usual(field) {
    if (!field) return "";
    const usual = field.kind === "text" ? "in" : ["number", "money", "date", "instant"].includes(field.kind) ? ">=" : field.operators[0];
    return field.operators.includes(usual) ? usual : field.operators[0];
  }

  /** @param {Row} row @param {Field | null} field @param {string} label */
  #operatorChoice(row, field, label) {
    const isDate = field?.kind === "date" || field?.kind === "instant";
    const location = this.offer.functions.filter(({ subject }) => subject === "location").map(({ name }) => name);
    const names = field ? field.operators : row.op !== "" && location.includes(row.op) ? location : row.op ? [row.op] : [];
    const words = (/** @type {string} */ op) => {
      const operator = this.operators.get(op);
      return operator ? (isDate ? operator.date_label : operator.label) : this.functions.get(op)?.label ?? op;
    };
    const known = names.includes(row.op) || row.op === "" ? names : [...names, row.op];
    const options = known.flatMap((op) => [
      make("option", { value: op, selected: op === row.op && !row.negated, title: this.functions.get(op)?.description }, [words(op)]),
      // The language says most things with an operator of its own; what it has none for is turned round by "not".
      ...(this.#hasOpposite(op) && !(op === row.op && row.negated) ? [] : [make("option", { value: `not ${op}\t`, selected: op === row.op && row.negated }, [`not: ${words(op)}`])]),
    ]);
    const select = make("select", { "aria-label": `${label}: operator`, "data-op": true, disabled: known.length === 0 }, options);
    select.addEventListener("change", () => {
      const isNot = select.value.endsWith("\t");
      const op = isNot ? select.value.slice(4, -1) : select.value;
      const before = this.#takes(row);
      const had = this.functions.get(row.op);
      row.op = op;
      row.negated = isNot;
      const after = this.#takes(row);
      if (after === "none" || after === "list" || before === "list" || after === "arguments" || had?.takes === "arguments") row.values = [];
      else if (after === "one") row.values = row.values.slice(0, 1);
      else if (after === "two") row.values = row.values.slice(0, 2);
      this.#redraw(row, "[data-op]");
    });
    return select;
  }

  /** @param {string} op */
  #hasOpposite(op) {
    return this.operators.has(op) && op !== "between";
  }

  // --- moving ---------------------------------------------------------------------------------------------------------

  /** @param {Draft} draft @param {string} label */
  #grip(draft, label) {
    return make("span", { class: "rule-grip", draggable: "true", "data-grip": String(draft.id), "aria-hidden": "true", title: `Drag ${label}` }, [icon("menu")]);
  }

  /** @param {Draft} draft @param {string} label */
  #menu(draft, label) {
    const act = (/** @type {string} */ words, /** @type {string} */ keys, /** @type {() => void} */ does) => {
      const made = button(words, {}, does);
      if (keys) made.append(make("kbd", {}, [keys]));
      return made;
    };
    const menu = make("details", { class: "menu" }, [
      make("summary", { class: "icon-button", "aria-label": `More for ${label}`, title: "More" }, [icon("more")]),
      make("div", { class: "menu-list" }, [
        act("Move up", "Alt ↑", () => this.#move(draft, -1)),
        act("Move down", "Alt ↓", () => this.#move(draft, 1)),
        act("Duplicate", "Alt D", () => this.#duplicate(draft)),
        act("Put in a group", "Alt →", () => this.#wrap(draft)),
        draft.kind === "group" ? act("Dissolve the group", "Alt ←", () => this.#unwrap(draft)) : act("Take out of its group", "Alt ←", () => this.#out(draft)),
      ]),
    ]);
    return menu;
  }

  /** @param {Draft} draft @param {-1 | 1} step */
  #move(draft, step) {
    if (move(this.root, draft, step)) this.#redraw(draft);
  }

  /** @param {Draft} draft */
  #duplicate(draft) {
    const group = parentOf(this.root, draft.id);
    if (!group) return;
    const copy = copyOf(draft);
    group.parts.splice(group.parts.indexOf(draft) + 1, 0, copy);
    this.#redraw(copy);
  }

  /** @param {Draft} draft */
  #wrap(draft) {
    wrap(this.root, draft);
    this.#redraw(draft);
  }

  /** @param {Group} group */
  #unwrap(group) {
    const [first] = group.parts;
    unwrap(this.root, group);
    this.#redraw(first ?? this.root);
  }

  /** @param {Draft} draft */
  #out(draft) {
    const group = parentOf(this.root, draft.id);
    const above = group && parentOf(this.root, group.id);
    if (!group || !above) return;
    const at = above.parts.indexOf(group) + 1;
    group.parts = group.parts.filter((part) => part !== draft);
    above.parts.splice(at, 0, draft);
    if (group.parts.length === 0) remove(this.root, group);
    this.#redraw(draft);
  }

  /** @param {EventTarget | null} target @returns {Draft | null} */
  #at(target) {
    const line = target instanceof Element ? target.closest("[data-id]") : null;
    const id = Number(line?.getAttribute("data-id"));
    return line ? this.#find(this.root, id) : null;
  }

  /** @param {Draft} draft @param {number} id @returns {Draft | null} */
  #find(draft, id) {
    if (draft.id === id) return draft;
    if (draft.kind === "row") return null;
    return draft.parts.map((part) => this.#find(part, id)).find((one) => one !== null) ?? null;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const draft = this.#at(event.target);
    if (!draft || !event.altKey || event.ctrlKey || event.metaKey || draft === this.root) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowUp: () => this.#move(draft, -1),
      ArrowDown: () => this.#move(draft, 1),
      ArrowRight: () => this.#wrap(draft),
      ArrowLeft: () => (draft.kind === "group" ? this.#unwrap(draft) : this.#out(draft)),
      d: () => this.#duplicate(draft),
      Delete: () => this.#remove(draft),
    };
    const act = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** @param {DragEvent} event */
  #dragStart(event) {
    const grip = event.target instanceof Element ? event.target.closest("[data-grip]") : null;
    if (!grip) return;
    this.dragged = this.#find(this.root, Number(grip.getAttribute("data-grip")));
    event.dataTransfer?.setData("text/plain", "");
    grip.closest("[data-id]")?.classList.add("dragged");
  }

  /** @param {DragEvent} event */
  #dragOver(event) {
    if (!this.dragged) return;
    event.preventDefault();
    for (const line of this.element.querySelectorAll(".over")) line.classList.remove("over");
    const line = event.target instanceof Element ? event.target.closest("[data-id]") : null;
    line?.classList.add("over");
  }

  /** @param {DragEvent} event */
  #dropped(event) {
    event.preventDefault();
    const target = this.#at(event.target);
    const { dragged } = this;
    this.#dragEnd();
    if (dragged && target && drop(this.root, dragged, target)) this.#redraw(dragged);
  }

  #dragEnd() {
    this.dragged = null;
    for (const line of this.element.querySelectorAll(".over, .dragged")) line.classList.remove("over", "dragged");
  }
}

/** @param {Tree} tree @returns {TestTree[]} */
function testsOf(tree) {
  if (tree.kind === "test") return [tree];
  return tree.kind === "not" ? testsOf(tree.part) : tree.parts.flatMap(testsOf);
}
