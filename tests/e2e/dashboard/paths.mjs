// FIXTURE: invented paths in the shape of POST /api/v1/paths, the same in every run; what the server refuses is refused here too. The
// numbers agree with each other, since they are counted over sessions that are made up first.
import { chance, checkFilters, checkMembers, checkSegmentOf, metaOf, rangeOf, Refusal, VALUES } from "./answers.mjs";
import { checkStep, OF_ALL, refusable, share } from "./cohorts.mjs";

const SESSIONS = 400;
const EVENT_SHARE = 0.18;
const LEAVES = 0.3;
const LENGTH_MAX = 14;

function drawn(values, random) {
  const whole = values.reduce((sum, [, weight]) => sum + weight, 0);
  let rest = random * whole;
  return values.find(([, weight]) => (rest -= weight) < 0)[0];
}

/** The nodes of a made up session, from its first, or from that of the step. */
function session(seed, { from, to, nodes = "pages", collapse = true }) {
  const step = from ?? to;
  const first = step && { value: step.page ?? step.event ?? "/contact", kind: step.event === undefined ? "page" : "event" };
  const all = first ? [first] : [];
  for (let at = all.length; at === 0 || (at < LENGTH_MAX && chance(`${seed} ${at} on`) > LEAVES); at += 1) {
    const isEvent = nodes === "events" || (nodes === "both" && chance(`${seed} ${at} kind`) < EVENT_SHARE);
    const value = drawn(isEvent ? VALUES.event_name : VALUES.page, chance(`${seed} ${at} value`));
    const before = all.at(-1);
    const kind = isEvent ? "event" : "page";
    if (!(collapse && before?.value === value && before.kind === kind)) all.push({ value, kind });
  }
  return all;
}

const most = (groups) => [...groups].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));

function grouped(keys, weights) {
  const groups = new Map();
  keys.forEach((key, i) => key !== undefined && groups.set(key, (groups.get(key) ?? 0) + weights[i]));
  return groups;
}

export function paths(asked, site, now, goals) {
  return refusable(() => {
    checkMembers(asked, [...OF_ALL, "from", "to", "depth", "nodes", "collapse", "limit", "paths_limit"]);
    const range = rangeOf(asked, site.timezone, now);
    checkFilters(asked.filters);
    checkSegmentOf(asked, site);
    for (const side of ["from", "to"]) if (asked[side]) checkStep(asked[side], side, goals);
    if (asked.from && asked.to) throw new Refusal("invalid_value", "to", "paths go from a step or to one: name either 'from' or 'to'");
    const { depth = 5, limit = 8, paths_limit = 20 } = asked;
    if (depth < 2 || depth > 10) throw new Refusal("out_of_range", "depth", "'depth' must be an integer from 2 to 10");
    const isNone = site.events === 0 || (asked.from ?? asked.to)?.page === "/nowhere";
    const all = isNone ? [] : Array.from({ length: SESSIONS }, (_, i) => session(`${site.id} ${i}`, asked));
    const weights = all.map((_, i) => Math.max(1, Math.round(site.size * 0.06 * (0.5 + chance(`${site.id} weight ${i}`)))));
    const keyAt = (nodes, at) => nodes[at] && JSON.stringify(nodes[at]);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const tops = [];
    const steps = Array.from({ length: depth }, (_, at) => {
      const groups = most(grouped(all.map((nodes) => keyAt(nodes, at)), weights));
      const told = groups.slice(0, limit).map(([key]) => key);
      if (groups.length > told.length) told.push(undefined);
      tops.push(told);
      const here = (nodes, key) => nodes.length > at && (key === undefined ? !told.includes(keyAt(nodes, at)) : keyAt(nodes, at) === key);
      const sum = (test) => all.reduce((so_far, nodes, i) => so_far + (test(nodes) ? weights[i] : 0), 0);
      return {
        depth: at + 1,
        sessions: sum((nodes) => nodes.length > at),
        ended: sum((nodes) => nodes.length === at + 1),
        nodes: told.map((key) => ({
          ...(key === undefined ? { value: null, kind: null } : JSON.parse(key)),
          sessions: sum((nodes) => here(nodes, key)),
          ended: sum((nodes) => nodes.length === at + 1 && here(nodes, key)),
          is_other: key === undefined,
        })),
      };
    });
    const placeOf = (nodes, at) => {
      const place = tops[at].indexOf(keyAt(nodes, at));
      return place < 0 ? tops[at].length - 1 : place;
    };
    const linkOf = (nodes, at) => (nodes.length > at + 1 ? `${placeOf(nodes, at)} ${placeOf(nodes, at + 1)}` : undefined);
    const links = steps.slice(1).flatMap((_, at) =>
      most(grouped(all.map((nodes) => linkOf(nodes, at)), weights)).map(([key, sessions]) => {
        const [source, target] = key.split(" ").map(Number);
        return { depth: at + 1, source, target, sessions };
      }),
    );
    const whole = most(grouped(all.map((nodes) => JSON.stringify(nodes.slice(0, depth))), weights))
      .slice(0, paths_limit)
      .map(([key, sessions]) => ({ nodes: JSON.parse(key), sessions, rate: share(sessions, total) }));
    const meta = metaOf(asked, site, range, now, ["session_id", "groupArray(page)"], ["session_id"]);
    return { sessions: total, steps, links, paths: whole, meta };
  });
}
