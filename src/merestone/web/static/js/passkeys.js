// Passkeys and security keys: forms with data-passkey ask the browser for a credential and post it.
// "create" makes one, "get" uses one. What to ask stands in data-options, or is fetched from data-url.

/** @param {string} text */
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

/** @param {ArrayBuffer | null | undefined} buffer */
function text(buffer) {
  if (!buffer) return undefined;
  const binary = Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {any} asked */
function readable(asked) {
  const key = structuredClone(asked.publicKey);
  key.challenge = bytes(key.challenge);
  if (key.user) key.user.id = bytes(key.user.id);
  for (const one of [...(key.allowCredentials ?? []), ...(key.excludeCredentials ?? [])]) one.id = bytes(one.id);
  return key;
}

/** @param {any} credential */
function writable(credential) {
  const said = credential.response;
  return JSON.stringify({
    id: credential.id, rawId: text(credential.rawId), type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      clientDataJSON: text(said.clientDataJSON), attestationObject: text(said.attestationObject),
      authenticatorData: text(said.authenticatorData), signature: text(said.signature), userHandle: text(said.userHandle),
      transports: said.getTransports?.(),
    },
  });
}

/** @param {HTMLFormElement} form */
async function ask(form) {
  const asked = form.dataset.options
    ? JSON.parse(form.dataset.options)
    : (await (await fetch(form.dataset.url ?? "", { headers: { Accept: "application/json" } })).json()).request_options;
  const publicKey = readable(asked);
  if (form.dataset.passkey === "get") return navigator.credentials.get({ publicKey });
  const alone = form.elements.namedItem("passwordless");
  if (alone instanceof HTMLInputElement) {
    const isAlone = alone.checked;
    publicKey.authenticatorSelection = {
      ...publicKey.authenticatorSelection, residentKey: isAlone ? "required" : "discouraged", requireResidentKey: isAlone,
      ...(isAlone ? { userVerification: "required" } : {}),
    };
  }
  return navigator.credentials.create({ publicKey });
}

/** @param {HTMLFormElement} form @param {string} words */
function tell(form, words) {
  const problem = form.querySelector("[data-passkey-problem]");
  const place = problem?.querySelector("p");
  if (!(problem instanceof HTMLElement) || !place) return;
  place.textContent = words;
  problem.hidden = words === "";
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.dataset.passkey) return;
  event.preventDefault();
  tell(form, "");
  if (!window.PublicKeyCredential) {
    tell(form, "This browser, or a page without HTTPS, cannot use passkeys.");
    return;
  }
  try {
    const credential = await ask(form);
    const place = form.elements.namedItem("credential");
    if (place instanceof HTMLInputElement) place.value = writable(credential);
    form.submit();
  } catch (error) {
    const isKnown = error instanceof DOMException && error.name === "InvalidStateError";
    tell(form, isKnown ? "This key is added already." : "That was cancelled, took too long, or no key fitted.");
  }
});
