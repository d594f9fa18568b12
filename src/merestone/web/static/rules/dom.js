/** Elements in one line, and the icons of the sprite. */

/**
 * @param {string} name
 * @param {Record<string, string | boolean | undefined>} [attributes] `false` and `undefined` leave one out
 * @param {(Node | string | null)[]} [children]
 * @returns {any}
 */
export function make(name, attributes = {}, children = []) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const sprite = () => document.querySelector("svg.icon use")?.getAttribute("href")?.split("#")[0] ?? "";

/** @param {string} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon icon-s");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite()}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * @param {string} label
 * @param {Record<string, string>} attributes
 * @param {() => void} act
 * @param {string} [symbol] shown instead of the words
 * @returns {HTMLButtonElement}
 */
export function button(label, attributes, act, symbol) {
  const made = make("button", { type: "button", ...attributes, ...(symbol ? { "aria-label": label, title: label } : {}) }, [
    symbol ? icon(symbol) : label,
  ]);
  made.addEventListener("click", act);
  return made;
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`There is no #${id}.`);
  return element;
}

export const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
/** @param {number} n @param {string} one @param {string} [many] */
export const counted = (n, one, many = `${one}s`) => `${whole.format(n)} ${n === 1 ? one : many}`;
