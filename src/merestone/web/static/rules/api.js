/**
 * Asks the server. A newer question of the same kind cancels the older one.
 * @import { Config } from "./types"
 */

/** @type {Map<string, AbortController>} */
const asking = new Map();

export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {any} content the problem document
   */
  constructor(status, content) {
    super(content?.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.problems = content?.problems ?? [];
  }
}

/** @param {unknown} error */
export const isCancelled = (error) => error instanceof DOMException && error.name === "AbortError";

export class Api {
  /** @param {Config} config */
  constructor(config) {
    this.base = config.urls.api;
    const token = document.querySelector("input[name=csrfmiddlewaretoken]");
    this.token = token instanceof HTMLInputElement ? token.value : "";
  }

  /**
   * @param {string} kind what is asked: an older question of this kind is cancelled
   * @param {string} path
   * @param {unknown} [body] sent as JSON; without it the question is a GET
   * @returns {Promise<any>}
   */
  async ask(kind, path, body) {
    asking.get(kind)?.abort();
    const controller = new AbortController();
    asking.set(kind, controller);
    const response = await fetch(this.base + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": this.token },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal: controller.signal,
    });
    const content = await response.json();
    if (!response.ok) throw new Refusal(response.status, content);
    return content;
  }
}

/**
 * @param {(...given: any[]) => void} act
 * @param {number} ms
 */
export function later(act, ms) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (/** @type {any[]} */ ...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), ms);
  };
}
