// Short messages that come and go; read out by screen readers through the live region.

/**
 * Show a message for some seconds.
 * @param {string} text
 * @param {{isError?: boolean}} [options]
 */
export function showToast(text, { isError = false } = {}) {
  const region = document.getElementById("toasts");
  if (!region) return;
  const toast = document.createElement("div");
  toast.className = isError ? "toast error" : "toast";
  toast.setAttribute("role", isError ? "alert" : "status");
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "×";
  close.setAttribute("aria-label", "Dismiss");
  close.addEventListener("click", () => toast.remove());
  toast.append(words, close);
  region.append(toast);
  if (!isError) setTimeout(() => toast.remove(), 6000);
}
