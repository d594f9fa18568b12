// The command palette: Ctrl-K (or "/") opens it, arrows choose, Enter goes. The server finds; HTMX swaps the results.

/** @returns {HTMLAnchorElement[]} */
function choices() {
  return [...document.querySelectorAll("#palette-results a")].map((link) => /** @type {HTMLAnchorElement} */ (link));
}

/** @param {number} step */
function move(step) {
  const links = choices();
  if (!links.length) return;
  const now = links.findIndex((link) => link.getAttribute("aria-selected") === "true");
  const next = (now + step + links.length) % links.length;
  links.forEach((link, index) => link.setAttribute("aria-selected", String(index === next)));
  links[next].scrollIntoView({ block: "nearest" });
  document.querySelector("#palette input")?.setAttribute("aria-activedescendant", links[next].id);
}

export function startPalette() {
  const dialog = document.getElementById("palette");
  if (!(dialog instanceof HTMLDialogElement)) return;
  const input = /** @type {HTMLInputElement} */ (dialog.querySelector("input[type=search]"));
  const open = () => {
    if (dialog.open) return;
    dialog.showModal();
    input.select();
  };
  document.addEventListener("click", (event) => {
    const opener = /** @type {Element} */ (event.target).closest("[data-palette]");
    if (opener) { event.preventDefault(); open(); }
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea, select");
    if (((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") || (event.key === "/" && !isTyping)) {
      event.preventDefault();
      open();
    }
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); move(1); }
    if (event.key === "ArrowUp") { event.preventDefault(); move(-1); }
    if (event.key === "Enter") {
      const chosen = choices().find((link) => link.getAttribute("aria-selected") === "true") ?? choices()[0];
      if (chosen) { event.preventDefault(); chosen.click(); }
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (/** @type {CustomEvent} */ (event).detail.target.id === "palette-results") move(1);
  });
}
