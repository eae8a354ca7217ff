// Annotations: where they stand in the chart, how they are read without it, and who adds, changes and deletes them.
import { deepEqual, equal, match, ok } from "node:assert/strict";

import { drawn, settled } from "../browser.mjs";
import { scenario } from "./harness.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const marks = (page) => page.getByRole("list", { name: "Annotations" }).getByRole("button");
const names = (page) => marks(page).evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")));
const activeId = (page, id) => page.waitForFunction((wanted) => document.activeElement.id === wanted, id);

/** The marks, as soon as there are so many. */
async function marked(page, count) {
  await settled(page);
  await page.waitForFunction((wanted) => document.querySelectorAll(".marks li").length === wanted, count);
  return names(page);
}

scenario("annotations stand at their days, several of one day as one mark, and are text", async ({ fixture, open }) => {
  const page = await open("/sites/demo");
  deepEqual(await marked(page, 3), ["Mon 9 Nov: The newsletter of November went out", "2 annotations, Tue 17 Nov", "Tue 24 Nov: 08:15 Moved to the new server"]);
  await marks(page).nth(1).hover();
  const tip = page.locator(".tip");
  await tip.getByText("09:30 Launch").waitFor();
  match(await tip.innerText(), /Tue 17 Nov[\s\S]*<b>with \u202e hostile text<\/b>/);
  equal(await tip.locator("b").count(), 0);
  const [dot, mark] = await Promise.all([page.locator(".looked-at line").boundingBox(), marks(page).nth(1).boundingBox()]);
  ok(Math.abs(dot.x - (mark.x + mark.width / 2)) < 2, "it stands below its point");
  const chart = page.getByRole("slider");
  await chart.focus();
  await page.keyboard.press("End");
  match(await chart.getAttribute("aria-valuetext"), /1 annotation; 08:15 Moved to the new server$/);
  await button(page, "Show as table").click();
  await page.getByRole("columnheader", { name: "Annotations" }).waitFor();
  await page.getByRole("row", { name: /^Tue 17 Nov/ }).getByText("09:30 Launch; 18:00 On the front page").waitFor();
  await button(page, "Show as table").click();
  await page.setViewportSize({ width: 390, height: 844 });
  await drawn(page);
  equal((await names(page)).length, 3);
  await page.goto("/sites/demo?range=12mo&by=day");
  deepEqual(await marked(page, 1), ["4 annotations, Mon 9 Nov to Tue 24 Nov"], "those that would touch are one");
  await page.goto("/sites/demo?range=today");
  deepEqual(await marked(page, 1), ["Tue 24 Nov, 08:00: 08:15 Moved to the new server"]);
  equal(fixture.kept.filter(([method]) => method !== "GET").length, 0);
});

scenario("one is added, changed and deleted from the chart by keyboard alone", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d", { role: "editor" });
  await marked(page, 1);
  await page.getByRole("slider").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Annotations: 18 Nov 2026" }).waitFor();
  await page.getByText("Nothing is noted here").waitFor();
  await button(page, "Add an annotation").focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.name === "text");
  equal(await page.getByLabel("Day", { exact: true }).inputValue(), "2026-11-18");
  await page.keyboard.type("   ");
  await page.keyboard.press("Enter");
  await page.getByText("a text has 1 to 500 characters").waitFor();
  await page.getByLabel("What happened").fill("A talk <i>");
  await page.getByLabel("Time, if it has one").fill("17:45");
  await page.keyboard.press("Enter");
  await page.getByText("Added.").waitFor();
  await activeId(page, "annotation-add");
  deepEqual(fixture.kept.findLast(([method]) => method === "POST")[1], { date: "2026-11-18", time: "17:45", text: "A talk <i>" });
  await button(page, "Edit: A talk <i>").focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.name === "text");
  await page.getByLabel("Time, if it has one").fill("");
  await page.getByLabel("Day", { exact: true }).fill("2026-11-20");
  await page.keyboard.press("Enter");
  await page.getByText("Changed: it is on 20 Nov 2026, outside of the days that are shown.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  deepEqual(await names(page), ["Fri 20 Nov: A talk <i>", "Tue 24 Nov: 08:15 Moved to the new server"]);
  deepEqual(fixture.sites[0].annotations.at(-1).time, null);
  await marks(page).first().focus();
  await page.keyboard.press("Enter");
  await button(page, "Delete: A talk <i>").click();
  await page.waitForFunction(() => document.activeElement.textContent === "Cancel");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.getAttribute("aria-label") === "Delete: A talk <i>");
  await page.keyboard.press("Enter");
  await button(page, "Delete").click();
  await page.getByText("Deleted.").waitFor();
  await activeId(page, "annotation-add");
  await page.keyboard.press("Escape");
  await activeId(page, "annotations-button");
  deepEqual(await names(page), ["Tue 24 Nov: 08:15 Moved to the new server"]);
});

scenario("who may only look reads annotations, and is offered nothing where there is none", async ({ open }) => {
  const page = await open("/sites/demo", { role: "viewer" });
  await marked(page, 3);
  await button(page, "Annotations").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Launch", { exact: true }).waitFor();
  deepEqual(await dialog.getByRole("button").evaluateAll((all) => all.map((one) => one.getAttribute("aria-label") ?? one.textContent)), ["Close"]);
  equal(await dialog.getByRole("listitem").count(), 4);
  await page.keyboard.press("Escape");
  await page.goto("/sites/blog");
  await settled(page);
  equal(await button(page, "Annotations").count(), 0);
});

scenario("annotations that could not be loaded leave the chart alone, and are asked again", async ({ open }) => {
  const page = await open("/sites/new");
  await page.route("**/annotations?*", (route) => route.abort());
  await page.goto("/sites/demo?range=7d");
  await settled(page);
  await page.getByText("The annotations could not be loaded. The server does not answer.").waitFor();
  await page.unroute("**/annotations?*");
  await button(page, "Load them again").click();
  await marked(page, 1);
});
