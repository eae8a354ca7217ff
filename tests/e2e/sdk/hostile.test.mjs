// S12: pages that are strict, old, broken or hostile: the SDK works or stays silent, and the page never notices. Every test checks that no error
// event and no unhandled rejection was seen.
import { deepEqual, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { sdkTest, UNFOCUSED } from "./harness.mjs";
import { BUILT } from "./servers.mjs";

const manifest = () => JSON.parse(readFileSync(join(BUILT, "manifest.json"), "utf8"));

sdkTest("S12: under a strict Content-Security-Policy all works", { init: UNFOCUSED }, async ({ page, site, collector, open }) => {
  const violations = [];
  page.on("console", (message) => message.text().includes("Content Security Policy") && violations.push(message.text()));
  await open({
    headers: {
      "content-security-policy": `default-src 'none'; img-src data:; script-src ${collector.origin}; connect-src ${collector.origin}; require-trusted-types-for 'script'`,
    },
  });
  await page.goto(`${site.origin}/elsewhere`);
  await collector.until(() => collector.posts().length === 2, "the view and the beacon");
  deepEqual(violations, []);
});

sdkTest("S12: a policy that forbids the collector silences the script, and nothing else", { init: UNFOCUSED }, async ({ page, site, collector, open }) => {
  await open({ headers: { "content-security-policy": `script-src ${collector.origin}; connect-src 'self'` }, quiet: true });
  await page.clock.runFor(10_000);
  await page.goto(`${site.origin}/elsewhere`);
  equal(collector.posts().length, 0);
});

sdkTest("S12: the hash of the manifest is the script's, for integrity and for its name", { init: UNFOCUSED }, async ({ open, exactly }) => {
  const { integrity, files } = manifest();
  await open({ script: files[1].path, attributes: `integrity="${integrity}" crossorigin` });
  await exactly([["pageview /"]]);
});

sdkTest("S12: with another integrity the browser refuses the script", { init: UNFOCUSED }, async ({ page, collector, open }) => {
  await open({ attributes: `integrity="sha384-${Buffer.alloc(48).toString("base64")}" crossorigin`, quiet: true });
  equal(await page.evaluate(() => globalThis.footfall), undefined);
  equal(collector.posts().length, 0);
});

/** What a page did before the script came, and whether the view still gets out at once. */
const PAGES = {
  "Array.prototype throws": [true, () => {
    for (const name of Object.getOwnPropertyNames(Array.prototype)) if (typeof Array.prototype[name] === "function" && name !== "constructor") Array.prototype[name] = () => { throw new Error(name); };
    Array.prototype[Symbol.iterator] = () => { throw new Error("iterator"); };
  }],
  "toJSON on all prototypes, as old libraries have it": [true, () => {
    for (const { prototype } of [Array, Object, String, Number, Boolean]) prototype.toJSON = () => "spoilt";
  }],
  "Object.prototype with enumerable members": [true, () => Object.assign(Object.prototype, { extra: "spoilt", track: "spoilt", page: "spoilt", method: "GET" })],
  "frozen prototypes": [true, () => [Object, Array, Function, Promise, Map, Set, String].forEach(({ prototype }) => Object.freeze(prototype))],
  "frozen history": [true, () => Object.freeze(history)],
  "history without pushState": [true, () => { history.pushState = history.replaceState = undefined; }],
  "no crypto": [true, () => Object.defineProperty(globalThis, "crypto", { value: undefined })],
  "crypto that throws": [true, () => { crypto.getRandomValues = () => { throw new Error("crypto"); }; }],
  "no sendBeacon": [true, () => { Navigator.prototype.sendBeacon = undefined; }],
  "sendBeacon that refuses": [true, () => { Navigator.prototype.sendBeacon = () => false; }],
  "no AbortSignal.timeout": [true, () => { delete AbortSignal.timeout; }],
  "no localStorage": [true, () => Object.defineProperty(globalThis, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } })],
  "a console that throws": [true, () => { globalThis.console = new Proxy({}, { get() { throw new Error("console"); } }); }],
  "a global screen and a global status": [true, () => { globalThis.screen = {}; globalThis.status = {}; globalThis.name = {}; }],
  "no fetch": [false, () => { globalThis.fetch = undefined; }],
  "fetch that throws": [false, () => { globalThis.fetch = () => { throw new Error("fetch"); }; }],
  "fetch that gives nothing": [false, () => { globalThis.fetch = () => {}; }],
  "fetch that never answers": [false, () => { globalThis.fetch = () => new Promise(() => {}); }],
  "no JSON": [false, () => { globalThis.JSON = undefined; }],
  "JSON.stringify that throws": [false, () => { JSON.stringify = () => { throw new Error("stringify"); }; }],
  "no Map": [false, () => { globalThis.Map = undefined; }],
  "no Intl": [false, () => { globalThis.Intl = undefined; }],
  "no Blob": [false, () => { globalThis.Blob = undefined; }],
  "no performance": [false, () => Object.defineProperty(globalThis, "performance", { value: undefined })],
  "setTimeout that throws": [false, () => { globalThis.setTimeout = () => { throw new Error("setTimeout"); }; }],
  "addEventListener that throws": [false, () => { globalThis.addEventListener = EventTarget.prototype.addEventListener = () => { throw new Error("listen"); }; }],
  "a footfall that cannot be set": [false, () => Object.defineProperty(globalThis, "footfall", { value: "taken", writable: false })],
  "a footfall that is frozen": [false, () => { globalThis.footfall = Object.freeze({ q: Object.freeze([]) }); }],
  "a footfall that is nonsense": [false, () => { globalThis.footfall = { q: [null, 7, [], ["nothing"], ["track"], { length: 1e9 }] }; }],
};

