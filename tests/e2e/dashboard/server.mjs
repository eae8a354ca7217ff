// FIXTURE: stands in for the server's side of the dashboard: the built page with the server's own headers, accounts, sites, queries from
// answers.mjs and the live socket. For tests of the page alone; it stores nothing.
import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

import { answer, liveMessage } from "./answers.mjs";
import { funnel, retention } from "./cohorts.mjs";
import { annotations, keptAnswer, segments } from "./kept.mjs";
import { paths } from "./paths.mjs";

/** Tuesday, 13:34 in Berlin. The browser's clock is set to it too. */
export const NOW = Date.parse("2026-11-24T12:34:00Z");
export const OWNER = { email: "owner@example.org", password: "correct horse" };
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8" };
const BODY_BYTES_MAX = 256 * 1024;

// As src/api/page.cc sends it: what it forbids must fail here too.
const SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; " +
  "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

function sites() {
  return [
    { id: "demo", name: "Footfall demo", domain: "demo.example", timezone: "Europe/Berlin", since: "2025-06-01T00:00:00Z", size: 58, events: 1 },
    {
      id: "blog",
      name: "A blog about long names in small places",
      domain: "blog.example",
      timezone: "America/New_York",
      since: "2026-09-14T00:00:00Z",
      size: 0.7,
      events: 1,
    },
    { id: "huge", name: "Huge", domain: "huge.example", timezone: "UTC", since: "2024-01-01T00:00:00Z", size: 92_000, events: 1 },
    { id: "new", name: "Not installed yet", domain: "new.example", timezone: "UTC", since: "2026-11-24T00:00:00Z", size: 4, events: 0 },
  ];
}

/** What was rejected: nothing of the site "blog"; of others two reasons, the older samples on a second page. */
function rejected(siteId, parameters) {
  if (siteId === "blog") return { reasons: [], hours: [], samples: [], before: null };
  const reasons = siteId === "" ? ["unknown"] : ["missing", "invalid"];
  const at = (hours) => new Date(NOW - hours * 3_600_000).toISOString();
  const wanted = parameters.get("reason");
  const older = parameters.get("before") !== null;
  const samples = reasons
    .filter((reason) => !wanted || reason === wanted)
    .map((reason, i) => ({
      offset: (older ? 10 : 20) - i,
      received_at: at(older ? 30 : i),
      website_id: siteId,
      tracking_id: siteId || "no-such-site",
      field: siteId === "" ? "tracking_id" : reason === "missing" ? "data.page" : "",
      reason,
      event: JSON.stringify({ type: "pageview", tracking_id: siteId, data: { title: HOSTILE, long: "/a".repeat(200) } }),
      is_cut: older,
      user_agent: HOSTILE,
      has_key: i === 1,
    }));
  return {
    reasons: reasons.filter((reason) => !wanted || reason === wanted).map((reason, i) => ({ reason, count: 1234 - i, last_at: at(i) })),
    hours: reasons.map((reason, i) => ({ hour: at(i), reason, count: 1234 - i })),
    samples,
    before: older ? null : samples.at(-1).offset,
  };
}

/** By site; of others there are none. */
function goals() {
  const names = ["Signup", "Newsletter", "Contacted us through the form at the end of a very long page about prices"];
  return { demo: names.map((name, i) => ({ id: `goal${i}`, name, event: name.toLowerCase(), match: "is", filters: [] })) };
}

/** A stranger's text. */
export const HOSTILE = "</pre><img src=x onerror=alert(1)><script>alert(2)</script> \u202e javascript:alert(3)";

export class Fixture {
  sites = sites().map((site) => ({ ...site, segments: site.id === "demo" ? segments() : [], annotations: site.id === "demo" ? annotations() : [] }));
  goals = goals();
  /** What was asked to change goals: method and body, or the id. */
  goalChanges = [];
  /** The user of each session, by cookie. */
  sessions = new Map();
  password = OWNER.password;
  setupToken = undefined;
  /** The queries of all batches, for tests of what is asked. */
  batches = [];
  /** Bodies of the questions of funnels, retention and paths. */
  asked = [];
  /** Called before one of these is answered, with what says how far it is; may wait, and may throw an object of {error}. */
  beforeAsked = async () => undefined;
  /** Whether they are answered as streams to those who take them; older servers have none. */
  streams = true;
  /** The questions of these whose client left before the answer. */
  left = [];
  /** Method and body of each request about segments and annotations. */
  kept = [];
  /** Bodies of the questions whose rows were asked as a file. */
  csvs = [];
  /** Called before a batch is answered; may throw an object of {status, error} or wait. */
  beforeBatch = async () => undefined;
  /** Changes one answer. */
  change = (given) => given;
  sockets = new Set();
  liveIsUp = true;
  /** A new connection is open and says nothing, as over a network that is gone. */
  liveIsSilent = false;

