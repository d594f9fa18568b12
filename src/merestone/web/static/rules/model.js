/** A model's tree: finds while one types, and fills in how many accounts each territory matches and wins. */

const table = document.getElementById("tree");
const find = document.querySelector("[data-tree-find]");
const found = document.querySelector("[data-tree-found]");
const whole = new Intl.NumberFormat("en-GB");

if (table instanceof HTMLTableElement && find instanceof HTMLInputElement && find.value === "") {
  const rows = /** @type {HTMLElement[]} */ ([...table.querySelectorAll("tbody tr[data-path]")]);
  const texts = rows.map((row) => `${row.textContent} ${row.dataset.key}`.toLowerCase());
  find.addEventListener("input", () => {
    const words = find.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const hits = rows.filter((_, at) => words.every((word) => texts[at].includes(word)));
    const paths = hits.map((row) => row.dataset.path ?? "");
    for (const row of rows) row.classList.toggle("unlike", !paths.some((path) => path.startsWith(row.dataset.path ?? "")));
    if (found) found.textContent = words.length === 0 ? `${whole.format(rows.length)} territories` : `${whole.format(hits.length)} of ${whole.format(rows.length)}`;
  });
  find.form?.addEventListener("submit", (event) => event.preventDefault());
}

async function fillCounts() {
  if (!(table instanceof HTMLTableElement) || !table.dataset.counts) return;
  const response = await fetch(table.dataset.counts, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!response.ok) return;
  /** @type {{ territories: Record<string, [number, number]> }} */
  const { territories } = await response.json();
  for (const row of /** @type {NodeListOf<HTMLElement>} */ (table.querySelectorAll("tr[data-key]"))) {
    const counts = territories[row.dataset.key ?? ""];
    if (!counts) continue;
    const [matches, wins] = counts;
    for (const [name, n] of /** @type {[string, number][]} */ ([["matches", matches], ["wins", wins]])) {
      const cell = row.querySelector(`[data-${name}]`);
      const isNone = row.hasAttribute("data-grouping") || (name === "wins" && row.hasAttribute("data-overlay"));
      if (cell && !isNone) cell.textContent = whole.format(n);
    }
  }
}

fillCounts().catch(() => undefined);

export {};