/** What the page then does, by itself. */
function use() {
  const link = document.querySelector("a");
  link.onclick = (event) => event.preventDefault();
  if (globalThis.footfall && typeof footfall.track === "function") {
    footfall.track("x", { a: [1] });
    footfall.trackPageView("/y");
    footfall.flush();
  }
  if (typeof history.pushState === "function") history.pushState({}, "", "/pushed");
  link.click();
  document.dispatchEvent(new Event("visibilitychange"));
  dispatchEvent(new Event("online"));
}

for (const [what, [works, prepare]] of Object.entries(PAGES))
  sdkTest(`S12: ${what}: ${works ? "the view is sent" : "the page does not notice"}`, { init: UNFOCUSED, clock: false }, async ({ page, site, collector, open }) => {
    // The browser's own clock, since the test's would break with the page. By scripts of the page, since what runs in the browser for the test needs a whole browser.
    await open({ head: `<script>(${prepare})()</script>`, content: `<a id="footfall" href="https://out.example/">out</a><script>window.onload = ${use}</script>`, attributes: "data-404 data-debug", quiet: true });
    if (works) {
      await collector.until(() => collector.events().some(({ type }) => type === "pageview"), "the view");
      const [{ event_id, data, context }] = collector.events();
      deepEqual([/^[0-9a-f-]{36}$/.test(event_id), data.page, context.sdk], [true, "/", "web/1.0.0"]);
    }
    await page.goto(`${site.origin}/elsewhere`);
  });

sdkTest("S12: in a sandboxed frame, where the origin is null and storage is denied, it counts all the same", { init: UNFOCUSED }, async ({ page, site, collector, html }) => {
  site.pages["/framed"] = html({ attributes: 'data-storage="local"' });
  site.pages["/"] = '<title>x</title><iframe sandbox="allow-scripts" src="/framed"></iframe>';
  await page.goto(site.origin);
  await collector.until(() => collector.posts().length === 1, "the view in the frame");
  equal(collector.posts()[0].headers.origin, "null");
  equal(collector.events()[0].data.page, "/framed");
});

sdkTest("S12: a frame without an address of its own does not break", { init: UNFOCUSED }, async ({ page, site, collector, html }) => {
  const inner = html().replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  site.pages["/"] = `<title>x</title><iframe sandbox="allow-scripts" srcdoc="${inner}"></iframe><iframe srcdoc="${inner}"></iframe>`;
  await page.goto(site.origin);
  await collector.until(() => collector.posts().length === 2, "both frames");
});
