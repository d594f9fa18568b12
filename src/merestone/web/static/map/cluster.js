/**
 * Groups points that would lie on each other on the screen: a plain grid, for the map drawn without WebGL.
 */

/**
 * @typedef {object} Group
 * @property {number} x
 * @property {number} y
 * @property {number[]} members places in the account columns
 */

/**
 * @param {{ xs: Float64Array, ys: Float64Array, places: number[] }} points NaN = not on the map
 * @param {{ size: number }} options side of a grid cell, in the points' units
 * @returns {Group[]} each at the mean of its members
 */
export function groupByGrid({ xs, ys, places }, { size }) {
  /** @type {Map<string, Group>} */
  const cells = new Map();
  for (const place of places) {
    const x = xs[place];
    const y = ys[place];
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    const key = `${Math.floor(x / size)}:${Math.floor(y / size)}`;
    let cell = cells.get(key);
    if (!cell) cells.set(key, (cell = { x: 0, y: 0, members: [] }));
    cell.x += x;
    cell.y += y;
    cell.members.push(place);
  }
  for (const cell of cells.values()) {
    cell.x /= cell.members.length;
    cell.y /= cell.members.length;
  }
  return [...cells.values()];
}

/**
 * Joins groups whose circles would touch, the largest first, so that no count covers another.
 * @param {Group[]} groups
 * @param {(n: number) => number} radiusOf radius of a circle for n members, in the groups' units
 * @returns {Group[]}
 */
export function joinTouching(groups, radiusOf) {
  const ordered = [...groups].sort((a, b) => b.members.length - a.members.length);
  /** @type {Group[]} */
  const joined = [];
  for (const group of ordered) {
    const host = joined.find(({ x, y, members }) =>
      Math.hypot(x - group.x, y - group.y) < radiusOf(members.length) + radiusOf(group.members.length));
    if (host) host.members = host.members.concat(group.members);
    else joined.push({ ...group });
  }
  return joined;
}
