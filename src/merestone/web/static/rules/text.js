/**
 * The rule as text: what is wrong is underlined where it stands, and mended by a button where the server knows how.
 * @import { Problem } from "./types"
 */

import { button, icon, make } from "./dom.js";

export class TextSide {
  /**
   * @param {{ area: HTMLTextAreaElement, list: HTMLElement, english: HTMLElement, changed: (text: string) => void }} options
   */
  constructor(options) {
    this.options = options;
    this.area = options.area;
    this.marks = /** @type {HTMLElement} */ (this.area.previousElementSibling);
    this.area.addEventListener("input", () => {
      this.#grow();
      this.#draw([]);
      options.changed(this.area.value);
    });
    this.area.addEventListener("scroll", () => this.#follow());
    new ResizeObserver(() => this.#follow()).observe(this.area);
    this.#grow();
  }

  /** @param {string} text */
  write(text) {
    if (this.area.value === text) return;
    this.area.value = text;
    this.#grow();
  }

  /** @param {Problem[]} problems @param {string} english */
  tell(problems, english) {
    this.#draw(problems.filter(({ severity }) => severity !== "warning"));
    this.options.list.replaceChildren(...problems.slice(0, 20).map((problem) => this.#problem(problem)));
    this.area.setAttribute("aria-invalid", String(problems.some(({ severity }) => severity !== "warning")));
    this.options.english.textContent = english;
  }

  /** @param {Problem} problem */
  #problem(problem) {
    const isWarning = problem.severity === "warning";
    const words = make("span", {}, [`${problem.message} ${problem.fix ?? ""}`.trim()]);
    const place = problem.line === undefined ? null
      : button(`line ${problem.line}, column ${problem.column}`, { class: "link-button" }, () => this.#goTo(problem));
    const fix = typeof problem.replacement === "string"
      ? button(problem.replacement === "" ? "Remove it" : `Use ${shorten(problem.replacement)}`, { class: "button small" }, () => this.#mend(problem)) : null;
    return make("p", { class: `rule-problem ${isWarning ? "warning" : "error"}` }, [icon("warning"), make("span", {}, [place, place ? " " : null, words]), fix]);
  }

  /** @param {Problem} problem */
  #range(problem) {
    const lines = this.area.value.split("\n");
    const before = lines.slice(0, (problem.line ?? 1) - 1).reduce((sum, line) => sum + line.length + 1, 0);
    // Columns count characters, a textarea counts UTF-16 units.
    const rest = Array.from(this.area.value.slice(before));
    const start = before + rest.slice(0, (problem.column ?? 1) - 1).join("").length;
    const end = start + rest.slice((problem.column ?? 1) - 1, (problem.column ?? 1) - 1 + (problem.length ?? 1)).join("").length;
    return { start, end };
  }

  /** @param {Problem} problem */
  #goTo(problem) {
    const { start, end } = this.#range(problem);
    this.area.focus();
    this.area.setSelectionRange(start, end);
  }

  /** @param {Problem} problem */
  #mend(problem) {
    const { start, end } = this.#range(problem);
    this.area.focus();
    this.area.setRangeText(problem.replacement ?? "", start, end, "end");
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** @param {Problem[]} problems */
  #draw(problems) {
    const text = this.area.value;
    const ranges = problems.filter(({ line }) => line !== undefined).map((problem) => this.#range(problem)).sort((a, b) => a.start - b.start);
    /** @type {(Node | string)[]} */
    const parts = [];
    let at = 0;
    for (const { start, end } of ranges) {
      if (start < at) continue;
      parts.push(text.slice(at, start), make("mark", {}, [text.slice(start, end) || " "]));
      at = Math.max(end, start);
    }
    this.marks.replaceChildren(...parts, `${text.slice(at)}\n`);
    this.#follow();
  }

  #follow() {
    this.marks.scrollTop = this.area.scrollTop;
    this.marks.style.setProperty("width", `${this.area.clientWidth + 2}px`);
  }

  #grow() {
    this.area.style.setProperty("height", "auto");
    this.area.style.setProperty("height", `${Math.min(Math.max(this.area.scrollHeight + 4, 150), 420)}px`);
  }
}

/** @param {string} text */
const shorten = (text) => (text.length > 32 ? `${text.slice(0, 31)}…` : text);
