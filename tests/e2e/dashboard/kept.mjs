// FIXTURE: what people keep at a site, its segments and annotations; what the server refuses is refused here too.
import { checkFilters, Refusal } from "./answers.mjs";

export function segments() {
  return [
    { id: "seg1", name: "Readers of the news", filters: [["source", "is", ["Hacker News", "Reddit"]], ["not", ["page", "is", ["/"]]]] },
    { id: "seg2", name: "Germany", filters: [["country", "is", ["DE"]]] },
  ];
}

export function annotations() {
  const of = (id, date, time, text) => ({ id, date, time, text, created_by: "ann@team.example", created_at: `${date}T08:31:07.412Z` });
  return [
    of("note1", "2026-11-09", null, "The newsletter of November went out"),
    of("note2", "2026-11-17", "09:30", "Launch"),
    of("note3", "2026-11-17", "18:00", "On the front page of Hacker News <b>with \u202e hostile text</b>"),
    of("note4", "2026-11-24", "08:15", "Moved to the new server"),
  ];
}

const found = (list, id) => {
  const at = list.findIndex((one) => one.id === id);
  if (at < 0) throw new Refusal("not_found", undefined, "there is no such thing");
  return at;
};

function checkSegment(body, others) {
  for (const member of Object.keys(body)) if (!["name", "filters"].includes(member)) throw new Refusal("unknown_field", member, `a segment has no member '${member}'`);
  if (body.name.trim() === "" || [...body.name].length > 64) throw new Refusal("invalid_value", "name", "a name has 1 to 64 characters");
  if (others.some(({ name }) => name === body.name)) throw new Refusal("conflict", "name", `there is a segment '${body.name}' already`);
  if (body.filters.length === 0) throw new Refusal("missing", "filters", "a segment has at least one filter");
  checkFilters(body.filters);
}

function checkAnnotation(body) {
  for (const member of Object.keys(body)) if (!["date", "time", "text"].includes(member)) throw new Refusal("unknown_field", member, `an annotation has no member '${member}'`);
  if (!/^\d{4}-\d\d-\d\d$/.test(body.date)) throw new Refusal("invalid_value", "date", "write a day as YYYY-MM-DD");
  if (body.time !== null && !/^\d\d:\d\d$/.test(body.time)) throw new Refusal("invalid_value", "time", "write a time as HH:MM");
  if (body.text.trim() === "" || body.text.length > 500) throw new Refusal("invalid_value", "text", "a text has 1 to 500 characters");
}

const byTime = (a, b) => `${a.date}${a.time ?? ""}`.localeCompare(`${b.date}${b.time ?? ""}`);

/** The answer to a route of a site's segments or annotations: [status, body]; undefined for any other route. */
export function keptAnswer(method, url, body, user, sites, now) {
  const [, siteId, kind, id] = /^\/api\/v1\/sites\/([^/]+)\/(segments|annotations)(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
  if (!kind) return undefined;
  const site = sites.find((one) => one.id === decodeURIComponent(siteId));
  const refusal = (status, { code, field, message }) => [status, { error: { code, field, message } }];
  if (!site) return refusal(404, new Refusal("not_found", undefined, "there is no such site"));
  const list = site[kind];
  if (method === "GET") {
    const [from, to] = ["from", "to"].map((name) => url.searchParams.get(name));
    const asked = kind === "segments" ? list : list.filter(({ date }) => (from ?? date) <= date && date <= (to ?? date)).sort(byTime);
    return [200, { [kind]: asked }];
  }
  if (user.role === "viewer") return refusal(403, new Refusal("forbidden", undefined, "this needs another role"));
  try {
    const at = id === undefined ? list.length : found(list, id);
    if (method === "DELETE") {
      list.splice(at, 1);
      return [204];
    }
    if (kind === "segments") checkSegment(body, list.filter((_, index) => index !== at));
    else checkAnnotation(body);
    const made = { id: `new${list.length}`, created_by: user.email, created_at: new Date(now).toISOString() };
    list[at] = { ...(list[at] ?? (kind === "segments" ? { id: made.id } : made)), ...body };
    return [method === "POST" ? 201 : 200, list[at]];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return refusal(error.code === "not_found" ? 404 : error.code === "conflict" ? 409 : 400, error);
  }
}
