/**
 * The map's colours, read from the page's styles, light or dark.
 * @import { Theme } from "./types"
 */

/**
 * @param {HTMLElement} element inside the page, so that its variables hold
 * @returns {Theme}
 */
export function readTheme(element) {
  const probe = document.createElement("span");
  probe.hidden = true;
  element.append(probe);
  const colour = (/** @type {string} */ name) => {
    probe.style.color = `var(--map-${name})`;
    return getComputedStyle(probe).color;
  };
  const theme = {
    water: colour("water"), land: colour("land"), empty: colour("empty"), line: colour("line"),
    stateLine: colour("state-line"), border: colour("border"), ink: colour("ink"), halo: colour("halo"),
    hatch: colour("hatch"), point: colour("point"), pointInk: colour("point-ink"), pointRing: colour("point-ring"),
    selected: colour("selected"),
    isDark: getComputedStyle(document.documentElement).colorScheme.includes("dark"),
  };
  probe.remove();
  return theme;
}

/** @param {() => void} changed called when the page turns light or dark */
export function onThemeChange(changed) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  new MutationObserver(changed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
