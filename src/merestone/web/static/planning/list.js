// The pages around the workspace: how many scenarios are picked, forms that take a while, and a list that is not read
// anew under an open dialogue.

function showPicked() {
  const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[name="pick"]'));
  const button = document.querySelector("[data-pick]");
  const words = document.querySelector("[data-picked]");
  if (!(button instanceof HTMLButtonElement) || !words) return;
  const n = [...boxes].filter((box) => box.checked).length;
  button.disabled = n < 2;
  const said = n === 0 ? "Tick two or more." : n === 1 ? "1 picked; tick another." : `${n} picked`;
  if (words.textContent !== said) words.textContent = said;
}

/** @param {HTMLFormElement} form */
function setBusy(form) {
  document.documentElement.classList.add("htmx-busy");
  const words = form.querySelector("[data-busy-words]");
  if (words) words.textContent = "Reading the rules and the accounts … this can take some seconds.";
  // A disabled button is not sent, so only after the form is.
  setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }), 0);
}

function endBusy() {
  document.documentElement.classList.remove("htmx-busy");
  for (const form of document.querySelectorAll("form[data-busy]")) {
    form.querySelectorAll("button").forEach((button) => { button.disabled = button.hasAttribute("data-off"); });
    const words = form.querySelector("[data-busy-words]");
    if (words) words.textContent = "";
  }
}

document.addEventListener("change", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (target.matches('input[name="pick"]')) showPicked();
  if (target.matches('input[name="leaves"]')) {
    const list = document.querySelector(".left-out-by-hand");
    if (list instanceof HTMLDetailsElement) list.open = /** @type {HTMLInputElement} */ (target).value === "chosen";
  }
  if (target.matches('input[name="left_out"]')) {
    const chosen = document.querySelector('input[name="leaves"][value="chosen"]');
    if (chosen instanceof HTMLInputElement) chosen.checked = true;
  }
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form instanceof HTMLFormElement && form.hasAttribute("data-busy")) setBusy(form);
});
window.addEventListener("pageshow", (event) => { if (event.persisted) endBusy(); showPicked(); });
document.addEventListener("htmx:afterSwap", showPicked);
document.addEventListener("htmx:beforeRequest", (event) => {
  const { target, elt } = /** @type {CustomEvent} */ (event).detail;
  const dialog = document.querySelector("dialog[open]");
  if (!dialog || !(target instanceof Element) || target.id !== "scenarios") return;
  event.preventDefault();
  dialog.addEventListener("close", () => elt.dispatchEvent(new Event("look-again")), { once: true });
});
showPicked();
