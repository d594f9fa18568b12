/**
 * Colours of a plan's territories: neighbours never share a hue, and a territory keeps its colour while the plan is
 * worked on unless a new neighbour has the same.
 */

import { HUES, SHADES, candidate, toHex } from "../map/palette.js";

/**
 * @param {import("./state.js").Plan} plan
 * @returns {Map<number, number>[]} for each territory those it touches, and over how many pairs of units
 */
export function touching(plan) {
  /** @type {Map<number, number>[]} */
  const found = Array.from({ length: plan.k }, () => new Map());
  for (let unit = 0; unit < plan.n; unit += 1) {
    const here = plan.territory[unit];
    if (here < 0) continue;
    for (let edge = plan.starts[unit]; edge < plan.starts[unit + 1]; edge += 1) {
      const there = plan.territory[plan.neighbours[edge]];
      if (there >= 0 && there !== here) found[here].set(there, (found[here].get(there) ?? 0) + 1);
    }
  }
  return found;
}

/**
 * Hues by territory: those of before wherever they still do.
 * @param {Map<number, number>[]} touches
 * @param {number[]} before a hue per territory, or -1
 * @returns {number[]}
 */
export function huesOf(touches, before) {
  const hues = [...before];
  /** @type {number[]} */
  const uses = new Array(HUES.length).fill(0);
  for (const hue of hues) if (hue >= 0) uses[hue] += 1;
  const order = hues.map((_, place) => place).sort((a, b) => touches[b].size - touches[a].size || a - b);
  for (const place of order) {
    // Of two that clash, the one that touches fewer changes; it comes later in the order.
    const clashes = hues[place] >= 0 && [...touches[place].keys()].some((other) =>
      hues[other] === hues[place] && order.indexOf(other) < order.indexOf(place));
    if (hues[place] >= 0 && !clashes) continue;
    if (clashes) uses[hues[place]] -= 1;
    /** @type {number[]} */
    const taken = new Array(HUES.length).fill(0);
    for (const [other, n] of touches[place]) if (hues[other] >= 0) taken[hues[other]] += n;
    let best = 0;
    for (let hue = 1; hue < HUES.length; hue += 1) {
      if (taken[hue] < taken[best] || (taken[hue] === taken[best] && uses[hue] < uses[best])) best = hue;
    }
    hues[place] = best;
    uses[best] += 1;
  }
  return hues;
}

/**
 * @param {number[]} hues
 * @param {{ isDark: boolean }} theme
 * @returns {string[]} `#rrggbb`; territories of one hue differ in lightness
 */
export function coloursOf(hues, { isDark }) {
  const shades = isDark ? SHADES.dark : SHADES.light;
  /** @type {number[]} */
  const seen = new Array(HUES.length).fill(0);
  return hues.map((hue) => {
    const shade = shades[(seen[hue] + hue) % 3];
    seen[hue] += 1;
    return toHex(candidate(HUES[hue], shade));
  });
}
