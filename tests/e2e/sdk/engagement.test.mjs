// Engaged time and scroll depth: what a ping tells, and when one is sent.
import { deepEqual, equal } from "node:assert/strict";

import { sdkTest, setHidden } from "./harness.mjs";
import { brief } from "./servers.mjs";

const LONG = '<div style="height: 5000px; margin: 0"></div>';
const NO_MARGIN = "<style>body { margin: 0 }</style>";

/** Chromium then gives the focus as a window manager would, to one page at a time. (Playwright has it in every page.) */
async function realFocus(context, page) {
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setFocusEmulationEnabled", { enabled: false });
}


const pings = (collector) => collector.events().filter(({ type }) => type === "ping");

sdkTest("only time in which the page is visible and has the focus counts", async ({ page, context, site, collector, open, advance }) => {
  await open();
  await realFocus(context, page);
  await advance(3_000);
  const other = await context.newPage();
  await other.goto(`${site.origin}/nothing`);
  await other.bringToFront();
  await page.waitForFunction(() => !document.hasFocus());
  await advance(100_000);
  await page.bringToFront();
  await page.waitForFunction(() => document.hasFocus());
  await advance(2_000);
  await setHidden(page, true);
  await advance(100_000);
  await setHidden(page, false);
  await advance(1_500);
  await page.goto(`${site.origin}/nothing`);
  await collector.until(() => pings(collector).some(({ data }) => data.time_on_page === 6.5), "the last ping");
  // One for the timer that fell into the time without focus, one for the hiding, one for the leaving.
  deepEqual(pings(collector).map(({ data }) => data.time_on_page), [3, 5, 6.5]);
});

sdkTest("a page that is looked at tells so at growing intervals, and one that is not is silent", async ({ page, collector, open, advance, exactly }) => {
  await open();
  await advance(241_000);
  await setHidden(page, true);
  await advance(3_600_000);
  await exactly([["pageview /"], ...[10, 30, 70, 130, 190].map((seconds) => [`ping / ${seconds} s 100 %`]), ["ping / 241 s 100 %"]]);
  equal(new Set(pings(collector).map(({ data }) => data.pageview_id)).size, 1);
  equal(pings(collector)[0].data.pageview_id, collector.events()[0].event_id);
});

sdkTest("a machine that slept was not reading", async ({ page, site, collector, open, advance }) => {
  await open();
  await advance(4_000);
  await page.clock.fastForward(8 * 3_600_000);
  await page.goto(`${site.origin}/nothing`);
  await collector.until(() => pings(collector).length > 0, "a ping");
  equal(pings(collector).at(-1).data.time_on_page <= 10, true, JSON.stringify(pings(collector)));
});

sdkTest("scroll depth is the deepest place seen, in percent of the document", async ({ page, collector, open, advance, exactly }) => {
  await open({ head: NO_MARGIN, content: LONG });
  const scrolled = (y) => page.evaluate((top) => new Promise((resolve) => {
    addEventListener("scroll", () => resolve(), { once: true });
    scrollTo(0, top);
  }), y);
  await scrolled(2_000);
  await scrolled(100);
  await advance(10_000);
  await exactly([["pageview /"], ["ping / 10 s 50 %"]]);
  await page.evaluate(() => document.body.insertAdjacentHTML("beforeend", '<div style="height: 5000px"></div>'));
  await setHidden(page, true);
  await collector.until(() => pings(collector).length === 2, "the ping at hiding");
  equal(pings(collector)[1].data.scroll_depth, 25, "of a page that grew less was seen than it seemed");
});

sdkTest("a short page is seen whole, a page that was never visible not at all", { init: () => {
  if (location.pathname === "/hidden") Object.defineProperty(document, "hidden", { get: () => true });
} }, async ({ page, site, collector, open, advance }) => {
  await open({ path: "/hidden" });
  await advance(5_000);
  await open({ path: "/short" });
  await page.goto(`${site.origin}/nothing`);
  await collector.until(() => pings(collector).length === 1, "the ping of /short");
  deepEqual(collector.events().map(brief), ["pageview /hidden", "pageview /short", "ping /short 0 s 100 %"]);
});

sdkTest("a page that is hidden before anything else happened on it was seen as far as its window", async ({ page, open, exactly }) => {
  await open({ head: NO_MARGIN, content: LONG });
  await setHidden(page, true);
  await exactly([["pageview /"], ["ping / 0 s 10 %"]]);
});

sdkTest("a ping names the view it belongs to, also after navigation in the page", async ({ page, collector, open, advance, exactly }) => {
  await open({ path: "/a", head: NO_MARGIN, content: LONG });
  await advance(4_200);
  await page.evaluate(() => history.pushState({}, "", "/b"));
  await advance(1_300);
  await page.evaluate(() => history.pushState({}, "", "/c"));
  await exactly([["pageview /a"], ["ping /a 4.2 s 10 %", "pageview /b"], ["ping /b 1.3 s 10 %", "pageview /c"]]);
  const [a, pingOfA, b, pingOfB] = collector.events();
  deepEqual([pingOfA.data.pageview_id, pingOfB.data.pageview_id], [a.event_id, b.event_id]);
  equal(pingOfA.context.url, a.context.url);
});
