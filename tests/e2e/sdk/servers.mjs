// The two servers of a test: the site that is measured, and the collector that records what comes. Two ports are two origins, as in life.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const BUILT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "build", "sdk");

async function listen(handle) {
  const server = createServer(handle);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
  };
}

/** Pages by path. `site.pages["/a"] = html` or `{ body, headers, status }`. */
export async function startSite() {
  const pages = {};
  const server = await listen((request, response) => {
    const page = pages[new URL(request.url, "http://site").pathname];
    const { body = page, headers = {}, status = page === undefined ? 404 : 200 } = typeof page === "object" ? page : {};
    response.writeHead(status, { "content-type": "text/html; charset=utf-8", ...headers }).end(body ?? "not here");
  });
  return { ...server, pages };
}

/**
 * Serves footfall.js and takes events. `answers` are given first, one a request: `{ status, headers }`, "cut" for a connection that breaks,
 * "hang" for one without an answer. Then all is 200.
 */
export async function startCollector() {
  const requests = [];
  const answers = [];
  const watchers = new Set();
  const told = (entry) => {
    requests.push(entry);
    for (const look of watchers) look();
  };
  const server = await listen((request, response) => {
    const { pathname } = new URL(request.url, "http://collector");
    if (request.method === "GET" && /^\/footfall[\w.]*\.(js|mjs)$/.test(pathname)) {
      const file = pathname.endsWith(".mjs") ? join("npm", "dist", pathname) : pathname;
      response.writeHead(200, { "content-type": "text/javascript", "access-control-allow-origin": "*" }).end(readFileSync(join(BUILT, file)));
      return;
    }
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const text = Buffer.concat(parts).toString("utf8");
      const answer = (pathname === "/api/v1/events" && answers.shift()) || {};
      const events = pathname === "/api/v1/events" && request.method === "POST" ? JSON.parse(text) : undefined;
      told({
        method: request.method,
        path: pathname,
        headers: request.headers,
        // A beacon asks for no answer that its page could read.
        how: request.headers["sec-fetch-mode"] === "no-cors" ? "beacon" : "fetch",
        status: answer.status ?? (typeof answer === "string" ? answer : 200),
        bytes: Buffer.byteLength(text),
        events,
      });
      if (answer === "cut") return request.socket.destroy();
      if (answer === "hang") return undefined;
      const body = JSON.stringify({ status: "ok", received: events?.length ?? 0, rejected: answer.rejected ?? [], duplicates: 0 });
      return response
        .writeHead(answer.status ?? 200, {
          "content-type": "application/json",
          "access-control-allow-origin": "*",
          "access-control-expose-headers": "Retry-After",
          ...answer.headers,
        })
        .end(body);
    });
  });

  const posts = () => requests.filter(({ path }) => path === "/api/v1/events");
  return {
    ...server,
    requests,
    answers,
    /** Requests with events, in the order of their coming. */
    posts,
    /** All events that came, those of refused requests too. */
    events: () => posts().flatMap(({ events }) => events),
    /** Resolves once `met` gives something true; rejects with what came after 20 s. */
    until: (met, what = String(met)) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const value = met();
          if (!value) return;
          clearTimeout(deadline);
          watchers.delete(look);
          resolve(value);
        };
        const deadline = setTimeout(() => {
          watchers.delete(look);
          reject(new Error(`not within 20 s: ${what}\nwhat came: ${JSON.stringify(posts().map(({ how, status, events }) => ({ how, status, events: events.map(brief) })), null, 1)}`));
        }, 20_000);
        watchers.add(look);
        look();
      }),
  };
}

/** An event in a few words: type, page, what is special. */
export function brief({ type, data }) {
  if (type === "event") return `event ${data.name ?? `${data.category}/${data.action}`}`;
  if (type === "ping") return `ping ${data.page} ${data.time_on_page} s ${data.scroll_depth} %`;
  return type === "pageview" ? `pageview ${data.page}` : type;
}
