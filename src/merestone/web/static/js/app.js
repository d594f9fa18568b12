// Wires the frame: navigation drawer, theme, menus, dialogs, toasts, busy line. Each part works on delegated events,
// so fragments swapped in later need no set-up of their own.
import { startPalette } from "./palette.js";
import { startLists } from "./lists.js";
import { startTheme } from "./theme.js";
import { showToast } from "./toasts.js";

/** @param {Element | null} dialog */
function openDialog(dialog) {
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

function startRail() {
  const rail = document.querySelector(".rail");
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("[data-rail]")) {
      const isOpen = rail?.classList.toggle("open") ?? false;
      document.querySelector("[data-rail]")?.setAttribute("aria-expanded", String(isOpen));
      if (isOpen) rail?.querySelector("a")?.focus();
    } else if (rail?.classList.contains("open") && !target.closest(".rail")) rail.classList.remove("open");
  });
}

function startMenus() {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(target)) menu.removeAttribute("open");
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.removeAttribute("open");
      menu.querySelector("summary")?.focus();
    }
    document.querySelector(".rail.open")?.classList.remove("open");
  });
}

function startDialogs() {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const opener = target.closest("[data-open]");
    if (opener) openDialog(document.getElementById(opener.getAttribute("data-open") ?? ""));
    if (target.closest("[data-close]") || target instanceof HTMLDialogElement) target.closest("dialog")?.close();
  });
  // Content asked for by HTMX into a dialog opens that dialog.
  document.addEventListener("htmx:afterSwap", (event) => {
    const target = /** @type {CustomEvent} */ (event).detail.target;
    if (target instanceof Element && target.matches("dialog, dialog *")) openDialog(target.closest("dialog"));
  });
}

function startMessages() {
  for (const source of document.querySelectorAll("[data-toast]")) {
    showToast(source.textContent ?? "", { isError: source.getAttribute("data-toast") === "error" });
    source.remove();
  }
  document.addEventListener("htmx:beforeRequest", () => document.documentElement.classList.add("htmx-busy"));
  document.addEventListener("htmx:afterRequest", () => document.documentElement.classList.remove("htmx-busy"));
  document.addEventListener("htmx:responseError", () =>
    showToast("That did not work. Reload the page and try again.", { isError: true }));
  document.addEventListener("htmx:sendError", () =>
    showToast("The server cannot be reached. Check the connection and try again.", { isError: true }));
}

function startForms() {
  // Empty fields would only make the URL long.
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.method !== "get" || !form.hasAttribute("data-lean")) return;
    for (const field of form.elements) {
      if ((field instanceof HTMLInputElement || field instanceof HTMLSelectElement) && field.value === "") field.disabled = true;
    }
    setTimeout(() => { for (const field of form.elements) if ("disabled" in field) field.disabled = false; }, 0);
  });
  document.addEventListener("change", (event) => {
    const field = /** @type {Element} */ (event.target);
    if (field.matches("[data-submit]")) field.closest("form")?.requestSubmit();
  });
  // Demo sign-ins fill the form; the person still presses the button.
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-fill]");
    const form = document.querySelector("form[data-sign-in]");
    if (!(button instanceof HTMLElement) || !(form instanceof HTMLFormElement)) return;
    for (const name of ["email", "password"]) {
      const field = form.elements.namedItem(name);
      if (field instanceof HTMLInputElement) field.value = button.dataset[name] ?? "";
    }
    form.querySelector("button")?.focus();
  });
}

startTheme();
startRail();
startMenus();
startDialogs();
startMessages();
startForms();
startPalette();
startLists();
