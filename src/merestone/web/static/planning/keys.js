/**
 * Keys of the workspace. Single letters and digits can be switched off, as those who speak to their computer need.
 */

const MEMORY = "planning-single-keys";

/** @returns {HTMLInputElement | null} */
const box = () => /** @type {HTMLInputElement | null} */ (document.getElementById("planning-keys"));

/** @param {EventTarget | null} target */
function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

/**
 * @param {{
 *   undo: () => void, redo: () => void, lock: () => void, assign: (place: number) => void, choose: () => void, clear: () => void,
 * }} acts
 */
export function listenToKeys(acts) {
  let isOn = localStorage.getItem(MEMORY) !== "off";
  const field = box();
  if (field) {
    field.checked = isOn;
    field.addEventListener("change", () => {
      isOn = field.checked;
      localStorage.setItem(MEMORY, isOn ? "on" : "off");
    });
  }
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    const isControl = event.ctrlKey || event.metaKey;
    const isChoosing = event.target instanceof HTMLSelectElement; // letters choose in it, the others are free
    if (isTyping(event.target) && !(isChoosing && (key === "escape" || isControl))) return;
    const act = isControl ? withControl(key, event.shiftKey, acts) : key === "escape" ? acts.clear : isOn && !event.altKey ? alone(key, acts) : null;
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/**
 * @param {string} key
 * @param {boolean} isShift
 * @param {{ undo: () => void, redo: () => void }} acts
 */
function withControl(key, isShift, { undo, redo }) {
  if (key === "z") return isShift ? redo : undo;
  return key === "y" ? redo : null;
}

/**
 * @param {string} key
 * @param {{ undo: () => void, lock: () => void, assign: (place: number) => void, choose: () => void }} acts
 */
function alone(key, { undo, lock, assign, choose }) {
  if (/^[1-9]$/.test(key)) return () => assign(Number(key) - 1);
  return { u: undo, l: lock, a: choose }[key] ?? null;
}
