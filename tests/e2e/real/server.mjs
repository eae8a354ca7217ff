// The real server: `footfall serve` of FOOTFALL_BINARY on a folder of its own.
import { createServer } from "node:http";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { WAIT_MS } from "../browser.mjs";

const START_MS = 60_000;
const END_MS = 15_000;
/** A browser as people have it: Chromium's own name without a window is known for a bot. */
export const USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
export const OWNER = { email: "owner@example.org", password: "correct horse battery staple" };

/** Asks until it gets something; `what` is said where it does not. */
export async function until(ask, what, limitMs = WAIT_MS) {
  const end = Date.now() + limitMs;
  for (;;) {
    const got = await ask();
    if (got) return got;
    if (Date.now() > end) throw new Error(`within ${limitMs / 1000} s: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** `origin`, `setupLink` as it was printed, `send(events)` and `stop()`. */
export async function startServer(settings = {}) {
  const binary = process.env.FOOTFALL_BINARY;
  if (!binary) throw new Error("FOOTFALL_BINARY names the program to test; run it by tests/e2e/real/run.mjs");
  const data = mkdtempSync(join(tmpdir(), "footfall-e2e-"));
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(binary, ["serve", "--data", data, "--listen", "127.0.0.1:0", ...flags], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let said = "";
  let log = "";
  child.stdout.on("data", (text) => (said += text));
  child.stderr.on("data", (text) => (log = (log + text).slice(-20_000)));
  const ended = new Promise((done) => child.on("exit", done));
  let running = true;
  ended.then(() => (running = false));
  const stop = async () => {
    if (running) child.kill("SIGTERM");
    await Promise.race([ended, new Promise((done) => setTimeout(done, END_MS).unref())]);
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // Everything of its group has gone by itself.
    }
    rmSync(data, { recursive: true, force: true });
  };
  try {
    const [, origin] = await until(() => /Footfall is on (http:\S+)/.exec(said) ?? !running, `serve says where it is:\n${log}`, START_MS);
    const [setupLink] = await until(() => /http:\S+#token=\S+/.exec(said), `serve prints a one-time link: ${said}`);
    await until(() => fetch(`${origin}/readyz`).then(({ ok }) => ok, () => false), `serve is ready:\n${log}`, START_MS);
    const send = async (events) => {
      const response = await fetch(`${origin}/api/v1/events`, {
        method: "POST",
        headers: { "user-agent": USER_AGENT, "x-forwarded-for": "203.0.113.7" },
        body: JSON.stringify(events),
      });
      if (response.status !== 200) throw new Error(`events were answered ${response.status}: ${await response.text()}`);
      return response.json();
    };
    return { origin, setupLink, send, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Somebody's site: each path is a page with the script. */
export async function startSite(snippet) {
  const server = createServer((request, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><title>Shop</title>${snippet}
      <a href="/pricing">Prices</a> <button onclick="footfall.track('buy', {plan: 'pro'})">Buy</button>`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => (server.closeAllConnections(), server.close()) };
}
