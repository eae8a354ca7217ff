// sdkTest(name, options, body): a test with an own site, collector and browser context. Whatever the test is about, it fails where the page
// sees an error, or where a cookie or anything stored is left that the test did not announce.
import { deepEqual, equal } from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, test } from "node:test";

import { chromium } from "playwright-core";

import { brief, startCollector, startSite } from "./servers.mjs";

// Debian's package. npm downloads no browser.
const CHROMIUM = process.env.FOOTFALL_CHROMIUM ?? "/usr/bin/chromium";
/** When each test begins, on the page's clock. */
export const T0 = Date.UTC(2026, 10, 24, 12);

/** An `init` script: nobody looks at the page, so that its engaged time sends nothing between other requests. */
export const UNFOCUSED = () => (document.hasFocus = () => false);

/** Headless windows are always visible, so this is told to the page, by all the ways in which it can ask. */
export function setHidden(page, hidden) {
  return page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { get: () => value, configurable: true });
    Object.defineProperty(document, "visibilityState", { get: () => (value ? "hidden" : "visible"), configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, hidden);
}

/** Runs in the page: `settled()` is a promise of that no request is under way, and what waited for its answer has run. */
function watchRequests() {
  const { fetch } = globalThis;
  let pending = 0;
  let waiting = [];
  // A message comes after all that the answer itself sets off, and is not of the clock that stands.
  const done = () => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      pending -= 1;
      if (pending > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    };
    port2.postMessage(0);
  };
  globalThis.fetch = (url, options) => {
    const answer = fetch(url, options);
    if (options?.method !== "POST") return answer;
    pending += 1;
    answer.then((response) => {
      response.text = () => {
        const text = Response.prototype.text.call(response);
        text.then(done, done);
        return text;
      };
    }, done);
    return answer;
  };
  globalThis.settled = () => new Promise((resolve) => (pending > 0 ? waiting.push(resolve) : resolve()));
}

let browser;

async function launched() {
  if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing: apt-get install chromium, or name another by FOOTFALL_CHROMIUM`);
  browser ??= chromium.launch({
    executablePath: CHROMIUM,
    // Playwright forbids the back/forward cache, which is what one of the tests is about.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
  return browser;
}

after(async () => (await browser)?.close());

/**
 * Options: `stored`, what localStorage may hold at the end; `context`, options of the browser context; `init`, a script that runs in every page
 * before its own. The page's clock stands at T0 and moves by `page.clock` only; with `clock: false` it is the machine's.
 *
 * The body gets `page`, `context`, `site`, `collector`; `html(parts)` makes a page with the script tag; `open(parts, path)` shows it and waits
 * for the first request and its answer unless `quiet` or `unanswered`; `settled()` waits for the answers to all requests, `advance(ms)` moves the
 * page's clock and does the same; `exactly(batches)` ends what waits, and compares all requests, event by event.
 */
export function sdkTest(name, options, body = options) {
  if (typeof options === "function") options = {};
  test(name, { timeout: 120_000 }, async () => {
    // The browser first: without one, no server is left open that would keep the run from ending.
    const opened = await launched();
    const [site, collector] = await Promise.all([startSite(), startCollector()]);
    const context = await opened.newContext({ viewport: { width: 1000, height: 500 }, locale: "de-DE", timezoneId: "Europe/Berlin", ...options.context });
    const errors = [];
    try {
      context.on("weberror", (error) => errors.push(String(error.error())));
      await context.exposeBinding("tellTestOfError", (_, message) => errors.push(message));
      await context.addInitScript(() => {
        const tell = globalThis.tellTestOfError;
        addEventListener("error", ({ message }) => message && tell(`error event: ${message}`));
        addEventListener("unhandledrejection", ({ reason }) => tell(`unhandled rejection: ${reason}`));
      });
      if (options.clock !== false) {
        await context.addInitScript(watchRequests);
        await context.clock.install({ time: T0 - 1_000 });
        await context.clock.pauseAt(T0);
      }
      if (options.init) await context.addInitScript(options.init);
      const page = await context.newPage();

      const html = ({ attributes = "", head = "", content = "", title = "A page", script = "/footfall.js" } = {}) =>
        `<!doctype html><html><head><title>${title}</title><link rel="icon" href="data:,">${head}
         <script defer src="${collector.origin}${script}" data-site="my-site" ${attributes}></script></head><body>${content}</body></html>`;
      /** Resolves when the page has taken in the answer to each of its requests: only then may its clock go on. */
      const settled = () => page.evaluate(() => globalThis.settled());
      /** Moves the page's clock. No request sees more than 5 s of it, as none is that slow in truth. */
      const advance = async (ms) => {
        for (let left = ms; left > 0; left -= 5_000) {
          await page.clock.runFor(Math.min(left, 5_000));
          await settled();
        }
      };
      const open = async ({ path = "/", quiet = false, unanswered = false, headers = {}, ...parts } = {}) => {
        const before = collector.posts().length;
        site.pages[new URL(path, site.origin).pathname] = { body: html(parts), headers };
        await page.goto(site.origin + path);
        if (!quiet) await collector.until(() => collector.posts().length > before, "the first request of the page");
        if (!quiet && !unanswered) await settled();
      };
      /** What came, request by request. A last event shows that nothing else was to come before it. */
      const batches = async () => {
        await advance(1_000);
        await page.evaluate(() => {
          globalThis.footfall.track("end");
          globalThis.footfall.flush();
        });
        await collector.until(() => collector.events().some(({ data }) => data.name === "end"), "the last event");
        const all = collector.posts().map(({ events }) => events.map(brief).filter((text) => text !== "event end"));
        return all.filter((events) => events.length > 0);
      };
      const exactly = async (expected) => deepEqual(await batches(), expected);

      await body({ page, context, site, collector, html, open, advance, settled, exactly, batches });

      deepEqual(errors, [], "the page saw an error");
      deepEqual(await context.cookies(), [], "a cookie was set");
      const { origins } = await context.storageState({ indexedDB: true });
      deepEqual(Object.assign({}, ...origins.flatMap(({ localStorage }) => localStorage.map(({ name: key, value }) => ({ [key]: value })))), options.stored ?? {}, "something was stored");
      for (const open of context.pages()) if (open.url().startsWith("http")) equal(await open.evaluate(() => sessionStorage.length), 0, "something was stored for the session");
    } finally {
      await context.close();
      await Promise.all([site.close(), collector.close()]);
    }
  });
}
