/**
 * The plan as it stands in this browser: who has which unit, what is locked, the sums, the balance, the pieces, and the
 * way back. A change costs what it touches: sums move by the units' amounts, and only the territories that gave or took
 * are looked through again for their pieces.
 * @import { Can, Changed, Line, ScenarioData, Step } from "./types"
 */

export const NOBODY = -1;
/** Steps kept here for undo before the server has to be asked. */
const MAX_STEPS = 500;

export class Plan {
  /**
   * @param {ScenarioData} data
   * @param {[string, string]} [noun] one unit and many, for the words of steps
   */
  constructor(data, noun = ["unit", "units"]) {
    const { units, neighbours } = data;
    this.data = data;
    this.noun = noun;
    this.n = units.id.length;
    this.k = data.territories.length;
    this.territory = Int32Array.from(units.territory);
    this.live = Int32Array.from(units.live);
    this.locked = Uint8Array.from(units.locked);
    this.amounts = data.measures.map(({ key }) => Float64Array.from(units.amounts[key] ?? new Array(this.n).fill(0)));
    this.starts = Int32Array.from(neighbours.starts);
    this.neighbours = Int32Array.from(neighbours.units);
    /** Sums by measure, then territory. */
    this.sums = data.measures.map(() => new Float64Array(this.k));
    this.counts = new Int32Array(this.k);
    this.pieces = new Int32Array(this.k);
    /** @type {Step[]} */
    this.done = [];
    /** @type {Step[]} */
    this.undone = [];
    this.#seen = new Uint8Array(this.n);
    this.#queue = new Int32Array(this.n);
    this.#sumUp();
  }

  #seen;
  #queue;

