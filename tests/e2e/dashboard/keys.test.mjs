// Periods by arrows and by single keys, and where a key is not the page's.
import { deepEqual, equal } from "node:assert/strict";

import { drawn, settled } from "../browser.mjs";
import { scenario } from "./harness.mjs";

const button = (page, name) => page.getByRole("button", { name });
const search = (page) => new URL(page.url()).search;

async function press(page, key, expected) {
  await page.keyboard.press(key);
  await page.waitForFunction((wanted) => location.search === wanted, expected);
}

scenario("periods are stepped through by buttons, which say where they lead", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=month");
  await settled(page);
  equal(await button(page, "Later period").getAttribute("aria-disabled"), "true");
  await button(page, "Earlier period: 1\u201331 Oct 2026").click();
  equal(search(page), "?range=2026-10-01..2026-10-31");
  await settled(page);
  deepEqual(fixture.batches.at(-1)[0].date_range, ["2026-10-01", "2026-10-31"]);
  await button(page, "Later period: This month").focus();
  await page.keyboard.press("Enter");
  equal(search(page), "?range=month");
  await page.keyboard.press("Enter");
  equal(search(page), "?range=month", "there is nothing later");
  equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Later period", "the focus stays");
  await page.goto("/sites/demo?range=all");
  await settled(page);
  equal(await button(page, /^(Earlier|Later) period/).count(), 0);
});

scenario("single keys choose the period, the comparison, the live view, the dialogs", async ({ open }) => {
  const page = await open("/sites/demo?by=week");
  await settled(page);
  for (const [key, range] of [
    ["d", "today"],
    ["e", "yesterday"],
    ["w", "7d"],
    ["m", "month"],
    ["l", "12mo"],
    ["y", "year"],
    ["a", "all"],
  ])
    await press(page, key, `?range=${range}`);
  await press(page, "t", "");
  await press(page, "ArrowLeft", "?range=2026-09-26..2026-10-25");
  await press(page, "ArrowRight", "");
  await press(page, "x", "?compare=none");
  await press(page, "x", "");
  await press(page, "r", "?view=live");
  await page.keyboard.press("w");
  await press(page, "r", "");
  for (const [key, title] of [
    ["c", "Choose the days"],
    ["f", "Add a filter"],
    ["?", "Keyboard shortcuts"],
  ]) {
    await page.keyboard.press(key);
    await page.getByRole("dialog", { name: title }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await drawn(page);
  }
});

scenario("a key that is meant for something else does not change the view", async ({ open }) => {
  const page = await open("/sites/demo?range=7d");
  await settled(page);
  await page.getByRole("slider").focus();
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("tab", { name: "Top" }).focus();
  await page.keyboard.press("ArrowRight");
  equal(search(page), "?range=7d&tab.pages=entry_page");
  await button(page, "Pages: more").click();
  await page.getByRole("menuitem", { name: "Show all" }).click();
  await page.getByRole("searchbox").pressSequentially("day");
  await page.keyboard.press("ArrowLeft");
  // The first one empties the field.
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+d");
  await page.keyboard.press("Alt+ArrowLeft");
  equal(search(page), "?range=7d&tab.pages=entry_page");
  await button(page, "Colours").click();
  await page.keyboard.press("d");
  equal(search(page), "?range=7d&tab.pages=entry_page", "first letters move in a menu");
  await page.keyboard.press("Escape");
  await button(page, /^Period/).click();
  await page.keyboard.press("d");
  equal(search(page), "?range=today&tab.pages=entry_page", "a menu shows keys, and they work there");
});

scenario("single keys can be turned off, and stay so on other pages", async ({ open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Keyboard shortcuts").click();
  await page.getByRole("checkbox", { name: "Single keys work" }).uncheck();
  equal(search(page), "?keys=off");
  await page.keyboard.press("Escape");
  await page.keyboard.press("d");
  await button(page, /^Account/).click();
  await page.getByRole("menuitem", { name: /^Account/ }).click();
  await page.getByRole("heading", { name: "Account" }).waitFor();
  equal(search(page), "?keys=off");
  await page.goBack();
  await settled(page);
  await page.keyboard.press("w");
  await button(page, /^Period: Last 30 days/).waitFor();
  equal(search(page), "?keys=off");
});