  /** `stories`: a folder served below /story/, with the same headers. */
  constructor(folder, stories) {
    this.files = new Map();
    for (const { path, file, content_type } of JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")))
      this.files.set(path, { type: content_type, bytes: readFileSync(join(folder, file)) });
    for (const name of stories ? readdirSync(stories) : [])
      this.files.set(`/story/${name}`, { type: TYPES[extname(name)], bytes: readFileSync(join(stories, name)) });
  }

  async start() {
    this.server = createServer((request, response) => {
      this.serve(request, response).catch((error) => {
        response.writeHead(500).end(String(error.stack));
      });
    });
    this.server.on("upgrade", (request, socket) => this.upgrade(request, socket));
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.origin = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  async stop() {
    for (const socket of this.sockets) socket.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  signedInCookie(role = "owner") {
    const id = randomUUID();
    this.sessions.set(id, { email: OWNER.email, role });
    return { name: "footfall_session", value: id, url: this.origin, httpOnly: true, sameSite: "Lax" };
  }

  /** The batches for numbers and chart; they and those for the lists come in either order. */
  get tops() {
    return this.batches.filter(isTop);
  }

  user(request) {
    return this.sessions.get(/footfall_session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1]);
  }

  async serve(request, response) {
    const { pathname } = new URL(request.url, this.origin);
    if (pathname.startsWith("/api/")) return this.api(request, response, pathname);
    const file = this.files.get(pathname) ?? (/^\/sites\/[^/]+(\/rejected)?$/.test(pathname) ? this.files.get("/sites/{site}") : undefined);
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, {
      "content-type": file.type,
      "content-security-policy": SECURITY_POLICY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-cache",
    });
    response.end(file.bytes);
  }

  async api(request, response, path) {
    const give = (status, body, headers = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    };
    const refuse = (status, code, message, field, headers) => give(status, { error: { code, field, message } }, headers);
    let body;
    if (request.method !== "GET") {
      if (request.headers["content-type"] !== "application/json") return refuse(415, "unsupported_media_type", "the body must be application/json");
      if (request.headers.origin !== this.origin) return refuse(403, "foreign_origin", "this request comes from another site");
      body = await readJson(request);
    }
    const cookie = (role) => ({ "set-cookie": `footfall_session=${this.signedInCookie(role).value}; HttpOnly; SameSite=Lax; Path=/` });
    const shown = ({ id, name, domain, timezone }) => ({ id, name, domain, timezone });
    const user = this.user(request);
    const route = `${request.method} ${path}`;
    if (route === "GET /api/v1/status") return give(200, status());
    if (route === "GET /api/v1/setup") return give(200, { needed: this.setupToken !== undefined });
    if (route === "POST /api/v1/setup") {
      if (body.token !== this.setupToken) return refuse(403, "forbidden", "this link was used already, or is too old");
      if (body.password.length < 8) return refuse(400, "too_short", "the password needs 8 characters or more", "password");
      this.setupToken = undefined;
      return give(201, { user: { email: body.email, role: "owner" } }, cookie("owner"));
    }
    if (route === "POST /api/v1/session") {
      if (body.password === "too often") return refuse(429, "too_many_attempts", "too many attempts", undefined, { "retry-after": "30" });
      if (body.token !== "one-time" && (body.email !== OWNER.email || body.password !== this.password))
        return refuse(401, "unauthorized", "the mail address or the password is wrong");
      return give(200, { user: { email: OWNER.email, role: "owner" } }, cookie("owner"));
    }
    if (!user) return refuse(401, "unauthorized", "sign in first");
    if (route === "GET /api/v1/session") return give(200, { user, sites: this.sites.map(shown), version: "0.1.0" });
    if (route === "DELETE /api/v1/session") {
      this.sessions.clear();
      return give(204, undefined, { "set-cookie": "footfall_session=; Max-Age=0; Path=/" });
    }
    if (route === "PUT /api/v1/account/password") {
      if (body.current !== this.password) return refuse(403, "forbidden", "the current password is wrong", "current");
      if (body.new.length < 8) return refuse(400, "too_short", "the password needs 8 characters or more", "new");
      this.password = body.new;
      return give(204);
    }
    const kept = keptAnswer(request.method, new URL(request.url, this.origin), body, user, this.sites, NOW);
    if (kept) {
      this.kept.push([request.method, body]);
      return give(...kept);
    }
    if (route === "GET /api/v1/sites") return give(200, { sites: this.sites.map(shown) });
    if (route === "GET /api/v1/rejected" || /^GET \/api\/v1\/sites\/[^/]+\/rejected$/.test(route)) {
      const ofNone = route === "GET /api/v1/rejected";
      if (user.role === "viewer" || (ofNone && user.role === "editor")) return refuse(403, "forbidden", "this needs another role");
      return give(200, rejected(ofNone ? "" : decodeURIComponent(path.split("/")[4]), new URL(request.url, this.origin).searchParams));
    }
    if (route === "POST /api/v1/sites") {
      if (!body.domain.includes(".")) return refuse(400, "invalid", "a domain has a dot", "domain");
      this.sites.push({ ...body, id: "added", since: "2026-11-24T00:00:00Z", size: 4, events: 0, segments: [], annotations: [] });
      return give(201, shown(this.sites.at(-1)));
    }
    if (route === "POST /api/v1/query" && request.url.endsWith("?format=csv")) {
      this.csvs.push(body);
      const given = this.change(this.answer(body), body);
      if (given.error) return give(400, given);
      const cells = [given.columns.map(({ name }) => name), ...given.rows].map((row) => row.map((cell) => cell ?? "").join(","));
      response.writeHead(200, { "content-type": "text/csv; charset=utf-8; header=present" });
      return void response.end(`${cells.join("\r\n")}\r\n`);
    }
    if (/^\w+ \/api\/v1\/sites\/[^/]+\/goals(\/[^/]+)?$/.test(route))
      return this.serveGoals(request.method, path, user, body, { give, refuse });
    const cohorts = { "POST /api/v1/funnel": funnel, "POST /api/v1/retention": retention, "POST /api/v1/paths": paths }[route];
    if (cohorts) {
      this.asked.push(body);
      const site = this.sites.find(({ id }) => id === body.website_id);
      const given = this.change(cohorts(body, site, NOW, (this.goals[site.id] ?? []).map(({ name }) => name)), body);
      const stream = this.streams && !given.error && request.headers.accept.includes("text/event-stream") ? streamTo(response) : undefined;
      response.on("close", () => !response.writableEnded && this.left.push(body));
      try {
        await this.beforeAsked(body, (progress) => stream?.say("progress", progress));
      } catch ({ error }) {
        return stream ? stream.end("error", { error }) : give(503, { error });
      }
      return stream ? stream.end("answer", given) : give(given.error ? 400 : 200, given);
    }
    if (route === "POST /api/v1/query/batch") {
      this.batches.push(body.queries);
      try {
        await this.beforeBatch(body.queries);
      } catch (refusal) {
        return give(refusal.status, { error: refusal.error });
      }
      return give(200, { answers: body.queries.map((query) => this.change(this.answer(query), query)) });
    }
    return refuse(404, "not_found", "there is nothing at this path");
  }

  serveGoals(method, path, user, body, { give, refuse }) {
    const [siteId, , id] = path.split("/").slice(4).map(decodeURIComponent);
    const all = (this.goals[siteId] ??= []);
    if (method === "GET") return give(200, { goals: all });
    if (user.role === "viewer") return refuse(403, "forbidden", "this needs another role");
    this.goalChanges.push([method, ...(id === undefined ? [] : [id]), ...(method === "DELETE" ? [] : [body])]);
    const known = all.find((goal) => goal.id === id);
    if (id !== undefined && !known) return refuse(404, "not_found", "there is no such goal");
    if (method === "DELETE") {
      this.goals[siteId] = all.filter((goal) => goal.id !== id);
      return give(204);
    }
    const { name, page, event, match = "is", filters = [], ...others } = body;
    const [unknown] = Object.keys(others);
    if (unknown) return refuse(400, "unknown_field", `there is no field '${unknown}'`, unknown);
    if ((page === undefined) === (event === undefined))
      return refuse(400, "invalid", "say either which 'page' it is or which 'event'", "page");
    if (all.some((goal) => goal.name === name && goal.id !== id)) return refuse(409, "conflict", `the site has a goal '${name}' already`, "name");
    if ((match === "any") !== ((page ?? event) === "") || (match === "any" && filters.length === 0))
      return refuse(400, "invalid", "a goal of any page says by filters which it is", "filters");
    if (match === "matches" && (page ?? event).includes("("))
      return refuse(400, "invalid", "missing ): this is no pattern", page ? "page" : "event");
    const saved = { id: id ?? `goal${all.length + 10}`, name, ...(page === undefined ? { event } : { page }), match, filters };
    if (known) all[all.indexOf(known)] = saved;
    else all.push(saved);
    return give(known ? 200 : 201, saved);
  }

  answer(query) {
    const site = this.sites.find(({ id }) => id === query.website_id);
    return site ? answer(query, site, NOW) : { error: { code: "not_found", field: "website_id", message: "there is no such site" } };
  }

  /** The first event of a site arrives, and the socket tells. */
  firstEvent(id) {
    const site = this.sites.find((other) => other.id === id);
    site.events = 1;
    this.sayLive(id, {});
  }

  /** Another message to everybody who follows a site. */
  sayLive(id, change) {
    for (const socket of this.sockets) if (socket.site.id === id) socket.say({ ...liveMessage(socket.site, NOW, "update"), ...change });
  }

  /** The server ends an access, in words of the protocol. */
  closeSockets(code) {
    for (const socket of this.sockets) socket.end(Buffer.from([0x88, 2, code >> 8, code & 255]));
  }

  dropSockets(isUp) {
    this.liveIsUp = isUp;
    for (const socket of this.sockets) socket.destroy();
  }

  upgrade(request, socket) {
    const site = this.sites.find(({ id }) => id === new URL(request.url, this.origin).searchParams.get("website_id"));
    if (!this.liveIsUp || !this.user(request) || !site) return socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.site = site;
    socket.say = (message) => {
      const text = Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
      const head = Buffer.from([0x81, 126, text.length >> 8, text.length & 255]);
      socket.write(text.length < 126 ? Buffer.concat([Buffer.from([0x81, text.length]), text]) : Buffer.concat([head, text]));
    };
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    // All that a browser sends is its farewell.
    socket.on("data", ([first]) => (first & 15) === 8 && socket.end());
    if (!this.liveIsSilent) socket.say(liveMessage(site, NOW, "snapshot"));
  }
}

/** Answers by server-sent events. */
function streamTo(response) {
  const say = (type, told) => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(`event: ${type}\ndata: ${JSON.stringify(told)}\n\n`);
  };
  const end = (type, told) => {
    say(type, told);
    response.end();
  };
  return { say, end };
}

