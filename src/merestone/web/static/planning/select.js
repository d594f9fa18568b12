/**
 * Box and lasso over the map. While one of them is chosen, or Shift is held, a sheet lies over the map and takes the
 * pointer; a plain click on it selects the county under it, so nothing here needs a drag.
 * @import { MapView } from "../map/types"
 * @import { ToolName } from "./types"
 */

const DRAG_PIXELS = 5;
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {[number, number]} Point */

/**
 * @param {Point} point
 * @param {Point[]} ring
 */
export function isInside([x, y], ring) {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
    const [ax, ay] = ring[i];
    const [bx, by] = ring[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

export class Sheet {
  /**
   * @param {HTMLElement} stage the map's own element; the sheet covers it
   * @param {{
   *   view: () => MapView | null,
   *   onArea: (isInside: (point: Point) => boolean, isAdding: boolean) => void,
   *   onClick: (fips: string | null, isAdding: boolean) => void,
   * }} options
   */
  constructor(stage, options) {
    this.options = options;
    /** @type {ToolName} */
    this.tool = "move";
    this.isShift = false;
    /** @type {Point[]} */
    this.points = [];
    this.element = document.createElementNS(SVG, "svg");
    this.element.classList.add("planning-sheet");
    this.element.setAttribute("aria-hidden", "true");
    this.path = document.createElementNS(SVG, "path");
    this.element.append(this.path);
    stage.after(this.element);
    this.#listen();
    this.#show();
  }

  /** @param {ToolName} tool */
  use(tool) {
    this.tool = tool;
    this.#show();
  }

  get isOpen() {
    return this.tool !== "move" || this.isShift;
  }

  #show() {
    this.element.classList.toggle("open", this.isOpen || this.points.length > 0);
  }

  #listen() {
    const { element } = this;
    const shift = (/** @type {boolean} */ isShift) => {
      this.isShift = isShift;
      this.#show();
    };
    addEventListener("keydown", (event) => event.key === "Shift" && shift(true));
    addEventListener("keyup", (event) => event.key === "Shift" && shift(false));
    addEventListener("blur", () => shift(false));
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      this.points = [[event.offsetX, event.offsetY]];
    });
    element.addEventListener("pointermove", (event) => {
      if (this.points.length === 0) return;
      /** @type {Point} */
      const here = [event.offsetX, event.offsetY];
      if (this.tool === "lasso") this.points.push(here);
      else this.points = [this.points[0], here];
      this.#draw();
    });
    element.addEventListener("pointerup", (event) => this.#finish(event));
    element.addEventListener("pointercancel", () => this.cancel());
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.options.view()?.zoomBy(-event.deltaY / 300);
    }, { passive: false });
  }

  /** Forgets a drag that has begun; returns whether there was one. */
  cancel() {
    const had = this.points.length > 0;
    this.points = [];
    this.path.setAttribute("d", "");
    this.#show();
    return had;
  }

  /** @returns {Point[]} the corners of what is drawn */
  get ring() {
    const [first] = this.points;
    const last = this.points[this.points.length - 1];
    return this.tool === "lasso" ? this.points : [first, [last[0], first[1]], last, [first[0], last[1]]];
  }

  #draw() {
    this.path.setAttribute("d", `M${this.ring.map((point) => point.join(" ")).join("L")}Z`);
  }

  /** @param {PointerEvent} event */
  #finish(event) {
    if (this.points.length === 0) return;
    const { ring } = this;
    const [start] = this.points;
    const reach = Math.max(...this.points.map(([x, y]) => Math.hypot(x - start[0], y - start[1])));
    const isAdding = event.shiftKey;
    this.cancel();
    if (reach < DRAG_PIXELS) this.options.onClick(this.options.view()?.countyAt(start[0], start[1]) ?? null, isAdding);
    else this.options.onArea((point) => isInside(point, ring), isAdding);
  }
}
