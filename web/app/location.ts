import { computed, signal } from "@preact/signals";

import { parseView, readView, type View, viewSearch } from "./state";

/** Where we are. The address is the state: everything that is shown follows from it, and it changes only by go(). */
export const path = signal(location.pathname);
export const search = signal(location.search);
export const view = computed(() => parseView(search.value));
/** What stood in the address and was not understood, until it is dismissed or another view is shown. */
export const dropped = signal<readonly string[]>([]);
/** Kept over pages without a view in their address; nothing is stored in the browser. */
const kept = signal<Partial<Record<"theme" | "keys", string>>>({});

export function go(href: string, { replace = false } = {}): void {
  const url = new URL(href, location.origin);
  for (const [name, value] of Object.entries(kept.value))
    if (!url.searchParams.has(name)) url.search += `${url.search ? "&" : ""}${name}=${value}`;
  history[replace ? "replaceState" : "pushState"](null, "", url.pathname + url.search);
  dropped.value = [];
  read();
}

/** Another view of the same page. */
export function show(change: Partial<View>, options?: { replace: boolean }): void {
  keep({ ...view.value, ...change });
  go(path.value + viewSearch({ ...view.value, ...change }), options);
}

export function sitePath(id: string): string {
  return `/sites/${encodeURIComponent(id)}`;
}

export function rejectedPath(id: string): string {
  return `${sitePath(id)}/rejected`;
}

/** The id in "/sites/ID". */
export function siteIn(pathname: string): string | undefined {
  return idIn(/^\/sites\/([^/]+)\/?$/, pathname);
}

/** The id in "/sites/ID/rejected". */
export function rejectedIn(pathname: string): string | undefined {
  return idIn(/^\/sites\/([^/]+)\/rejected\/?$/, pathname);
}

function idIn(pattern: RegExp, pathname: string): string | undefined {
  const match = pattern.exec(pathname);
  try {
    return match?.[1] && decodeURIComponent(match[1]);
  } catch {
    return undefined;
  }
}

function read(): void {
  correct();
  path.value = location.pathname;
  search.value = location.search;
  keep(view.value);
}

/** An address says what is shown, and nothing else. Other pages have no view. */
function correct(): void {
  const { view: understood, dropped: rest } = readView(location.search);
  if (rest.length === 0 || siteIn(location.pathname) === undefined) return;
  history.replaceState(null, "", location.pathname + viewSearch(understood) + location.hash);
  dropped.value = rest;
}

function keep({ theme, keys }: View): void {
  kept.value = { ...(theme === "auto" ? {} : { theme }), ...(keys === "on" ? {} : { keys }) };
}

read();

addEventListener("popstate", read);
