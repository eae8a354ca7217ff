// Visitors of closed days come from sketches: what says so, and how all numbers are counted exactly instead.
import { deepEqual, equal, match, ok } from "node:assert/strict";

import { drawn, settled } from "../browser.mjs";
import { sampled, sketched } from "./answers.mjs";
import { scenario } from "./harness.mjs";

const metric = (page, name) => page.locator(".headline button", { hasText: name });
const search = (page) => new URL(page.url()).search;
const grouped = (value) => new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(value);
const SAID = /^Visitors of closed days are put together from sketches: within 1\.[678]\u00a0% in 19 of 20 cases/;

scenario("what comes from sketches is marked as an estimate and says why, and what is exact beside it is not", async ({ fixture, open }) => {
  fixture.change = sketched;
  const page = await open("/sites/demo?range=7d&compare=previous_period");
  await settled(page);
  const answered = fixture.tops.at(-1)[0];
  const { rows, totals, meta, comparison } = sketched(fixture.answer(answered), answered);
  const [lower, upper] = meta.confidence.totals.visitors;
  const visitors = metric(page, "Visitors").locator(".headline-value");
  equal(await visitors.getAttribute("title"), `${grouped(totals.visitors)}; 95\u00a0% sure: ${grouped(lower)} to ${grouped(upper)}`);
  equal(await visitors.locator("[aria-hidden]").innerText(), "\u00b11.6\u00a0%");
  for (const name of ["Sessions", "Pageviews", "Bounce rate"]) {
    const exact = metric(page, name).locator(".headline-value");
    equal(await exact.locator("small").count(), 0, name);
    ok(!(await exact.getAttribute("title")).includes(";"), name);
  }
  const half = (interval) => grouped((interval[1] - interval[0]) / 2);
  match(await metric(page, "Visitors").locator(".change").getAttribute("title"), new RegExp(`\u00b1\u00a0${half(comparison.confidence.totals.visitors)} in the previous period`));
  match(await page.locator(".headline + .estimate-note p").innerText(), SAID);
  // The chart: a band for visitors, and none for what is counted.
  match(await page.locator("figcaption").innerText(), /^About [\d,]+ visitors/);
  ok((await page.locator(".band:not(.band-other)").getAttribute("d")).length > 20);
  await page.getByRole("slider").focus();
  await page.keyboard.press("Home");
  const first = rows[0][1 + answered.metrics.indexOf("visitors")];
  equal(await page.locator(".tip-row strong").first().innerText(), `${grouped(first)}\u00a0\u00b1\u00a0${half(meta.confidence.rows[0][answered.metrics.indexOf("visitors")])}`);
  await metric(page, "Pageviews").click();
  await page.waitForFunction(() => document.querySelector("figcaption").textContent.includes("pageviews"));
  match(await page.locator("figcaption").innerText(), /^[\d,]+ pageviews/);
  equal(await page.locator(".band, .key-band").count(), 0);
});

scenario("in a list those numbers are marked that come from sketches", async ({ fixture, open }) => {
  fixture.change = (answer, query) =>
    query.dimensions?.[0] === "page" ? sketched({ ...answer, rows: answer.rows.map(([name], index) => [name, [5_000, 494][index] ?? 20]) }, query) : answer;
  const page = await open("/sites/demo");
  await settled(page);
  const table = page.getByRole("region", { name: "Pages" }).getByRole("table", { name: "Page: Visitors from sketches, \u00b11.6\u00a0%" });
  const titles = await table.locator("tbody tr td:nth-child(2)").evaluateAll((cells) => cells.slice(0, 3).map(({ title }) => title));
  deepEqual(titles, ["5,000; 95\u00a0% sure: 4,920 to 5,080", "494", "20"]);
  equal(await table.locator("td.estimate").count(), 1);
  match(await page.getByRole("region", { name: "Pages" }).locator(".partial").innerText(), /^Visitors from sketches, \u00b11\.[67]\u00a0%/);
});

scenario("all is counted exactly by a switch beside the note, by keyboard and on a phone too; the address keeps it and the chip takes it back", async ({ fixture, open }) => {
  fixture.change = sketched;
  const page = await open("/sites/demo?range=7d", { width: 390, height: 844 });
  await settled(page);
  const exact = page.getByRole("switch", { name: "Count exactly" });
  equal(await exact.count(), 1);
  equal(await exact.isChecked(), false);
  ok(fixture.batches.flat().every((query) => query.exact === undefined));
  const known = fixture.batches.length;
  await exact.focus();
  await page.keyboard.press("Space");
  await page.waitForFunction(() => location.search.includes("exact=1"));
  await settled(page);
  equal(search(page), "?range=7d&exact=1");
  const asked = fixture.batches.slice(known).flat();
  ok(asked.length >= 6 && asked.every((query) => query.exact === true), JSON.stringify(asked));
  equal(await page.locator(".estimate, .band, .headline-value small").count(), 0, "nothing is an estimate any more");
  equal(await page.getByText("sketches").count(), 0);
  equal(await exact.isChecked(), true);
  equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "switch", "the focus stays");
  await page.getByRole("list", { name: "Filters" }).getByText("Counted exactly").waitFor();
  await page.reload();
  await settled(page);
  equal(await exact.isChecked(), true, "a link shows the same");
  // A file has what the page has, and what counts one by one in any case is not asked to.
  await page.goto("/sites/demo?range=7d&exact=1&view=funnel&step=page~/");
  await drawn(page);
  await page.locator(".funnel").waitFor();
  ok(!("exact" in fixture.asked.at(-1)));
  await page.goto("/sites/demo?range=7d&exact=1");
  await settled(page);
  await page.getByRole("button", { name: "Do not count exactly" }).click();
  await page.waitForFunction(() => !location.search.includes("exact"));
  await settled(page);
  equal(await page.locator(".chip").count(), 0);
  equal(await exact.isChecked(), false);
  match(await page.locator(".headline + .estimate-note p").innerText(), SAID);
});

scenario("what is estimated from a sample can be counted exactly as well, goals too, and what is exact has no switch", async ({ fixture, open }) => {
  fixture.change = (answer, query) => (query.exact ? answer : sampled(answer));
  const page = await open("/sites/demo?view=goals");
  await page.locator(".goals").waitFor();
  await page.getByRole("switch", { name: "Count exactly" }).check();
  await page.waitForFunction(() => !document.querySelector(".estimate, .stale"));
  equal(fixture.batches.at(-1)[0].exact, true);
  equal(search(page), "?view=goals&exact=1");
  await page.getByRole("switch", { name: "Count exactly" }).uncheck();
  await page.locator(".estimate").first().waitFor();
  fixture.change = (answer) => answer;
  await page.goto("/sites/demo");
  await settled(page);
  equal(await page.getByRole("switch").count(), 0);
});
