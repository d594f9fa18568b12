/**
 * Sends changes to the server one after the other and keeps what could not be sent: nothing done here is lost because a
 * network was away for a while.
 * @import { Answer, Config } from "./types"
 */

const FIRST_WAIT = 2000;
const LONGEST_WAIT = 30_000;

/** @typedef {"saved" | "saving" | "waiting"} SyncState */
/** @typedef {{ verb: string, body: Record<string, unknown>, done?: (answer: any) => void }} Change */

/** The server said no, and why. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {any} content
   */
  constructor(status, content) {
    super(content?.message ?? `The server answered ${status}.`);
    this.status = status;
    this.code = content?.code ?? "";
    this.fix = content?.fix ?? "";
    /** @type {{ message: string, fix?: string }[]} */
    this.problems = content?.problems ?? [];
  }
}

/**
 * @param {string} url
 * @param {{ csrf?: string, body?: unknown }} [options] with a body it is a POST
 * @returns {Promise<any>}
 */
export async function ask(url, { csrf = "", body } = {}) {
  const response = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json", "X-CSRFToken": csrf }) },
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
  });
  const isJson = response.headers.get("content-type")?.includes("json");
  const content = isJson ? await response.json() : null;
  if (!response.ok || !isJson) throw new Refusal(response.status, content);
  return content;
}

export class Sync {
  /**
   * @param {Config} config
   * @param {number} revision
   * @param {{
   *   onAnswer: (answer: Answer) => void,
   *   onState: (state: SyncState, waiting: number) => void,
   *   onRefusal: (refusal: Refusal) => void,
   * }} listeners
   */
  constructor(config, revision, listeners) {
    this.config = config;
    this.revision = revision;
    this.listeners = listeners;
    /** @type {Change[]} */
    this.changes = [];
    this.isBusy = false;
    this.wait = FIRST_WAIT;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    addEventListener("online", () => this.retry());
    addEventListener("beforeunload", (event) => {
      if (this.changes.length > 0) event.preventDefault();
    });
  }

  /** @param {Change} change */
  send(change) {
    this.changes.push(change);
    void this.#work();
  }

  retry() {
    clearTimeout(this.timer);
    void this.#work();
  }

  /**
   * After everything was loaded anew.
   * @param {number} revision
   */
  restart(revision) {
    this.revision = revision;
    this.changes = [];
    this.listeners.onState("saved", 0);
  }

  async #work() {
    if (this.isBusy) return;
    this.isBusy = true;
    clearTimeout(this.timer);
    try {
      while (this.changes.length > 0) {
        const [change] = this.changes;
        this.listeners.onState("saving", this.changes.length);
        const body = { seen: this.revision, ...change.body };
        const answer = await ask(`${this.config.urls.post}${change.verb}/`, { csrf: this.config.csrf, body });
        if (change !== this.changes[0]) break; // everything was loaded anew meanwhile
        this.wait = FIRST_WAIT;
        this.changes.shift();
        this.revision = answer.revision ?? this.revision;
        change.done?.(answer);
        this.listeners.onAnswer(answer);
      }
      if (this.changes.length === 0) this.listeners.onState("saved", 0);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.isBusy = false;
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    const isForGood = error instanceof Refusal && error.status < 500 && error.status !== 429;
    if (isForGood) {
      this.changes = [];
      this.listeners.onRefusal(error);
      return;
    }
    this.listeners.onState("waiting", this.changes.length);
    this.timer = setTimeout(() => this.retry(), this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
  }
}
