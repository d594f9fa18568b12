/**
 * The map drawn on a plain canvas, for browsers without WebGL: the same picture, clicks and keys.
 * @import { Atlas, CountyFeature, MapView, Picture, Selection, ViewOptions } from "./types"
 * @import { MultiLineString } from "geojson"
 * @import { Projection } from "./projection.js"
 * @import { Group } from "./cluster.js"
 */

import { groupByGrid, joinTouching } from "./cluster.js";
import { hatchImage } from "./gl.js";
import { HEIGHT, WIDTH, unitedStates } from "./projection.js";

const MAX_ZOOM = 40;
const CLUSTER_PIXELS = 46;
const SINGLES_FROM = 9;
const DRAG_PIXELS = 4;
/** Where a number may go when an account count is in its way. */
const LABEL_PLACES = [[0, 0], [0, -20], [0, 20], [22, 0], [-22, 0], [18, -18], [-18, 18], [18, 18], [-18, -18], [0, -34], [0, 34]];

/** @typedef {{ fips: string, path: Path2D, box: [number, number, number, number] }} Shape */

/**
 * @param {CountyFeature} feature
 * @param {Projection} project
 * @returns {Shape | null} null when the projection does not show it
 */
export function shapeOf(feature, project) {
  const polygons = feature.geometry.type === "Polygon" ? [feature.geometry.coordinates] : feature.geometry.coordinates;
  const path = new Path2D();
  /** @type {[number, number, number, number]} */
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const rings of polygons) {
    for (const ring of rings) {
      const points = ring.map(([lon, lat]) => project(lon, lat)).filter((point) => point !== null);
      if (points.length < 3) continue;
      points.forEach(([x, y], place) => {
        if (place === 0) path.moveTo(x, y);
        else path.lineTo(x, y);
        box[0] = Math.min(box[0], x);
        box[1] = Math.min(box[1], y);
        box[2] = Math.max(box[2], x);
        box[3] = Math.max(box[3], y);
      });
      path.closePath();
    }
  }
  return box[0] < box[2] ? { fips: feature.id, path, box } : null;
}

/**
 * @param {MultiLineString} lines
 * @param {Projection} project
 */
export function pathOf(lines, project) {
  const path = new Path2D();
  for (const line of lines.coordinates) {
    let isDown = false;
    for (const [lon, lat] of line) {
      const point = project(lon, lat);
      if (!point) isDown = false;
      else if (isDown) path.lineTo(point[0], point[1]);
      else {
        path.moveTo(point[0], point[1]);
        isDown = true;
      }
    }
  }
  return path;
}

/**
 * @param {ViewOptions} options
 * @returns {MapView}
 */
export function openCanvasView(options) {
  return new CanvasView(options);
}

/** @implements {MapView} */
class CanvasView {
  name = /** @type {const} */ ("canvas");
  zoom = 1;
  x = 0;
  y = 0;
  /** @type {number[]} */
  places = [];
  /** @type {Group[]} */
  groups = [];
  /** @type {Selection} */
  selection = { county: null, account: null };
  #frame = 0;
  #listeners = new AbortController();

