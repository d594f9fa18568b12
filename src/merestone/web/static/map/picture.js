/**
 * From columns to what is drawn: fills, borders, numbers; both views draw the same picture.
 * @import { Atlas, County, CountyFeature, Label, LayerName, MapData, Picture, Theme } from "./types"
 */

import { middle } from "./data.js";
import { mix, territoryColours, touching } from "./palette.js";
import { breaks, classOf, rampOf, valueOf } from "./scales.js";

/** How much of a territory's colour a county without accounts shows. */
const PALE = 0.32;

/**
 * What stays the same whatever is clicked.
 * @typedef {object} Ground
 * @property {Atlas} atlas
 * @property {MapData} data
 * @property {Map<string, County>} counties
 * @property {Set<number>[]} touches
 * @property {Map<string, number>} around territory by county, spread over those without accounts
 * @property {import("geojson").MultiLineString} borders
 * @property {Label[]} labels
 */

/**
 * @param {Atlas} atlas
 * @param {MapData} data
 * @param {Map<string, County>} counties
 * @returns {Ground}
 */
export function groundOf(atlas, data, counties) {
  const around = spread(atlas, counties);
  const place = (/** @type {string} */ fips) => around.get(fips) ?? -1;
  return {
    atlas, data, counties, around,
    touches: touching(atlas, counties, data.territories.length),
    borders: atlas.borders((a, b) => place(a) >= 0 && place(b) >= 0 && place(a) !== place(b)),
    labels: labelsOf(atlas, data, around),
  };
}

/**
 * Counties without accounts belong to nobody yet; they take the territory of the nearest county of their state that has
 * some, and are drawn pale. So territories show as areas, and what is empty still shows.
 * @param {Atlas} atlas
 * @param {Map<string, County>} counties
 * @returns {Map<string, number>}
 */
function spread(atlas, counties) {
  /** @type {Map<string, number>} */
  const around = new Map();
  /** @type {number[]} */
  const queue = [];
  atlas.counties.forEach(({ id }, place) => {
    const territory = counties.get(id)?.territory ?? null;
    if (territory === null) return;
    if (territory >= 0) queue.push(place);
    around.set(id, territory);
  });
  for (const place of queue) {
    const { id } = atlas.counties[place];
    for (const other of atlas.neighbours[place]) {
      const there = atlas.counties[other].id;
      if (around.has(there) || there.slice(0, 2) !== id.slice(0, 2)) continue;
      around.set(there, /** @type {number} */ (around.get(id)));
      queue.push(other);
    }
  }
  return around;
}

/**
 * @param {Ground} ground
 * @param {{ layer: LayerName, isolated: Set<number> | null, theme: Theme }} options
 * @returns {Picture & { colours: string[], limits: number[] }}
 */
export function pictureOf(ground, { layer, isolated, theme }) {
  const colours = territoryColours(ground.data.territories, ground.touches, theme);
  const ramp = rampOf(theme);
  const values = [...ground.counties.values()].map((county) => valueOf(county, layer)).filter((value) => value !== null);
  const limits = layer === "territory" ? [] : breaks(values, layer);
  const fills = new Map();
  const hatched = new Set();
  const faded = new Set();
  for (const county of ground.counties.values()) {
    const owner = ground.around.get(county.fips) ?? null;
    if (owner !== null && isolated && !isolated.has(owner)) faded.add(county.fips);
    if (county.territory === null && owner !== null && layer === "territory") {
      fills.set(county.fips, mix(colours[owner], theme.isDark ? "#20292c" : "#f7f6f1", PALE));
    }
    if (county.territory === null) continue;
    const value = valueOf(county, layer);
    if (value !== null) fills.set(county.fips, ramp[classOf(value, limits)]);
    else if (county.territory >= 0) fills.set(county.fips, colours[county.territory]);
    else hatched.add(county.fips);
  }
  // A scale's own colours need no numbers; the borders stay.
  const labels = ground.labels.filter(({ territory }) => layer === "territory" && (!isolated || isolated.has(territory)));
  return { layer, fills, hatched, faded, theme, colours, limits, borders: ground.borders, labels };
}

/**
 * One number per territory, inside the largest piece it owns.
 * @param {Atlas} atlas
 * @param {MapData} data
 * @param {Map<string, number>} around
 * @returns {Label[]}
 */
function labelsOf(atlas, data, around) {
  const territoryAt = atlas.counties.map(({ id }) => around.get(id) ?? null);
  const pieces = data.territories.map(() => /** @type {number[]} */ ([]));
  const seen = new Uint8Array(territoryAt.length);
  territoryAt.forEach((territory, start) => {
    if (territory === null || territory < 0 || seen[start]) return;
    const piece = flood(start, { territoryAt, neighbours: atlas.neighbours, seen });
    if (piece.length > pieces[territory].length) pieces[territory] = piece;
  });
  return pieces.flatMap((piece, territory) => {
    if (piece.length === 0) return [];
    const [lon, lat] = heart(piece.map((place) => atlas.counties[place]));
    return [{ text: String(data.territories[territory].number), lon, lat, territory }];
  });
}

/**
 * @param {number} start
 * @param {{ territoryAt: (number | null)[], neighbours: number[][], seen: Uint8Array }} graph
 */
function flood(start, { territoryAt, neighbours, seen }) {
  const piece = [start];
  seen[start] = 1;
  for (const place of piece) {
    for (const other of neighbours[place]) {
      if (seen[other] || territoryAt[other] !== territoryAt[start]) continue;
      seen[other] = 1;
      piece.push(other);
    }
  }
  return piece;
}

/**
 * The county middle nearest to the mean of all: always inside the piece.
 * @param {CountyFeature[]} features
 */
function heart(features) {
  const middles = features.map(middle);
  const mean = [0, 1].map((axis) => middles.reduce((sum, point) => sum + point[axis], 0) / middles.length);
  const far = (/** @type {[number, number]} */ [lon, lat]) => (lon - mean[0]) ** 2 + (1.6 * (lat - mean[1])) ** 2;
  return middles.reduce((best, point) => (far(point) < far(best) ? point : best));
}
