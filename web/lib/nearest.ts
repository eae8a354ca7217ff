/** How many letters have to be changed, added, taken away or swapped with their neighbour to make one text of the other. */
function distance(one: string, other: string): number {
  let [before, last] = [[] as number[], Array.from({ length: other.length + 1 }, (_, at) => at)];
  for (let row = 1; row <= one.length; row += 1) {
    const next = [row];
    for (let at = 1; at <= other.length; at += 1) {
      const same = one[row - 1] === other[at - 1] ? 0 : 1;
      const least = Math.min((last[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1, (last[at - 1] ?? 0) + same);
      const isSwap = at > 1 && row > 1 && one[row - 1] === other[at - 2] && one[row - 2] === other[at - 1];
      next.push(isSwap ? Math.min(least, (before[at - 2] ?? 0) + 1) : least);
    }
    [before, last] = [last, next];
  }
  return last[other.length] ?? 0;
}

/** What was probably meant by a text; undefined where it is too far from all of them. */
export function nearest<T>(text: string, candidates: readonly T[], namesOf: (candidate: T) => readonly string[]): T | undefined {
  const typed = text.toLowerCase();
  let best: { candidate: T; far: number } | undefined;
  for (const candidate of candidates)
    for (const name of namesOf(candidate)) {
      const far = distance(typed, name.toLowerCase());
      // A third of the letters may be wrong.
      if (far <= Math.max(1, Math.floor(name.length / 3)) && far < (best?.far ?? Infinity)) best = { candidate, far };
    }
  return best?.candidate;
}
