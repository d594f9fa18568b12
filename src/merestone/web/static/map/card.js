/**
 * The card beside the map: what was clicked, written by the server, which shows only what the user may see.
 */

import { make } from "./legend.js";

/**
 * @param {HTMLElement} element
 * @param {string} address
 * @param {{ lead?: Node[], onClose: () => void }} options
 */
export async function showCard(element, address, { lead = [], onClose }) {
  const turn = String(Number(element.dataset.turn ?? 0) + 1);
  element.dataset.turn = turn;
  element.hidden = false;
  element.setAttribute("aria-busy", "true");
  const body = make("div", { class: "map-card-body" });
  try {
    const response = await fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (element.dataset.turn !== turn) return;
    if (!response.ok) throw new Error(String(response.status));
    body.innerHTML = await response.text();
  } catch {
    if (element.dataset.turn !== turn) return;
    body.append(make("p", {}, ["This is not here, or the server did not answer."]));
  }
  const close = make("button", { type: "button", class: "icon-button map-card-close", "aria-label": "Close" }, ["×"]);
  close.addEventListener("click", onClose);
  element.replaceChildren(close, ...lead, body);
  element.removeAttribute("aria-busy");
}

/** @param {HTMLElement} element */
export function hideCard(element) {
  element.dataset.turn = String(Number(element.dataset.turn ?? 0) + 1);
  element.hidden = true;
  element.replaceChildren();
}
