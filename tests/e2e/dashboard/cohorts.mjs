// FIXTURE: invented funnels and cohorts in the shapes of POST /api/v1/funnel and /api/v1/retention, the same in every run; what the server
// refuses is refused here too.
import { addDays, chance, checkDimension, checkFilters, checkMembers, checkSegmentOf, dayOf, metaOf, rangeOf, Refusal, VALUES } from "./answers.mjs";

export const OF_ALL = ["website_id", "date_range", "time_range", "filters", "segment", "include_bots", "explain"];
const KINDS = ["page", "event", "goal"];
const STEPS_MAX = 16;
const COHORTS_MAX = 400;

function nearest(name, names) {
  return names.find((other) => [...other].sort().join("").toLowerCase() === [...name].sort().join("").toLowerCase());
}

export function checkStep(step, path, goals) {
  checkMembers(step, [...KINDS, "name", "filters"]);
  const [kind, ...more] = KINDS.filter((name) => name in step);
  if (!kind || more.length > 0) throw new Refusal("invalid_step", path, "a step has one of 'page', 'event' and 'goal', and its value");
  if (step[kind] === "") throw new Refusal("invalid_value", `${path}.${kind}`, "say which");
  if (kind === "goal" && !goals.includes(step.goal))
    throw Object.assign(new Refusal("unknown_goal", `${path}.goal`, `the site has no goal '${step.goal}'`), { near: nearest(step.goal, goals) });
  checkFilters(step.filters, `${path}.filters`);
  return step.name ?? step[kind];
}

export function refusable(ask) {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { error: { code: error.code, field: error.field, message: error.message, ...(error.near ? { did_you_mean: error.near } : {}) } };
  }
}

export const share = (part, whole) => (whole === 0 ? null : (100 * part) / whole);

/** Who reached each step, of so many that reached the first. */
function stepsOf(names, first, seed, by) {
  const reached = [];
  for (const [index, name] of names.entries())
    reached.push(name === "/nowhere" ? 0 : index === 0 ? first : Math.round(reached[index - 1] * (0.25 + 0.6 * chance(`${seed}${name}${index}`))));
  const sessions = reached.map((count) => Math.round(count * 1.2));
  return names.map((name, index) => ({
    name,
    visitors: reached[index],
    rate: share(reached[index], reached[0]),
    step_rate: share(reached[index], reached[Math.max(0, index - 1)]),
    drop_off: index === 0 ? 0 : reached[index - 1] - reached[index],
    ...(by === "session" ? { sessions: sessions[index], session_rate: share(sessions[index], sessions[0]) } : {}),
  }));
}

/** Who was lost at each step, in names made up. */
function withDropped(steps, limit = 0) {
  if (limit === 0) return steps;
  const one = (_, i) => ({ user_id: `visitor ${i + 1}`, at: `2026-11-20T12:${String(59 - (i % 60)).padStart(2, "0")}:00+01:00` });
  return steps.map((step) => ({ ...step, dropped: Array.from({ length: Math.min(limit, step.drop_off) }, one) }));
}

export function funnel(asked, site, now, goals) {
  return refusable(() => {
    checkMembers(asked, [...OF_ALL, "steps", "window_seconds", "by", "breakdown", "limit", "dropped_limit"]);
    const range = rangeOf(asked, site.timezone, now);
    checkFilters(asked.filters);
    checkSegmentOf(asked, site);
    if (asked.steps.length === 0 || asked.steps.length > STEPS_MAX) throw new Refusal("limit_exceeded", "steps", "name 1 to 16 steps");
    const names = asked.steps.map((step, index) => checkStep(step, `steps[${index}]`, goals));
    const { by = "visitor", breakdown } = asked;
    if (breakdown !== undefined) checkDimension(breakdown, "breakdown");
    if (["goal", "date"].includes(breakdown))
      throw new Refusal("unsupported_dimension", "breakdown", `a funnel is broken down by what an event or its session has, not by '${breakdown}'`);
    const first = Math.round(site.events === 0 ? 0 : site.size * (60 + 40 * chance(names[0] + range[0])));
    const values = VALUES[breakdown] ?? [];
    const whole = values.reduce((sum, value) => sum + value.at(-1), 0);
    return {
      steps: withDropped(stepsOf(names, first, site.id, by), asked.dropped_limit),
      breakdown:
        breakdown === undefined
          ? null
          : values
              .map((value) => ({ value: value.at(-2), steps: stepsOf(names, Math.round((first * value.at(-1)) / whole), site.id + value.at(-2), by) }))
              .slice(0, asked.limit ?? 10),
      meta: metaOf(asked, site, range, now, ["visitor_id", "groupArray(step)"], ["visitor_id"]),
    };
  });
}

function startOf(granularity, day) {
  if (granularity === "month") return `${day.slice(0, 7)}-01`;
  return granularity === "week" ? addDays(day, -((new Date(day).getUTCDay() + 6) % 7)) : day;
}

const nextOf = (granularity, day) => startOf(granularity, addDays(day, { day: 1, week: 7, month: 31 }[granularity]));

export function retention(asked, site, now, goals) {
  return refusable(() => {
    checkMembers(asked, [...OF_ALL, "granularity", "first", "again"]);
    const [from, to] = rangeOf(asked, site.timezone, now);
    checkFilters(asked.filters);
    checkSegmentOf(asked, site);
    for (const side of ["first", "again"]) if (asked[side]) checkStep(asked[side], side, goals);
    const { granularity = "week" } = asked;
    const today = dayOf(site.timezone, now);
    const since = site.since.slice(0, 10);
    const starts = [];
    for (let day = startOf(granularity, asked.time_range === "all" ? since : from); day <= to && day <= today; day = nextOf(granularity, day)) starts.push(day);
    if (starts.length > COHORTS_MAX)
      throw new Refusal("limit_exceeded", "granularity", `at most ${COHORTS_MAX} cohorts are told; ask for a shorter range or longer periods`);
    const scale = { day: 1, week: 6, month: 24 }[granularity] * site.size * 6 * (site.events === 0 ? 0 : 1);
    const cohorts = starts.map((date, index) => {
      const visitors = date < startOf(granularity, since) ? 0 : Math.round(scale * (0.7 + 0.6 * chance(date)));
      const periods = starts.slice(index).map((later, ahead) => {
        const came = ahead === 0 ? visitors : Math.round((visitors * (0.16 + 0.08 * chance(date + later))) / Math.sqrt(ahead + (later === starts.at(-1) ? 2 : 0)));
        return { visitors: came, rate: share(came, visitors) };
      });
      return { date, visitors, periods };
    });
    const isOpen = starts.length > 0 && nextOf(granularity, starts.at(-1)) > today;
    return {
      granularity,
      running: isOpen ? starts.at(-1) : null,
      cohorts,
      meta: metaOf(asked, site, [from, to], now, ["cohort", "period", "uniqExact(visitor_id)"], ["cohort", "period"]),
    };
  });
}
