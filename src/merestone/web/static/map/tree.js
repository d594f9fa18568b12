/**
 * Opens and closes the branches of a territory tree; what was closed stays closed while the tab is open.
 * Keys as in a tree grid: right opens, left closes or goes to the parent, up and down walk the rows.
 */

const KEPT = "closed-branches";

/** @param {HTMLTableElement} table */
function growTree(table) {
  const rows = /** @type {HTMLTableRowElement[]} */ ([...table.querySelectorAll("tbody tr[data-path]")]);
  const parents = rows.filter((row) => row.hasAttribute("data-parent"));
  const storageKey = `${KEPT}:${location.pathname}`;
  /** @type {Set<string>} */
  const closed = new Set(JSON.parse(sessionStorage.getItem(storageKey) ?? "[]"));
  const pathOf = (/** @type {HTMLElement} */ row) => row.dataset.path ?? "";

  const show = () => {
    for (const row of rows) {
      const path = pathOf(row);
      row.hidden = [...closed].some((shut) => path !== shut && path.startsWith(shut));
    }
    for (const row of parents) {
      row.querySelector("button.twig")?.setAttribute("aria-expanded", String(!closed.has(pathOf(row))));
    }
    sessionStorage.setItem(storageKey, JSON.stringify([...closed]));
  };
  const turn = (/** @type {HTMLElement} */ row, /** @type {boolean} */ isOpen) => {
    if (isOpen) closed.delete(pathOf(row));
    else closed.add(pathOf(row));
    show();
  };
  const focus = (/** @type {HTMLElement | undefined} */ row) =>
    /** @type {HTMLElement | null | undefined} */ (row?.querySelector("button.twig, a"))?.focus();

  table.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button.twig");
    const row = /** @type {HTMLElement | null | undefined} */ (button?.closest("tr"));
    if (row) turn(row, closed.has(pathOf(row)));
  });
  table.addEventListener("keydown", (event) => {
    const row = /** @type {HTMLTableRowElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("tr[data-path]"));
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const shown = rows.filter((each) => !each.hidden);
    const place = shown.indexOf(row);
    const isParent = row.hasAttribute("data-parent");
    const isClosed = closed.has(pathOf(row));
    const above = rows.filter((each) => each !== row && pathOf(row).startsWith(pathOf(each))).at(-1);
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => focus(shown[place + 1]),
      ArrowUp: () => focus(shown[place - 1]),
      Home: () => focus(shown[0]),
      End: () => focus(shown.at(-1)),
      ArrowRight: () => (isParent && isClosed ? turn(row, true) : focus(isParent ? shown[place + 1] : row)),
      ArrowLeft: () => (isParent && !isClosed ? turn(row, false) : focus(above)),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  for (const button of document.querySelectorAll("button[data-tree]")) {
    /** @type {HTMLElement} */ (button).hidden = parents.length === 0;
    button.addEventListener("click", () => {
      closed.clear();
      // A single root stays open: closing it would leave one line.
      const isOnly = (/** @type {HTMLElement} */ row) => rows.every((each) => pathOf(each).startsWith(pathOf(row)));
      if (button.getAttribute("data-tree") === "close") {
        for (const row of parents) if (!isOnly(row)) closed.add(pathOf(row));
      }
      show();
    });
  }
  show();
}

const table = document.getElementById("tree");
if (table instanceof HTMLTableElement) growTree(table);
