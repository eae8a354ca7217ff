// Opens a page of a signed-in user in Chromium, each time as a new visitor with an empty cache, and prints when what was there, as JSON:
// node bench/page/open.mjs URL REPEATS, with the cookie's name and value in the environment as COOKIE_NAME and COOKIE_VALUE.
import { chromium } from "playwright-core";

const [url, repeats] = process.argv.slice(2);
const TIMEOUT_MS = 60_000;

/** Runs in the page before its own scripts: the time of the frame after the chart's line came into the document. */
function watchChart() {
  new MutationObserver((_, observer) => {
    if (!document.querySelector(".time-chart path.line")) return;
    observer.disconnect();
    // The first callback is before the frame that paints the chart, the task after it behind that frame.
    requestAnimationFrame(() => setTimeout(() => (window.chartPaintedMs = performance.now())));
  }).observe(document, { childList: true, subtree: true });
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Chromium's own sandbox needs rights that a container does not give to root; the pages are ours.
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
const runs = [];
try {
  for (let run = 0; run < Number(repeats); run += 1) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(TIMEOUT_MS);
    await context.addInitScript(watchChart);
    await context.addCookies([{ name: process.env.COOKIE_NAME, value: process.env.COOKIE_VALUE, url: new URL(url).origin, sameSite: "Lax", httpOnly: true }]);
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForFunction(() => window.chartPaintedMs);
    runs.push(
      await page.evaluate(() => {
        const resources = performance.getEntriesByType("resource");
        const batch = resources.find(({ name }) => name.endsWith("/api/v1/query/batch"));
        const before = resources.filter(({ startTime }) => startTime < window.chartPaintedMs);
        return {
          first_paint_ms: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
          asked_ms: batch.startTime,
          answered_ms: batch.responseEnd,
          chart_ms: window.chartPaintedMs,
          value: document.querySelector(".time-chart svg").getAttribute("aria-valuetext"),
          paths: [location.pathname, ...before.map(({ name }) => new URL(name).pathname)],
        };
      }),
    );
    await context.close();
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(runs));
