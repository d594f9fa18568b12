/**
 * Tabs that are walked with arrow keys.
 */

/**
 * @param {HTMLElement} list
 * @param {string | null} wanted
 * @param {(tab: string) => void} onChange
 * @returns {string} the tab that is open
 */
export function startTabs(list, wanted, onChange) {
  const tabs = /** @type {HTMLButtonElement[]} */ ([...list.querySelectorAll("[role=tab]")]);
  const open = (/** @type {HTMLButtonElement} */ tab) => {
    for (const each of tabs) {
      const isHere = each === tab;
      each.setAttribute("aria-selected", String(isHere));
      each.tabIndex = isHere ? 0 : -1;
      const panel = document.getElementById(each.getAttribute("aria-controls") ?? "");
      if (panel) panel.hidden = !isHere;
    }
  };
  const nameOf = (/** @type {HTMLButtonElement} */ tab) => tab.dataset.tab ?? "";
  list.addEventListener("click", (event) => {
    const tab = /** @type {HTMLButtonElement | null} */ (/** @type {Element} */ (event.target).closest("[role=tab]"));
    if (!tab) return;
    open(tab);
    onChange(nameOf(tab));
  });
  list.addEventListener("keydown", (event) => {
    const from = tabs.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const to = { ArrowRight: from + 1, ArrowLeft: from - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined || from < 0) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    open(tab);
    tab.focus();
    onChange(nameOf(tab));
  });
  const first = tabs.find((tab) => nameOf(tab) === wanted) ?? tabs[0];
  open(first);
  return nameOf(first);
}
