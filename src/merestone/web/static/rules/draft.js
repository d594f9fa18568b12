/**
 * The rule while it is being edited: rows and groups that can be moved about, to and from the server's tree.
 * @import { Draft, Group, Row, Tree } from "./types"
 */

let last = 0;

/** @param {Partial<Row>} [given] @returns {Row} */
export const newRow = (given = {}) => ({ id: (last += 1), kind: "row", negated: false, field: null, op: "", values: [], ...given });

/** @param {Draft[]} parts @param {Partial<Group>} [given] @returns {Group} */
export const newGroup = (parts, given = {}) => ({ id: (last += 1), kind: "group", negated: false, join: "and", parts, ...given });

/** @param {Tree} tree @returns {Draft} */
function draftOf(tree) {
  if (tree.kind === "test") return newRow({ field: tree.field, op: tree.op, values: tree.values });
  if (tree.kind === "not") {
    const inner = draftOf(tree.part);
    return inner.negated ? newGroup([inner], { negated: true }) : { ...inner, negated: true };
  }
  return newGroup(tree.parts.map(draftOf), { join: tree.kind });
}

/**
 * The whole rule is always a group that one can add to.
 * @param {Tree | null} tree
 * @returns {Group}
 */
export function rootOf(tree) {
  if (!tree) return newGroup([]);
  const draft = draftOf(tree);
  return draft.kind === "group" && !draft.negated ? draft : newGroup([draft]);
}

/**
 * @param {Draft} draft
 * @param {(row: Row) => boolean} isFinished rows that are not are left out
 * @returns {Tree | null}
 */
export function treeOf(draft, isFinished) {
  /** @type {Tree | null} */
  let tree = null;
  if (draft.kind === "row") {
    if (isFinished(draft)) tree = { kind: "test", field: draft.field, op: draft.op, values: draft.values };
  } else {
    const parts = draft.parts.map((part) => treeOf(part, isFinished)).filter((part) => part !== null);
    if (parts.length > 0) tree = parts.length === 1 ? parts[0] : { kind: draft.join, parts };
  }
  return tree && draft.negated ? { kind: "not", part: tree } : tree;
}

/** @param {Draft} draft @returns {Row[]} in reading order */
export function rowsOf(draft) {
  return draft.kind === "row" ? [draft] : draft.parts.flatMap(rowsOf);
}

/**
 * @param {Group} root
 * @param {number} id
 * @returns {Group | null} the group that holds it
 */
export function parentOf(root, id) {
  for (const part of root.parts) {
    if (part.id === id) return root;
    const found = part.kind === "group" ? parentOf(part, id) : null;
    if (found) return found;
  }
  return null;
}

/** @param {Group} root @param {Draft} draft */
export function remove(root, draft) {
  const group = parentOf(root, draft.id);
  if (!group) return;
  group.parts = group.parts.filter((part) => part !== draft);
  // A group that has lost its last part goes too.
  if (group.parts.length === 0 && group !== root) remove(root, group);
}

/** @param {Draft} draft @returns {Draft} */
export function copyOf(draft) {
  return draft.kind === "row"
    ? newRow({ ...structuredClone(draft), id: (last += 1) })
    : newGroup(draft.parts.map(copyOf), { negated: draft.negated, join: draft.join });
}

/**
 * One step up or down in reading order: into a group that is beside it, out of a group at its end.
 * @param {Group} root
 * @param {Draft} draft
 * @param {-1 | 1} step
 * @returns {boolean} false at the ends
 */
export function move(root, draft, step) {
  const group = parentOf(root, draft.id);
  if (!group) return false;
  const place = group.parts.indexOf(draft);
  const beside = group.parts[place + step];
  if (!beside) {
    const above = parentOf(root, group.id);
    if (!above) return false;
    remove(root, draft);
    const at = above.parts.indexOf(group);
    above.parts.splice(at < 0 ? above.parts.length : at + (step > 0 ? 1 : 0), 0, draft);
    return true;
  }
  group.parts.splice(place, 1);
  if (beside.kind === "group") beside.parts.splice(step > 0 ? 0 : beside.parts.length, 0, draft);
  else group.parts.splice(place + step, 0, draft);
  if (group.parts.length === 0 && group !== root) remove(root, group);
  return true;
}

/**
 * @param {Group} root
 * @param {Draft} draft
 * @param {Draft} target lands before it, or as the last part of a group
 */
export function drop(root, draft, target) {
  if (draft === target || (draft.kind === "group" && (parentOf(draft, target.id) || draft === target))) return false;
  const from = parentOf(root, draft.id);
  if (!from) return false;
  from.parts = from.parts.filter((part) => part !== draft);
  const into = parentOf(root, target.id);
  if (target.kind === "group" || !into) /** @type {Group} */ (target).parts.push(draft);
  else into.parts.splice(into.parts.indexOf(target), 0, draft);
  if (from.parts.length === 0 && from !== root) remove(root, from);
  return true;
}

/** @param {Group} root @param {Draft} draft puts it into a group of its own */
export function wrap(root, draft) {
  const group = parentOf(root, draft.id);
  if (!group) return null;
  const made = newGroup([draft], { join: group.join === "and" ? "or" : "and" });
  group.parts[group.parts.indexOf(draft)] = made;
  return made;
}

/** @param {Group} root @param {Group} group puts its parts where it stands */
export function unwrap(root, group) {
  const above = parentOf(root, group.id);
  if (above) above.parts.splice(above.parts.indexOf(group), 1, ...group.parts);
}
