/**
 * From a plan to what the map draws. What does not change with the plan is made once.
 * @import { Atlas, Label, Picture, Theme } from "../map/types"
 * @import { LayerName, Line } from "./types"
 * @import { Plan } from "./state.js"
 */

import { middle } from "../map/data.js";
import { mix } from "../map/palette.js";

/** How much of its colour a unit keeps that is not what the layer is about. */
const PALE = 0.25;
/** Limits of the steps of a deviation from the mean, and their colours from far below to far above. */
export const STEPS = [-0.15, -0.05, 0.05, 0.15];
const DIVERGING = {
  light: ["#3f7fb8", "#a9cbe4", "#e9e7df", "#f0c08a", "#c9701f"],
  dark: ["#5b9bd6", "#365f83", "#39433f", "#87602f", "#dc8f45"],
};

/** @param {{ isDark: boolean }} theme */
export const divergingOf = ({ isDark }) => (isDark ? DIVERGING.dark : DIVERGING.light);

/**
 * What stays the same whatever is assigned.
 * @typedef {object} Ground
 * @property {Atlas} atlas
 * @property {Map<string, number>} unitAt unit by county
 * @property {([number, number] | null)[]} middles longitude and latitude by unit
 */

/**
 * @param {Atlas} atlas
 * @param {Plan} plan
 * @returns {Ground}
 */
export function groundOf(atlas, plan) {
  const unitAt = new Map(plan.data.units.id.map((id, unit) => [id, unit]));
  /** @type {([number, number] | null)[]} */
  const middles = new Array(plan.n).fill(null);
  for (const county of atlas.counties) {
    const unit = unitAt.get(county.id);
    if (unit !== undefined) middles[unit] = middle(county);
  }
  return { atlas, unitAt, middles };
}

/**
 * @param {Ground} ground
 * @param {Plan} plan
 * @returns {import("geojson").MultiLineString}
 */
export function bordersOf({ atlas, unitAt }, plan) {
  const at = (/** @type {string} */ id) => {
    const unit = unitAt.get(id);
    return unit === undefined ? -2 : plan.territory[unit];
  };
  return atlas.borders((a, b) => at(a) !== at(b) && at(a) > -2 && at(b) > -2);
}

/**
 * One number per territory, on its unit nearest to the middle of its largest piece.
 * @param {Ground} ground
 * @param {Plan} plan
 * @returns {Label[]}
 */
export function labelsOf({ middles }, plan) {
  /** @type {number[][]} */
  const largest = Array.from({ length: plan.k }, () => []);
  const seen = new Uint8Array(plan.n);
  for (let start = 0; start < plan.n; start += 1) {
    const territory = plan.territory[start];
    if (territory < 0 || seen[start]) continue;
    const piece = [start];
    seen[start] = 1;
    for (const unit of piece) {
      for (let edge = plan.starts[unit]; edge < plan.starts[unit + 1]; edge += 1) {
        const other = plan.neighbours[edge];
        if (seen[other] || plan.territory[other] !== territory) continue;
        seen[other] = 1;
        piece.push(other);
      }
    }
    if (piece.length > largest[territory].length) largest[territory] = piece;
  }
  return largest.flatMap((piece, territory) => {
    const points = piece.map((unit) => middles[unit]).filter((point) => point !== null);
    if (points.length === 0) return [];
    const mean = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
    const far = (/** @type {[number, number]} */ [lon, lat]) => (lon - mean[0]) ** 2 + (1.6 * (lat - mean[1])) ** 2;
    const [lon, lat] = points.reduce((best, point) => (far(point) < far(best) ? point : best));
    return [{ text: String(territory + 1), lon, lat, territory }];
  });
}

/**
 * @param {Plan} plan
 * @param {{
 *   layer: LayerName, colours: string[], isolated: number | null, selected: Set<number>, theme: Theme, lines: Line[],
 *   borders: import("geojson").MultiLineString, labels: Label[],
 * }} options
 * @returns {Picture}
 */
export function pictureOf(plan, { layer, colours, isolated, selected, theme, lines, borders, labels }) {
  const { id } = plan.data.units;
  const pale = theme.isDark ? "#20292c" : "#f7f6f1";
  const paleColours = layer === "moves" ? colours.map((colour) => mix(colour, pale, PALE)) : [];
  const balance = layer === "balance" ? balanceColours(plan, lines, theme) : [];
  const fills = new Map();
  const hatched = new Set();
  const faded = new Set();
  for (let unit = 0; unit < plan.n; unit += 1) {
    const territory = plan.territory[unit];
    if (plan.locked[unit]) hatched.add(id[unit]);
    if (isolated !== null && territory !== isolated) faded.add(id[unit]);
    const hasMoved = territory !== plan.live[unit];
    if (layer === "moves" && hasMoved) fills.set(id[unit], territory < 0 ? theme.hatch : colours[territory]);
    else if (territory < 0) fills.set(id[unit], pale);
    else fills.set(id[unit], layer === "moves" ? paleColours[territory] : layer === "balance" ? balance[territory] : colours[territory]);
  }
  const chosen = new Set([...selected].map((unit) => id[unit]));
  const shown = isolated === null ? labels : labels.filter(({ territory }) => territory === isolated);
  return { layer: "territory", fills, hatched, faded, borders, labels: shown, theme, chosen };
}

/**
 * @param {Plan} plan
 * @param {Line[]} lines
 * @param {Theme} theme
 */
function balanceColours(plan, lines, theme) {
  const ramp = divergingOf(theme);
  return lines.map(({ index }) => {
    // The side of the measure that is farthest off.
    const off = plan.counted.map((place) => (index[place] ?? 100) / 100 - 1);
    const worst = off.reduce((most, each) => (Math.abs(each) > Math.abs(most) ? each : most), 0);
    return ramp[STEPS.filter((limit) => worst > limit).length];
  });
}