/** Whether a batch asks for numbers and chart, by nothing or by time. */
export function isTop([{ dimensions: [dimension] = [] }]) {
  return [undefined, "hour", "date", "week", "month"].includes(dimension);
}

async function readJson(request) {
  const parts = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) throw new Error("the body is too large");
    parts.push(part);
  }
  return JSON.parse(Buffer.concat(parts).toString());
}

function status() {
  const minutes = Array.from({ length: 30 }, (_, index) => ({
    minute: new Date(NOW - (29 - index) * 60_000).toISOString(),
    accepted: (index * 37) % 90,
    duplicates: index % 3,
    rejected: index % 7 === 0 ? 2 : 0,
  }));
  return {
    version: "0.1.0",
    started_at: "2026-11-20T08:00:00Z",
    now: new Date(NOW).toISOString(),
    ready: { ok: true, not_ready: [] },
    minutes,
    totals: { accepted: 81_233, duplicates: 12, rejected: { unknown: 40, out_of_range: 3 } },
    loader: { lag_seconds: 0.2, stored: 81_233 },
    store: { state: "running", engine_version: "26.7" },
    log: { end_offset: 81_233, bytes: 33_554_432 },
    archive: { on: false, next_offset: 0, bytes: 0, lag_seconds: 0, problem: "" },
  };
}
