// Chromium, and what tests of pages ask of it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const WAIT_MS = 20_000;

/** Debian's chromium, or what CHROMIUM names. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Chromium's own sandbox needs rights that a container does not give to root; the pages are ours.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
}

/** What was done just before is drawn, asked for and listened to: all of it comes with the next frame. Until then a page shows the numbers
 * of before as whole, and hears the keys of before. */
export async function drawn(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));
}

/** The dashboard with its numbers. */
export async function settled(page) {
  await drawn(page);
  await page.waitForFunction(
    () => document.querySelector(".headline-value:not(:has(.skeleton))") && !document.querySelector(".skeleton-rows, .stale"),
    undefined,
    { timeout: WAIT_MS },
  );
}

/** What axe finds. `but`: rules that can not hold there. */
export async function findings(page, but = []) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(
    (rules) =>
      globalThis.axe.run(document, {
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        rules: Object.fromEntries(rules.map((rule) => [rule, { enabled: false }])),
      }),
    but,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.split("\n")[1] ?? ""}`),
  );
}

/** By how many pixels the page is wider than the window. */
export function overflow(page) {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth));
}
