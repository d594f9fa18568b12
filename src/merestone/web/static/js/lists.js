// Row selection of lists: the page's rows, or everything that matches the filters.

/** @param {Element} list */
function refresh(list) {
  const boxes = [...list.querySelectorAll("input[name=ids]")].map((box) => /** @type {HTMLInputElement} */ (box));
  const chosen = boxes.filter((box) => box.checked);
  for (const box of boxes) box.closest("tr")?.classList.toggle("selected", box.checked);
  const all = list.querySelector("[data-pick-page]");
  if (all instanceof HTMLInputElement) {
    all.checked = boxes.length > 0 && chosen.length === boxes.length;
    all.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
  }
  const matching = list.querySelector("input[name=all]");
  const bar = list.querySelector("[data-bulk]");
  const offer = list.querySelector("[data-pick-matching]");
  const isAll = matching instanceof HTMLInputElement && matching.value === "1";
  if (bar instanceof HTMLElement) bar.hidden = chosen.length === 0;
  const total = Number(list.querySelector("#rows")?.getAttribute("data-total") ?? 0);
  const count = list.querySelector("[data-picked]");
  if (count) count.textContent = (isAll ? total : chosen.length).toLocaleString("en-GB");
  if (offer instanceof HTMLElement) offer.hidden = isAll || chosen.length < boxes.length || total <= boxes.length;
}

export function startLists() {
  document.addEventListener("change", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    const list = field.closest("[data-list]");
    if (!list) return;
    if (field.matches("[data-pick-page]")) {
      for (const box of list.querySelectorAll("input[name=ids]")) /** @type {HTMLInputElement} */ (box).checked = field.checked;
    }
    if (field.matches("[data-pick-page], input[name=ids]")) {
      const matching = list.querySelector("input[name=all]");
      if (matching instanceof HTMLInputElement) matching.value = "";
      refresh(list);
    }
  });
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const list = target.closest("[data-list]");
    if (!list) return;
    const matching = list.querySelector("input[name=all]");
    if (target.closest("[data-pick-matching]") && matching instanceof HTMLInputElement) {
      matching.value = "1";
      refresh(list);
    }
    if (target.closest("[data-pick-none]")) {
      if (matching instanceof HTMLInputElement) matching.value = "";
      for (const box of list.querySelectorAll("input[name=ids]")) /** @type {HTMLInputElement} */ (box).checked = false;
      refresh(list);
    }
  });
  // The search box stands outside of what is swapped: it follows the address unless somebody types in it.
  document.addEventListener("htmx:afterSettle", () => {
    const box = document.querySelector("#find input[name=q]");
    if (box instanceof HTMLInputElement && box !== document.activeElement) {
      box.value = new URLSearchParams(location.search).get("q") ?? "";
    }
  });
  // A row is a large target: a click beside its links and boxes follows its main link.
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const row = target.closest("[data-list] tbody tr");
    if (!row || target.closest("a, button, input, label, summary") || window.getSelection()?.toString()) return;
    const link = row.querySelector("td.main a");
    if (link instanceof HTMLAnchorElement) link.click();
  });
}
