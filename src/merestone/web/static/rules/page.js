/**
 * The rule editor: keeps builder and text in step, counts while one writes, and asks before work is lost.
 * @import { Case, CaseResult, Config, Counted, Example, Offer, Problem, Reading, Tree } from "./types"
 */

import { Api, Refusal, isCancelled, later } from "./api.js";
import { Builder } from "./builder.js";
import { byId } from "./dom.js";
import { MatchMap } from "./map.js";
import { Results, showCases } from "./results.js";
import { TextSide } from "./text.js";

class Page {
  /** @param {Config} config @param {Api} api @param {Offer} offer */
  constructor(config, api, offer) {
    this.config = config;
    this.api = api;
    this.form = /** @type {HTMLFormElement} */ (byId("rule-form"));
    this.isDirty = false;
    /** @type {Problem[]} */
    this.problems = [];
    this.casesField = /** @type {HTMLInputElement} */ (byId("rule-cases-field"));
    /** @type {Case[]} */
    this.cases = JSON.parse(this.casesField.value || "[]");
    this.builder = new Builder(byId("rule-builder"), {
      offer, api, currency: config.currency, changed: (tree) => { this.#touched(); this.writeSoon(tree); },
    });
    this.text = new TextSide({
      area: /** @type {HTMLTextAreaElement} */ (byId("rule-where")), list: byId("rule-problems"), english: byId("rule-english"),
      changed: (text) => { this.#touched(); this.readSoon(text); },
    });
    this.results = new Results(config, { addCase: (example) => this.#addCase(example) });
    this.map = new MatchMap(byId("rule-map"), config.urls);
    this.writeSoon = later((tree) => this.#write(tree), 60);
    this.readSoon = later((text) => this.#read(text), 250);
    this.countSoon = later(() => this.#count(), 180);
  }

  async open() {
    byId("rule-builder").hidden = false;
    byId("rule-title").closest(".rule-editor")?.classList.add("live");
    this.#wire();
    await this.#read(this.text.area.value);
  }

  #touched() {
    this.isDirty = true;
    byId("rule-difference").classList.add("outdated");
  }

  /** @param {Tree | null} tree the builder was changed: the text follows */
  async #write(tree) {
    await this.#take("rule", "rules/write", { tree, model: this.config.model }, (reading) => {
      this.text.write(reading.text);
      this.builder.complain(reading.tree, reading.problems);
    });
  }

  /** @param {string} text the text was changed: the builder follows, when it can be read */
  async #read(text) {
    await this.#take("rule", "rules/read", { text, model: this.config.model }, (reading) => {
      const isReadable = reading.tree !== null || text.trim() === "";
      byId("rule-builder").classList.toggle("behind", !isReadable);
      byId("rule-builder").inert = !isReadable;
      if (!isReadable) return;
      this.builder.show(reading.tree);
      this.builder.complain(reading.tree, reading.problems);
    });
  }

  /**
   * @param {string} kind
   * @param {string} path
   * @param {unknown} body
   * @param {(reading: Reading) => void} use
   */
  async #take(kind, path, body, use) {
    try {
      /** @type {Reading} */
      const reading = await this.api.ask(kind, path, body);
      this.problems = reading.problems;
      use(reading);
      this.#tell(reading);
      if (reading.problems.length === 0) this.countSoon();
      else this.results.clear();
    } catch (error) {
      if (isCancelled(error)) return;
      if (!(error instanceof Refusal)) throw error;
      this.problems = error.problems.length ? error.problems : [{ code: "refused", message: error.message }];
      this.text.tell(this.problems, "");
      this.results.clear();
    }
  }

  /** @param {Reading} reading */
  #tell(reading) {
    const words = reading.problems.length > 0 ? ""
      : reading.english ? `Accounts where ${reading.english.slice(0, 1).toLowerCase()}${reading.english.slice(1)}.`
        : "No rule: a grouping. It hands what is above it on to the territories below.";
    this.text.tell(reading.problems, words);
  }

  async #count() {
    const where = this.text.area.value;
    const asked = { model: this.config.model, territory: this.config.territory, where };
    const priority = Number(/** @type {HTMLInputElement} */ (byId("rule-priority")).value);
    this.results.wait(true);
    // What is to be said beside the whole model may take longer than counting; neither waits for the other.
    this.#check(asked);
    try {
      const counted = await this.api.ask("count", "rules/count", Number.isInteger(priority) ? { ...asked, priority } : asked);
      this.results.wait(false);
      this.#counted(counted);
    } catch (error) {
      if (isCancelled(error)) return;
      this.results.wait(false);
      if (!(error instanceof Refusal)) throw error;
      this.results.clear();
    }
  }

  /** @param {{ model: string, territory: string, where: string }} asked */
  async #check(asked) {
    try {
      const checked = await this.api.ask("check", "rules/check", { ...asked, cases: this.cases });
      if (this.text.area.value === asked.where) this.#checked(checked);
    } catch (error) {
      if (!isCancelled(error) && !(error instanceof Refusal)) throw error;
    }
  }

  /** @param {Counted} counted */
  #counted(counted) {
    this.results.show(counted);
    this.builder.tell(counted.criteria, counted.parent);
    this.map.show(counted).catch((error) => {
      console.warn("The small map could not be drawn.", error);
      byId("rule-map").textContent = "The map could not be drawn.";
    });
    this.form.dataset.counted = "true";
  }

  /** @param {{ problems: Problem[], cases: CaseResult[] }} checked */
  #checked({ problems, cases }) {
    const english = byId("rule-english").textContent ?? "";
    this.text.tell(problems, english);
    showCases(cases, {
      remove: (at) => this.#setCases(this.cases.filter((_, other) => other !== at)),
      expect: (at, expect) => this.#setCases(this.cases.map((one, other) => (other === at ? { ...one, expect } : one))),
    });
  }

  /** @param {Example} example */
  #addCase(example) {
    const expect = example.winner === this.config.territory ? "win" : "match";
    this.#setCases([...this.cases, { record: example.record, expect }]);
    byId("rule-cases").scrollIntoView({ block: "nearest" });
  }

  /** @param {Case[]} cases */
  #setCases(cases) {
    this.cases = cases;
    this.casesField.value = JSON.stringify(cases);
    this.#touched();
    this.#count();
  }

  #wire() {
    this.form.addEventListener("input", () => this.#touched());
    byId("rule-priority").addEventListener("input", () => this.countSoon());
    this.form.addEventListener("submit", () => { this.isDirty = false; });
    addEventListener("beforeunload", (event) => { if (this.isDirty) event.preventDefault(); });
    document.body.addEventListener("htmx:afterSwap", (event) => {
      const target = /** @type {CustomEvent} */ (event).detail.target;
      if (target instanceof Element && target.id === "rule-difference") target.classList.remove("outdated");
    });
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
      event.preventDefault();
      /** @type {HTMLButtonElement | null} */ (document.querySelector("button[name=action][value=save]"))?.click();
    });
  }
}

async function start() {
  /** @type {Config} */
  const config = JSON.parse(byId("rule-config").textContent ?? "{}");
  const api = new Api(config);
  const offer = await api.ask("fields", `rules/fields?${new URLSearchParams({ model: config.model })}`);
  await new Page(config, api, offer).open();
}

start().catch((error) => console.error("The builder could not be opened; the text can still be edited.", error));
