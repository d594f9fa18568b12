/**
 * Colours of territories: one hue per region, and within it shades such that neighbours differ in lightness, which
 * every kind of colour vision sees. With one region, or more than there are hues, every territory may take any hue.
 *
 * Hues are spread around blue and orange, the axis colour-blind people tell apart best; numbers and borders on the
 * map say the same without colour.
 * @import { Atlas, County, Territory } from "./types"
 */

/** Degrees in OKLCH, and how much colour each bears. */
export const HUES = [
  [250, 0.11], [62, 0.12], [165, 0.1], [325, 0.11], [95, 0.12], [215, 0.09], [30, 0.12], [290, 0.11],
];
export const SHADES = { light: [0.76, 0.62, 0.88, 0.69, 0.82, 0.55], dark: [0.5, 0.64, 0.4, 0.57, 0.45, 0.71] };

/** @typedef {{ hue: number, lightness: number, chroma: number }} Colour */

/**
 * @param {Colour} colour
 * @returns {string} `#rrggbb`
 */
export function toHex({ hue, lightness, chroma }) {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  const hex = linear.map((value) => {
    const clamped = Math.min(1, Math.max(0, value));
    const encoded = clamped <= 0.0031308 ? 12.92 * clamped : 1.055 * clamped ** (1 / 2.4) - 0.055;
    return Math.round(encoded * 255).toString(16).padStart(2, "0");
  });
  return `#${hex.join("")}`;
}

/**
 * @param {Atlas} atlas
 * @param {Map<string, County>} counties
 * @param {number} n
 * @returns {Set<number>[]} for each territory those it touches
 */
export function touching(atlas, counties, n) {
  /** @type {Set<number>[]} */
  const found = Array.from({ length: n }, () => new Set());
  const territoryAt = atlas.counties.map((county) => counties.get(county.id)?.territory ?? -1);
  atlas.neighbours.forEach((others, place) => {
    const here = territoryAt[place];
    if (here < 0) return;
    for (const other of others) {
      const there = territoryAt[other];
      if (there >= 0 && there !== here) found[here].add(there);
    }
  });
  return found;
}

/**
 * @param {Territory[]} territories
 * @param {Set<number>[]} touches
 * @param {{ isDark: boolean }} options
 * @returns {string[]} one colour per territory; the same input gives the same colours
 */
export function territoryColours(territories, touches, { isDark }) {
  const shades = isDark ? SHADES.dark : SHADES.light;
  const regions = new Set(territories.map((territory) => territory.region));
  const isByRegion = regions.size > 1 && regions.size <= HUES.length;
  /** @type {(Colour | undefined)[]} */
  const chosen = new Array(territories.length);
  /** @type {Map<string, number>} */
  const uses = new Map();
  const order = territories.map((_, place) => place).sort((a, b) => touches[b].size - touches[a].size || a - b);
  const regionPlaces = [...regions];
  for (const place of order) {
    const hues = isByRegion ? [HUES[regionPlaces.indexOf(territories[place].region)]] : HUES;
    const around = [...touches[place]].map((other) => chosen[other]).filter((colour) => colour !== undefined);
    let best = { colour: candidate(hues[0], shades[0]), score: -Infinity };
    for (const hue of hues) {
      for (const shade of isByRegion ? shades : shades.slice(0, 3)) {
        const colour = candidate(hue, shade);
        const nearest = Math.min(1, ...around.map((other) => distance(colour, other)));
        const score = Math.min(nearest, 0.3) - 0.02 * (uses.get(toHex(colour)) ?? 0);
        if (score > best.score + 1e-9) best = { colour, score };
      }
    }
    chosen[place] = best.colour;
    const hex = toHex(best.colour);
    uses.set(hex, (uses.get(hex) ?? 0) + 1);
  }
  return chosen.map((colour) => toHex(/** @type {Colour} */ (colour)));
}

/**
 * @param {number[]} hue
 * @param {number} lightness
 * @returns {Colour}
 */
export function candidate([hue, chroma], lightness) {
  return { hue, lightness, chroma: chroma * (lightness > 0.7 ? 1 - 2.1 * (lightness - 0.7) : 1) };
}

/**
 * @param {string} hex
 * @param {string} ground
 * @param {number} share of the first
 */
export function mix(hex, ground, share) {
  const parts = [1, 3, 5].map((start) => {
    const [a, b] = [hex, ground].map((each) => parseInt(each.slice(start, start + 2), 16));
    return Math.round(a * share + b * (1 - share)).toString(16).padStart(2, "0");
  });
  return `#${parts.join("")}`;
}

/**
 * Ink that can be read on a colour.
 * @param {string} hex
 */
export function inkOn(hex) {
  const [r, g, b] = [1, 3, 5].map((start) => {
    const value = parseInt(hex.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 ? "#101a1c" : "#ffffff";
}

/**
 * Lightness counts three times: it is what remains when red and green look alike.
 * @param {Colour} a
 * @param {Colour} b
 */
function distance(a, b) {
  const turn = Math.sin(((a.hue - b.hue) * Math.PI) / 360);
  return 3 * Math.abs(a.lightness - b.lightness) + 0.15 * Math.abs(turn);
}
