interface Parts {
  hidden?: () => boolean;
  onVisibility?: (changed: () => void) => () => void;
  now?: () => number;
  every?: (run: () => void, ms: number) => () => void;
}

/** What is younger than this when a page is seen again is not looked at anew: some change to and fro. */
const FRESH_MS = 5_000;

/** Calls when the page is hidden or seen. Returns what ends it. */
export function onVisibilityChange(changed: () => void): () => void {
  document.addEventListener("visibilitychange", changed);
  return () => document.removeEventListener("visibilitychange", changed);
}

function everyInterval(run: () => void, ms: number): () => void {
  const timer = setInterval(run, ms);
  return () => clearInterval(timer);
}

/** Looks every so often while the page is seen, and at once where it is seen again after a while. Returns what ends it. */
export function watch(
  look: () => void,
  everyMs: number,
  { hidden = () => document.hidden, onVisibility = onVisibilityChange, now = Date.now, every = everyInterval }: Parts = {},
): () => void {
  let lookedAtMs = now();
  const turn = () => {
    if (hidden()) return;
    lookedAtMs = now();
    look();
  };
  const stop = every(turn, everyMs);
  const leave = onVisibility(() => {
    if (now() - lookedAtMs >= FRESH_MS) turn();
  });
  return () => {
    stop();
    leave();
  };
}
