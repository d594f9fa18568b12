/**
 * Albers' equal-area conic projection of the United States, with Alaska, Hawaii and Puerto Rico set into the lower left,
 * and the whole world (equirectangular) when no account lies there.
 *
 * J. P. Snyder, Map Projections: A Working Manual, US Geological Survey Professional Paper 1395, 1987, page 98.
 */

/** The drawing's own units: the lower 48 states are about 960 wide. */
export const WIDTH = 975;
export const HEIGHT = 610;

/** @typedef {(lon: number, lat: number) => [number, number] | null} Projection */

const RADIANS = Math.PI / 180;

/**
 * @param {{ parallels: [number, number], centre: [number, number], scale: number, at: [number, number] }} options
 * @returns {(lon: number, lat: number) => [number, number]}
 */
function albers({ parallels, centre, scale, at }) {
  const [south, north] = parallels.map((degrees) => degrees * RADIANS);
  const n = (Math.sin(south) + Math.sin(north)) / 2;
  const c = Math.cos(south) ** 2 + 2 * n * Math.sin(south);
  const radius = (/** @type {number} */ lat) => Math.sqrt(Math.max(0, c - 2 * n * Math.sin(lat * RADIANS))) / n;
  const middle = radius(centre[1]);
  return (lon, lat) => {
    let turn = lon - centre[0];
    if (turn > 180) turn -= 360;
    if (turn < -180) turn += 360;
    const angle = n * turn * RADIANS;
    return [at[0] + scale * radius(lat) * Math.sin(angle), at[1] - scale * (middle - radius(lat) * Math.cos(angle))];
  };
}

const SCALE = 1300;
const lower48 = albers({ parallels: [29.5, 45.5], centre: [-96, 37.5], scale: SCALE, at: [487.5, 305] });
const alaska = albers({ parallels: [55, 65], centre: [-152, 63.5], scale: SCALE * 0.36, at: [132, 525] });
const hawaii = albers({ parallels: [8, 18], centre: [-157.4, 20.6], scale: SCALE, at: [285, 560] });
const puertoRico = albers({ parallels: [8, 18], centre: [-66.1, 18.2], scale: SCALE, at: [888, 568] });

/** @type {Projection} */
export function unitedStates(lon, lat) {
  if (lat > 50 && (lon < -129 || lon > 170)) return alaska(lon, lat);
  if (lat > 18 && lat < 24 && lon > -162 && lon < -154) return hawaii(lon, lat);
  if (lat > 17 && lat < 19.5 && lon > -68 && lon < -64) return puertoRico(lon, lat);
  if (lat > 24 && lat < 50 && lon > -126 && lon < -66) return lower48(lon, lat);
  return null;
}

/** @type {Projection} */
export function world(lon, lat) {
  return [((lon + 180) / 360) * WIDTH, HEIGHT / 2 - (lat / 180) * (WIDTH / 2)];
}
