import type { Scalar } from "./api";
import { attempt } from "./guard";

// The server cuts at fewer characters; more would only make a request too large to outlive the page.
const enum Limit {
  TextMax = 2_000,
}

/**
 * Text of anything that is there and has one: the server refuses an event with something else in place of text. Half a surrogate pair, as a
 * cut leaves behind, is no character: it becomes U+FFFD here as it would there.
 */
export function text(value: unknown): string | undefined {
  return attempt(() => (value as object | null | undefined)?.toString().slice(0, Limit.TextMax).replace(/\p{Cs}/gu, "\ufffd"));
}

/** Numbers stay what they are, since their text is not that of the raw API (5e-7); so do true and false. */
export function scalar(value: unknown): Scalar {
  return typeof value == "number" || value === !!value ? value : text(value);
}

/**
 * A copy of what the site gave, as it is now and with scalars only. Without a prototype, `__proto__` is a key like any other, and none is
 * inherited. Empty where a getter throws.
 */
export function scalars(from: object | undefined): Record<string, Scalar> {
  const copy = { __proto__: null } as object as Record<string, Scalar>;
  const own = attempt(() => ({ __proto__: null, ...from }) as object as Record<string, unknown>);
  for (const key in own) copy[text(key)!] = scalar(own[key]);
  return copy;
}
