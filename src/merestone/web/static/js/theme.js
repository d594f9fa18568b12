// Light, dark, or as the system says. The server reads the cookie, so a page never flashes in the wrong theme.

export function startTheme() {
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.hasAttribute("data-theme-form")) return;
    event.preventDefault();
    const button = /** @type {SubmitEvent} */ (event).submitter;
    const theme = button instanceof HTMLButtonElement ? button.value : "system";
    document.documentElement.dataset.theme = theme;
    for (const other of form.querySelectorAll("button[name=theme]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    const data = new FormData(form);
    data.set("theme", theme);
    void fetch(form.action, { method: "POST", body: data, headers: { "HX-Request": "true" } });
    document.dispatchEvent(new CustomEvent("merestone:theme", { detail: { theme } }));
  });
}
