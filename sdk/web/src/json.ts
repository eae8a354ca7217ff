import type { Scalar } from "./api";

// The server cuts at fewer characters; more would only make a request too large to outlive the page.
const TEXT_MAX = 2_000;

/**
 * Text of anything that is there: the server refuses an event with something else in place of text. Half a surrogate pair, as a cut leaves
 * behind, is no character: it becomes U+FFFD here as it would there.
 */
export function text(value: unknown): string | undefined {
  return (value as object | null | undefined)?.toString().slice(0, TEXT_MAX).replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** A copy of what the site gave, as it is now and with scalars only. Without a prototype, `__proto__` is a key like any other. */
export function scalars(from: object | undefined): Record<string, Scalar> {
  const copy = { __proto__: null } as object as Record<string, Scalar>;
  const keys = Object.keys(from || copy);
  for (let i = 0; i < keys.length; i++) {
    const value = (from as Record<string, Scalar>)[keys[i]!];
    copy[text(keys[i])!] = typeof value == "number" || value === !!value ? value : text(value);
  }
  return copy;
}
