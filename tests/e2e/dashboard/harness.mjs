// One browser a test file, one fixture and one context a test. A test fails too where the page throws, logs an error, breaks the content
// security policy, or keeps something in the browser's storage.
import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import test, { after, before } from "node:test";

import { launch, WAIT_MS } from "../browser.mjs";
import { Fixture, NOW } from "./server.mjs";

export const OUT = process.env.FOOTFALL_E2E_OUT;
if (!OUT) throw new Error("run it by tests/e2e/dashboard/run.mjs");

let browser;
before(async () => {
  browser = await launch();
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

/** Until the focus is on what has this name. A dialog that closes gives it back behind its last frame. */
export const focusIsOn = (page, name) =>
  page.waitForFunction((wanted) => (document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent) === wanted, name);
