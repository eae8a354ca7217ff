import { attempt, listen } from "./guard";

/** Where the browser is, as path and query. With `hash`, the route in the fragment (`#/a`, `#!/a`) is the end of the path. */
export function currentPage(hash: boolean): string {
  const { pathname, search } = location;
  return (hash ? pathname.replace(/\/?$/, "/") + location.hash.replace(/^#!?\/?/, "").split("?")[0] : pathname) + search;
}

/**
 * Calls `changed` when the page navigates itself to another path. Another query alone is the same page, as it is in every report: pages keep
 * filters and positions there.
 */
export function watchNavigation(hash: boolean, changed: () => void): void {
  const path = (): string => currentPage(hash).split("?")[0]!;
  let last = path();
  const look = (): void => {
    if (last != (last = path())) changed();
  };
  // Where history is frozen, back and forward are still seen.
  const wrap = (name: "pushState" | "replaceState"): void =>
    attempt(() => {
      const original = history[name];
      if (original)
        history[name] = function (this: History, ...given) {
          original.apply(this, given);
          attempt(look);
        };
    });
  wrap("pushState");
  wrap("replaceState");
  listen("popstate", look);
}
