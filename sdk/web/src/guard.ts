let debugging = false;

export function setDebug(on: boolean): void {
  debugging = on;
}

/** To the console in debug mode. The page may have replaced the console by anything. */
export function log(...what: unknown[]): void {
  try {
    if (debugging) console.warn("footfall", ...what);
  } catch {}
}

/** Calls `body`, and keeps what it throws from the page. */
export function attempt<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    log(error);
  }
  return;
}

/**
 * Listens for an event of the window or of what is in it, with a handler that never throws into the page. In the capture phase, so that
 * events which do not bubble are heard too, and no page can stop them before.
 */
export function listen<E>(name: string, handler: (event: E) => void): void {
  addEventListener(name, (event) => attempt(() => handler(event as E)), true);
}