  /** @param {ViewOptions} options */
  constructor(options) {
    this.options = options;
    this.project = unitedStates;
    this.picture = options.picture;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "map-canvas";
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "Map of territories. Arrow keys move it, plus and minus zoom. The table view says the same.");
    options.element.replaceChildren(this.canvas);
    this.shapes = options.atlas.counties.map((feature) => shapeOf(feature, this.project)).filter((shape) => shape !== null);
    this.stateLines = pathOf(options.atlas.stateLines, this.project);
    this.borders = pathOf(options.picture.borders, this.project);
    this.#projectAccounts();
    this.#listen();
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(options.element);
    this.#resize();
    this.fit(options.bounds);
  }

  /** @param {Picture} picture */
  draw(picture) {
    if (picture.borders !== this.picture.borders) this.borders = pathOf(picture.borders, this.project);
    this.picture = picture;
    this.#ask();
  }

  /** @param {number[]} places */
  showAccounts(places) {
    this.places = places;
    this.#group();
  }

  /** @param {Selection} selection */
  select(selection) {
    this.selection = selection;
    this.#ask();
  }

  /** @param {[number, number, number, number]} bounds */
  fit([west, south, east, north]) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i <= 8; i += 1) {
      for (let j = 0; j <= 8; j += 1) {
        const point = this.project(west + ((east - west) * i) / 8, south + ((north - south) * j) / 8);
        if (!point) continue;
        box[0] = Math.min(box[0], point[0]);
        box[1] = Math.min(box[1], point[1]);
        box[2] = Math.max(box[2], point[0]);
        box[3] = Math.max(box[3], point[1]);
      }
    }
    const isWhole = !(box[0] < box[2]) || box[2] - box[0] > WIDTH * 0.5;
    const [left, top, right, bottom] = isWhole ? [0, 0, WIDTH, HEIGHT] : box;
    const margin = isWhole ? 1.05 : 1.15;
    const above = this.options.top ?? 0;
    const height = Math.max(120, this.height - this.options.covered() - above);
    const scale = Math.min(this.width / ((right - left) * margin), height / ((bottom - top) * margin));
    this.zoom = Math.min(MAX_ZOOM, scale / this.base);
    this.x = this.width / 2 - ((left + right) / 2) * this.scale;
    this.y = above + height / 2 - ((top + bottom) / 2) * this.scale;
    this.#group();
  }

  /** @returns {Promise<void>} */
  settled() {
    return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));
  }

  /** @param {number} steps */
  zoomBy(steps) {
    this.#zoomAt(this.width / 2, this.height / 2, 2 ** steps);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  panBy(x, y) {
    this.x -= x;
    this.y -= y;
    this.#ask();
  }

  /**
   * @param {number} lon
   * @param {number} lat
   * @returns {[number, number] | null}
   */
  toScreen(lon, lat) {
    const point = this.project(lon, lat);
    return point && this.#onScreen(point[0], point[1]);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  countyAt(x, y) {
    return this.#countyAt(x, y);
  }

  destroy() {
    this.#listeners.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.#frame);
    this.canvas.remove();
  }

  get width() {
    return this.canvas.clientWidth || 1;
  }

  get height() {
    return this.canvas.clientHeight || 1;
  }

  /** Pixels per unit of the drawing when the whole of it is shown. */
  get base() {
    return Math.min(this.width / WIDTH, this.height / HEIGHT);
  }

  get scale() {
    return this.base * this.zoom;
  }

  #projectAccounts() {
    const { lon, lat } = this.options.accounts;
    this.xs = new Float64Array(lon.length).fill(NaN);
    this.ys = new Float64Array(lon.length).fill(NaN);
    for (let place = 0; place < lon.length; place += 1) {
      const point = this.project(lon[place], lat[place]);
      if (point) [this.xs[place], this.ys[place]] = point;
    }
  }

  #resize() {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.#group();
  }

  #group() {
    const size = CLUSTER_PIXELS / this.scale;
    const points = { xs: this.xs ?? new Float64Array(), ys: this.ys ?? new Float64Array(), places: this.places };
    if (this.options.isSmall) {
      this.groups = groupByGrid(points, { size: 2 / this.scale });
      this.#ask();
      return;
    }
    const isClose = this.zoom >= SINGLES_FROM;
    const cells = groupByGrid(points, { size: isClose ? size / 8 : size });
    this.groups = isClose ? cells : joinTouching(cells, (n) => radiusOf(n) / this.scale);
    this.#ask();
  }

  #ask() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const { fills, hatched, faded, theme } = this.picture;
    const ratio = this.canvas.width / this.width;
    const scale = this.scale * ratio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = theme.water;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.setTransform(scale, 0, 0, scale, this.x * ratio, this.y * ratio);
    const hatch = hatchPattern(context, theme.hatch, scale);
    for (const { fips, path, box } of this.shapes) {
      if (!this.#isInView(box)) continue;
      context.globalAlpha = faded.has(fips) ? 0.2 : 1;
      context.fillStyle = fills.get(fips) ?? theme.empty;
      context.fill(path, "evenodd");
      if (hatched.has(fips) && hatch) {
        context.fillStyle = hatch;
        context.fill(path, "evenodd");
      }
      context.strokeStyle = theme.line;
      context.lineWidth = 0.35 / this.scale;
      context.stroke(path);
    }
    context.globalAlpha = 1;
    context.lineJoin = "round";
    stroke(context, this.stateLines, theme.stateLine, 0.8 / this.scale);
    if (this.picture.layer === "territory") stroke(context, this.borders, theme.halo, 2.6 / this.scale);
    stroke(context, this.borders, theme.border, (this.picture.layer === "territory" ? 1.2 : 0.7) / this.scale);
    const selected = this.shapes.find(({ fips }) => fips === this.selection.county);
    if (selected) stroke(context, selected.path, theme.selected, 3 / this.scale);
    this.#paintChosen(context);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (this.options.isSmall) this.#paintDots(context);
    else this.#paintGroups(context);
    this.#paintLabels(context);
  }

  /** @param {CanvasRenderingContext2D} context */
  #paintChosen(context) {
    const { chosen, theme } = this.picture;
    if (!chosen?.size) return;
    context.fillStyle = theme.selected;
    for (const { fips, path, box } of this.shapes) {
      if (!chosen.has(fips) || !this.#isInView(box)) continue;
      context.globalAlpha = 0.28;
      context.fill(path, "evenodd");
      context.globalAlpha = 1;
      stroke(context, path, theme.selected, 1.8 / this.scale);
    }
  }

  /** @param {CanvasRenderingContext2D} context */
  #paintLabels(context) {
    const { labels, theme } = this.picture;
    /** @type {[number, number, number][]} */
    const taken = this.groups.map(({ x, y, members }) => [...this.#onScreen(x, y), radiusOf(members.length) + 7]);
    context.font = "700 14px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 4;
    context.strokeStyle = theme.halo;
    context.fillStyle = theme.ink;
    for (const { text, lon, lat } of labels) {
      const point = this.project(lon, lat);
      if (!point) continue;
      const [x, y] = this.#onScreen(point[0], point[1]);
      const free = LABEL_PLACES.map(([dx, dy]) => [x + dx, y + dy]).find(([left, top]) =>
        taken.every(([otherX, otherY, radius]) => Math.hypot(left - otherX, top - otherY) > radius));
      if (!free) continue;
      taken.push([free[0], free[1], 16]);
      context.strokeText(text, free[0], free[1]);
      context.fillText(text, free[0], free[1]);
    }
  }

  /** @param {CanvasRenderingContext2D} context */
  #paintDots(context) {
    context.fillStyle = this.picture.theme.point;
    for (const group of this.groups) {
      const [left, top] = this.#onScreen(group.x, group.y);
      context.fillRect(left - 1, top - 1, 2, 2);
    }
  }

  /** @param {CanvasRenderingContext2D} context */
  #paintGroups(context) {
    const { theme } = this.picture;
    const { lifecycle, lifecycles, id } = this.options.accounts;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = "600 11px system-ui, sans-serif";
    for (const { x, y, members } of this.groups) {
      const [left, top] = this.#onScreen(x, y);
      const isSingle = members.length === 1;
      const state = lifecycles[lifecycle[members[0]]];
      context.beginPath();
      context.arc(left, top, radiusOf(members.length), 0, 2 * Math.PI);
      context.fillStyle = !isSingle || state === "customer" ? theme.point : state === "prospect" ? theme.pointRing : theme.hatch;
      context.fill();
      context.lineWidth = 1.5;
      context.strokeStyle = isSingle && state !== "customer" ? theme.point : theme.pointRing;
      context.stroke();
      if (!isSingle) {
        context.fillStyle = theme.pointInk;
        context.fillText(members.length < 1000 ? String(members.length) : `${(members.length / 1000).toFixed(1)}k`, left, top + 0.5);
      }
      if (this.selection.account !== null && members.some((place) => id[place] === this.selection.account)) {
        context.beginPath();
        context.arc(left, top, radiusOf(members.length) + 4, 0, 2 * Math.PI);
        context.lineWidth = 3;
        context.strokeStyle = theme.selected;
        context.stroke();
      }
    }
  }

  /** @param {[number, number, number, number]} box */
  #isInView([left, top, right, bottom]) {
    const [x0, y0] = this.#onScreen(left, top);
    const [x1, y1] = this.#onScreen(right, bottom);
    return x1 >= 0 && y1 >= 0 && x0 <= this.width && y0 <= this.height;
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {[number, number]}
   */
  #onScreen(x, y) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} factor
   */
  #zoomAt(x, y, factor) {
    const before = this.scale;
    this.zoom = Math.min(MAX_ZOOM, Math.max(0.6, this.zoom * factor));
    const ratio = this.scale / before;
    this.x = x - (x - this.x) * ratio;
    this.y = y - (y - this.y) * ratio;
    this.#group();
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  #countyAt(x, y) {
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const left = (x - this.x) / this.scale;
    const top = (y - this.y) / this.scale;
    context.setTransform(1, 0, 0, 1, 0, 0);
    const found = this.shapes.find(({ path, box }) =>
      left >= box[0] && left <= box[2] && top >= box[1] && top <= box[3] && context.isPointInPath(path, left, top, "evenodd"));
    return found?.fips ?? null;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  #groupAt(x, y) {
    return this.groups.find((group) => {
      const [left, top] = this.#onScreen(group.x, group.y);
      return Math.hypot(left - x, top - y) <= radiusOf(group.members.length) + 2;
    });
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  #click(x, y) {
    const { onHit, accounts } = this.options;
    const group = this.#groupAt(x, y);
    if (group && group.members.length === 1) onHit({ kind: "account", id: accounts.id[group.members[0]] });
    else if (group) {
      const [place] = group.members;
      const zoomIn = () => this.#zoomAt(...this.#onScreen(group.x, group.y), 2.4);
      onHit({ kind: "cluster", members: group.members, lon: accounts.lon[place], lat: accounts.lat[place], zoomIn });
    } else {
      const fips = this.#countyAt(x, y);
      onHit(fips ? { kind: "county", fips } : { kind: "nothing" });
    }
  }

  #listen() {
    const { canvas } = this;
    const { signal } = this.#listeners;
    /** @type {Map<number, { x: number, y: number }>} */
    const down = new Map();
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      down.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
      moved = 0;
    }, { signal });
    canvas.addEventListener("pointermove", (event) => {
      const last = down.get(event.pointerId);
      if (!last) {
        const fips = this.#groupAt(event.offsetX, event.offsetY) ? null : this.#countyAt(event.offsetX, event.offsetY);
        canvas.style.cursor = fips ? "pointer" : "grab";
        this.options.onHover(fips, event.offsetX, event.offsetY);
        return;
      }
      const next = { x: event.offsetX, y: event.offsetY };
      const [other] = [...down.entries()].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      if (other) {
        const before = Math.hypot(last.x - other.x, last.y - other.y);
        const after = Math.hypot(next.x - other.x, next.y - other.y);
        if (before > 0) this.#zoomAt((next.x + other.x) / 2, (next.y + other.y) / 2, after / before);
      } else this.panBy(last.x - next.x, last.y - next.y);
      moved += Math.hypot(next.x - last.x, next.y - last.y);
      down.set(event.pointerId, next);
    }, { signal });
    const release = (/** @type {PointerEvent} */ event) => {
      const isClick = down.delete(event.pointerId) && down.size === 0 && moved < DRAG_PIXELS;
      if (isClick && event.type === "pointerup") this.#click(event.offsetX, event.offsetY);
    };
    canvas.addEventListener("pointerup", release, { signal });
    canvas.addEventListener("pointercancel", release, { signal });
    canvas.addEventListener("pointerleave", () => this.options.onHover(null, 0, 0), { signal });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#zoomAt(event.offsetX, event.offsetY, Math.exp(-event.deltaY / 300));
    }, { signal, passive: false });
    canvas.addEventListener("keydown", (event) => {
      const step = 80;
      /** @type {Record<string, () => void>} */
      const keys = {
        ArrowLeft: () => this.panBy(-step, 0), ArrowRight: () => this.panBy(step, 0),
        ArrowUp: () => this.panBy(0, -step), ArrowDown: () => this.panBy(0, step),
        "+": () => this.zoomBy(0.5), "=": () => this.zoomBy(0.5), "-": () => this.zoomBy(-0.5),
      };
      if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      keys[event.key]();
    }, { signal });
  }
}

/** @param {number} n */
function radiusOf(n) {
  return n === 1 ? 4.5 : 7.5 + 4.2 * Math.log10(n);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Path2D} path
 * @param {string} colour
 * @param {number} width
 */
function stroke(context, path, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} colour
 * @param {number} scale
 */
function hatchPattern(context, colour, scale) {
  const image = hatchImage(colour);
  const tile = document.createElement("canvas");
  tile.width = image.width;
  tile.height = image.height;
  tile.getContext("2d")?.putImageData(image, 0, 0);
  const pattern = context.createPattern(tile, "repeat");
  pattern?.setTransform(new DOMMatrix().scale(1 / scale));
  return pattern;
}
