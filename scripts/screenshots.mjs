#!/usr/bin/env node
// Makes the pictures of the README in docs/images/ from the built page and the fixture of its tests: scripts/screenshots.mjs
import { execFileSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { launch, settled } from "../tests/e2e/browser.mjs";
import { Fixture, NOW } from "../tests/e2e/dashboard/server.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const page = join(root, "build", "screenshots");
const images = join(root, "docs", "images");
/** A README is read on phones too. */
const IMAGE_BYTES_MAX = 150 * 1024;

const chart = (tab) => tab.locator(".minute-chart svg").waitFor();
const PICTURES = {
  "dashboard-light": { path: "/sites/demo", width: 1200, height: 860, ready: settled },
  "dashboard-dark": { path: "/sites/demo", width: 1200, height: 860, scheme: "dark", ready: settled },
  "live-dark": { path: "/sites/demo?view=live", width: 1200, height: 700, scheme: "dark", ready: chart },
  phone: { path: "/sites/demo?range=today", width: 390, height: 844, ready: settled },
};

mkdirSync(images, { recursive: true });
execFileSync(process.execPath, [join(root, "web", "build.mjs"), page], { stdio: "inherit" });
const fixture = await new Fixture(page).start();
const browser = await launch();
try {
  for (const [name, { path, width, height, scheme = "light", ready }] of Object.entries(PICTURES)) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: "reduce", baseURL: fixture.origin });
    await context.addCookies([fixture.signedInCookie()]);
    const tab = await context.newPage();
    await tab.clock.setFixedTime(NOW);
    await tab.goto(path);
    await ready(tab);
    await tab.locator("a.live strong, .live-count").waitFor();
    const file = join(images, `${name}.png`);
    await tab.screenshot({ path: file });
    const { size } = statSync(file);
    console.log(`screenshots: ${name}.png ${(size / 1024).toFixed(0)} KiB`);
    if (size > IMAGE_BYTES_MAX) throw new Error(`${file} is larger than ${IMAGE_BYTES_MAX / 1024} KiB`);
    await context.close();
  }
} finally {
  await browser.close();
  await fixture.stop();
}
