// What the browser does with a security key, and its refusals in words. The browser reads the server's options and writes
// its answer by itself, so nothing here takes bytes apart.

/** Whether this browser can use a security key on this page: not all can, and none on an insecure address. */
export const keysWork = (): boolean =>
  typeof window !== "undefined" && window.isSecureContext && typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

export type KeyAnswer = Record<string, unknown>;

const asAnswer = (made: Credential | null): KeyAnswer => {
  if (!made) throw new DOMException("no answer", "NotAllowedError");
  return (made as PublicKeyCredential).toJSON() as unknown as KeyAnswer;
};

export async function addKey(options: unknown): Promise<KeyAnswer> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as PublicKeyCredentialCreationOptionsJSON);
  return asAnswer(await navigator.credentials.create({ publicKey }));
}

export async function askKey(options: unknown): Promise<KeyAnswer> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as PublicKeyCredentialRequestOptionsJSON);
  return asAnswer(await navigator.credentials.get({ publicKey }));
}

const words: Record<string, string> = {
  NotAllowedError: "The key was not used, or it took too long. Try again.",
  AbortError: "The key was not used. Try again.",
  InvalidStateError: "This key is set up for you already. Use another one.",
  SecurityError: "Keys are bound to a site's name, and this address is not the right one. Open the site by its name.",
  NotSupportedError: "This key cannot be used here. Try another one.",
};

/** Why a key did not work, null for what is no refusal of the browser's. */
export const keyRefusal = (error: unknown): string | null =>
  error instanceof DOMException ? words[error.name] ?? "The key could not be used. Try again, or use another way." : null;