  #sumUp() {
    for (const sums of this.sums) sums.fill(0);
    this.counts.fill(0);
    for (let unit = 0; unit < this.n; unit += 1) this.#add(unit, this.territory[unit], 1);
    this.#countPieces(new Set(this.counts.keys()));
  }

  /**
   * @param {number} unit
   * @param {number} territory
   * @param {1 | -1} sign
   */
  #add(unit, territory, sign) {
    if (territory < 0) return;
    this.counts[territory] += sign;
    for (let place = 0; place < this.sums.length; place += 1) this.sums[place][territory] += sign * this.amounts[place][unit];
  }

  /**
   * Floods the units of the territories named.
   * @param {Set<number>} territories
   */
  #countPieces(territories) {
    for (const territory of territories) if (territory >= 0) this.pieces[territory] = 0;
    const seen = this.#seen.fill(0);
    const queue = this.#queue;
    for (let start = 0; start < this.n; start += 1) {
      const territory = this.territory[start];
      if (territory < 0 || seen[start] || !territories.has(territory)) continue;
      this.pieces[territory] += 1;
      let end = 1;
      queue[0] = start;
      seen[start] = 1;
      for (let place = 0; place < end; place += 1) {
        const unit = queue[place];
        for (let edge = this.starts[unit]; edge < this.starts[unit + 1]; edge += 1) {
          const other = this.neighbours[edge];
          if (seen[other] || this.territory[other] !== territory) continue;
          seen[other] = 1;
          queue[end] = other;
          end += 1;
        }
      }
    }
  }

  /**
   * Gives units to a territory; what is locked stays.
   * @param {Iterable<number>} units
   * @param {number} territory or NOBODY
   * @returns {Step | null} null when nothing changes
   */
  assign(units, territory) {
    const moved = [...units].filter((unit) => !this.locked[unit] && this.territory[unit] !== territory);
    if (moved.length === 0) return null;
    const name = territory < 0 ? "nobody" : this.data.territories[territory].name;
    return this.#take(this.#step(`Assign ${this.#count(moved)} to ${name}`, moved, { territory }));
  }

  /**
   * @param {Iterable<number>} units
   * @param {boolean} isLocked
   * @returns {Step | null}
   */
  lock(units, isLocked) {
    const turned = [...units].filter((unit) => Boolean(this.locked[unit]) !== isLocked);
    if (turned.length === 0) return null;
    return this.#take(this.#step(`${isLocked ? "Lock" : "Unlock"} ${this.#count(turned)}`, turned, { locked: isLocked ? 1 : 0 }));
  }

  /** @param {number[]} units */
  #count(units) {
    return `${units.length} ${this.noun[units.length === 1 ? 0 : 1]}`;
  }

  /**
   * @param {string} words
   * @param {number[]} units
   * @param {{ territory?: number, locked?: number }} becomes
   * @returns {Step}
   */
  #step(words, units, { territory, locked }) {
    const territoryBefore = Int32Array.from(units, (unit) => this.territory[unit]);
    const lockedBefore = Uint8Array.from(units, (unit) => this.locked[unit]);
    return {
      words, units: Int32Array.from(units), territoryBefore, lockedBefore,
      territoryAfter: territory === undefined ? territoryBefore : new Int32Array(units.length).fill(territory),
      lockedAfter: locked === undefined ? lockedBefore : new Uint8Array(units.length).fill(locked),
    };
  }

  /** @param {Step} step */
  #take(step) {
    this.#put(step.units, step.territoryAfter, step.lockedAfter);
    this.done.push(step);
    if (this.done.length > MAX_STEPS) this.done.shift();
    this.undone = [];
    return step;
  }

  /** @returns {Step | null} null when this browser knows no step to undo */
  undo() {
    const step = this.done.pop();
    if (!step) return null;
    this.#put(step.units, step.territoryBefore, step.lockedBefore);
    this.undone.push(step);
    return step;
  }

  /** @returns {Step | null} */
  redo() {
    const step = this.undone.pop();
    if (!step) return null;
    this.#put(step.units, step.territoryAfter, step.lockedAfter);
    this.done.push(step);
    return step;
  }

  /**
   * A step the server took back or made again, which this browser did not know.
   * @param {Changed} changed
   * @param {"undo" | "redo"} verb
   * @param {string} words
   */
  learn({ units, territory, locked }, verb, words) {
    const now = this.#step(words, units, {});
    const then = { territory: Int32Array.from(territory), locked: Uint8Array.from(locked) };
    const step = verb === "undo"
      ? { ...now, territoryBefore: then.territory, lockedBefore: then.locked }
      : { ...now, territoryAfter: then.territory, lockedAfter: then.locked };
    this.#put(units, territory, locked);
    (verb === "undo" ? this.undone : this.done).push(step);
  }

  /** Forgets the way back, when the server's steps are no longer those known here. */
  forget() {
    this.done = [];
    this.undone = [];
  }

  /**
   * Takes over what the server says these units are.
   * @param {Changed} changed
   * @returns {number} how many differed
   */
  apply({ units, territory, locked }) {
    const differing = units.map((_, place) => place).filter((place) =>
      this.territory[units[place]] !== territory[place] || this.locked[units[place]] !== locked[place]);
    if (differing.length > 0) {
      const pick = (/** @type {number[]} */ column) => differing.map((place) => column[place]);
      this.#put(pick(units), pick(territory), pick(locked));
    }
    return differing.length;
  }

  /**
   * @param {ArrayLike<number>} units
   * @param {ArrayLike<number>} territories
   * @param {ArrayLike<number>} locked
   */
  #put(units, territories, locked) {
    const touched = new Set();
    for (let place = 0; place < units.length; place += 1) {
      const unit = units[place];
      this.locked[unit] = locked[place];
      const [before, after] = [this.territory[unit], territories[place]];
      if (before === after) continue;
      this.#add(unit, before, -1);
      this.#add(unit, after, 1);
      this.territory[unit] = after;
      touched.add(before).add(after);
    }
    if (touched.size > 0) this.#countPieces(touched);
  }

  /** Places of the measures that are to be balanced; all of them when none was chosen. */
  get counted() {
    const chosen = new Set(this.data.settings.balances.map(({ measure }) => measure));
    const places = this.data.measures.map((_, place) => place);
    const found = places.filter((place) => chosen.has(this.data.measures[place].key));
    return found.length > 0 ? found : places;
  }

  /** @returns {number[]} the mean of the territories, by measure */
  means() {
    return this.sums.map((sums) => sums.reduce((total, value) => total + value, 0) / Math.max(1, this.k));
  }

  /** @returns {Line[]} one per territory, in their order */
  lines() {
    const means = this.means();
    const { counted } = this;
    return this.data.territories.map((_, territory) => {
      const amounts = this.sums.map((sums) => sums[territory]);
      const index = amounts.map((amount, place) => (means[place] > 0 ? (100 * amount) / means[place] : null));
      const worst = counted.reduce((most, place) => Math.max(most, Math.abs((index[place] ?? 100) / 100 - 1)), 0);
      return { territory, units: this.counts[territory], amounts, index, pieces: this.pieces[territory], worst };
    });
  }

  /**
   * What units bring together, by measure.
   * @param {Iterable<number>} units
   */
  amountsOf(units) {
    const totals = new Array(this.amounts.length).fill(0);
    for (const unit of units) this.amounts.forEach((amounts, place) => { totals[place] += amounts[unit]; });
    return totals;
  }

  /** How many units nobody has, and how many are not where they are today. */
  get nobodys() {
    return this.territory.reduce((n, territory) => n + (territory < 0 ? 1 : 0), 0);
  }

  get moved() {
    return this.territory.reduce((n, territory, unit) => n + (territory !== this.live[unit] ? 1 : 0), 0);
  }

  /** @returns {Can} */
  get can() {
    return { undo: this.done.at(-1)?.words ?? null, redo: this.undone.at(-1)?.words ?? null };
  }
}

/**
 * The territory farthest from the mean.
 * @param {Line[]} lines
 */
export const worstOf = (lines) => lines.reduce((worst, line) => (line.worst > worst.worst ? line : worst), lines[0]);
