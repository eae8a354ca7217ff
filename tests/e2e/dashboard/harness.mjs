// One browser a test file, one fixture and one context a test. A test fails too where the page throws, logs an error, breaks the content
// security policy, or keeps something in the browser's storage.
import { deepEqual, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import test, { after, before } from "node:test";

import { chromium } from "playwright-core";

import { Fixture, NOW } from "./server.mjs";

export const OUT = process.env.FOOTFALL_E2E_OUT;
if (!OUT) throw new Error("run it by tests/e2e/dashboard/run.mjs");

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WAIT_MS = 20_000;

let browser;
before(async () => {
  // Chromium's own sandbox needs rights that a container does not give to root; the pages are ours.
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
});
after(() => browser?.close());

/** A test with `open(path, options)`, which gives a page, and the fixture behind it. */
export function scenario(name, body) {
  test(name, async () => {
    const fixture = await new Fixture(join(OUT, "page"), join(OUT, "story")).start();
    const complaints = [];
    const contexts = [];
    const open = async (path, { width = 1280, height = 900, scheme = "light", signedIn = true, role = "owner" } = {}) => {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: scheme,
        reducedMotion: "reduce",
        timezoneId: "Pacific/Auckland",
        baseURL: fixture.origin,
      });
      contexts.push(context);
      context.setDefaultTimeout(WAIT_MS);
      if (signedIn) await context.addCookies([fixture.signedInCookie(role)]);
      const page = await context.newPage();
      await page.clock.setFixedTime(NOW);
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        // A status of 4xx or 5xx is logged by the browser itself; whether it was right is the test's matter.
        if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(message.text())) complaints.push(message.text());
      });
      await page.goto(path);
      return page;
    };
    try {
      await body({ fixture, open });
      for (const context of contexts)
        for (const page of context.pages()) equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0, "storage is used");
      deepEqual(complaints, []);
    } finally {
      await Promise.all(contexts.map((context) => context.close()));
      await fixture.stop();
    }
  });
}

/** The dashboard with its numbers. */
export async function settled(page) {
  await page.waitForFunction(
    () => document.querySelector(".headline-value:not(:has(.skeleton))") && !document.querySelector(".skeleton-rows, .stale"),
    undefined,
    { timeout: WAIT_MS },
  );
}

/** `but`: rules that can not hold there. */
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
