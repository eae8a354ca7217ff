// What the page's tests use of Node. The page itself knows the browser only, so Node's types stay out of it.
declare module "node:test" {
  export default function test(name: string, body: () => void | Promise<void>): void;
}

declare module "node:assert/strict" {
  export function equal(actual: unknown, expected: unknown, message?: string): void;
  export function deepEqual(actual: unknown, expected: unknown, message?: string): void;
  export function ok(value: unknown, message?: string): void;
  export function rejects(promise: Promise<unknown>, expected: RegExp | ((error: never) => boolean)): Promise<void>;
}
