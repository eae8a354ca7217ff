// What a person does with the dashboard, and what it asks the server then.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";

import { settled } from "../browser.mjs";
import { sampled } from "./answers.mjs";
import { focusIsOn, scenario } from "./harness.mjs";
import { isTop, NOW } from "./server.mjs";

const button = (page, name) => page.getByRole("button", { name });
const metric = (page, name) => page.locator(".headline button", { hasText: name });
const search = (page) => new URL(page.url()).search;

scenario("a first view is two requests, one for numbers and chart and one for the lists, without a shift of its layout", async ({ fixture, open }) => {
  const page = await open("/", { height: 2400 });
  await page.evaluate(() => {
    globalThis.shifted = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.shifted += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  await settled(page);
  equal(new URL(page.url()).pathname, "/sites/demo", "the first site is shown");
  equal(fixture.batches.length, 2);
  const asked = (batch) => batch.map(({ dimensions }) => dimensions?.[0] ?? "totals");
  deepEqual(fixture.tops.map(asked), [["date"]]);
  deepEqual(asked(fixture.batches.find((batch) => !isTop(batch))), ["page", "source", "event_name", "device_type", "country"]);
  ok((await page.evaluate(() => globalThis.shifted)) < 0.02);
});

scenario("a row filters, the chip says so, and the back button takes it back", async ({ fixture, open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await page
    .getByRole("row", { name: /Hacker News/ })
    .getByRole("button")
    .click();
  await page.getByRole("list", { name: "Filters" }).getByText("Hacker News").waitFor();
  equal(search(page), "?filter=source~is~Hacker%20News");
  await settled(page);
  ok(fixture.batches.at(-1).every(({ filters }) => JSON.stringify(filters).includes('["source","is",["Hacker News"]]')));
  await button(page, "Source is: change to is not").click();
  equal(search(page), "?filter=source~is_not~Hacker%20News");
  await page.goBack();
  await page.goBack();
  equal(search(page), "");
  equal(await page.locator(".chip").count(), 0);
  await page.goForward();
  await button(page, "Remove the filter: Source is Hacker News").click();
  equal(search(page), "");
});

scenario("the period is chosen by keyboard alone, and its link shows the same", async ({ fixture, open }) => {
  const page = await open("/sites/demo?metric=pageviews&tab.devices=os");
  await settled(page);
  await button(page, /^Period/).focus();
  await page.keyboard.press("ArrowDown");
  await page.getByRole("menu").waitFor();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  equal(search(page), "?range=yesterday&metric=pageviews&tab.devices=os");
  equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Period: Yesterday");
  await settled(page);
  // The site's yesterday; the browser's clock stands in Auckland, where it is the 25th already.
  deepEqual(fixture.batches.at(-1)[0].date_range, ["2026-11-23", "2026-11-23"]);
  const again = await open(`/sites/demo${search(page)}`);
  await settled(again);
  equal(await metric(again, "Pageviews").getAttribute("aria-pressed"), "true");
  equal(await again.getByRole("tab", { name: "Systems" }).getAttribute("aria-selected"), "true");
});

scenario("days are chosen in a dialog, and a wrong order is refused at its field", async ({ open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, /^Period/).click();
  await page.getByRole("menuitemradio", { name: "Choose the days" }).click();
  await page.getByLabel("First day").fill("2026-11-10");
  await page.getByLabel("Last day").fill("2026-11-01");
  await button(page, "Show").last().click();
  await page.getByText("The last day is before the first.").waitFor();
  await page.getByLabel("First day").fill("2026-10-01");
  await button(page, "Show").last().click();
  await page.waitForURL(/range=2026-10-01\.\.2026-11-01/);
  equal(await button(page, /^Period/).getAttribute("aria-label"), "Period: 1 Oct \u2013 1 Nov 2026");
});

scenario("the other period is chosen: a year before, the same weekdays, or days of one's own", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d&metric=pageviews");
  await settled(page);
  const choose = async (role, name) => {
    await button(page, /^Comparison/).click();
    await page.getByRole(role, { name }).click();
    await settled(page);
    return fixture.tops.at(-1)[0].compare;
  };
  await choose("menuitemradio", "Previous year");
  deepEqual(await choose("menuitemcheckbox", /^Match the weekday/), ["2025-11-19", "2025-11-25"]);
  equal(search(page), "?range=7d&compare=previous_year&match=weekday&metric=pageviews");
  await page.getByRole("slider").focus();
  await page.keyboard.press("Home");
  match(await page.getByRole("slider").getAttribute("aria-valuetext"), /^Wed 18 Nov: [\d,]+ pageviews; Wed 19 Nov: [\d,]+$/);
  await button(page, /^Comparison/).click();
  await page.getByRole("menuitemradio", { name: "Choose the days" }).click();
  await page.getByRole("dialog", { name: "Compare with the days" }).waitFor();
  equal(await page.getByLabel("First day").inputValue(), "2026-11-11");
  await page.getByLabel("First day").fill("2026-10-01");
  await page.getByLabel("Last day").fill("2026-10-09");
  await button(page, "Show").last().click();
  await page.waitForURL("**?range=7d&compare=2026-10-01..2026-10-09&match=weekday&metric=pageviews");
  await settled(page);
  deepEqual(fixture.tops.at(-1)[0].compare, ["2026-10-01", "2026-10-09"]);
  match(await page.locator("figcaption").innerText(), /(more|less) than in the chosen days/);
  await button(page, "Comparison: vs. 1\u20139 Oct 2026").waitFor();
});

/** Lets batches of a kind wait until the function that it gives is called. */
function hold(fixture, isHeld) {
  let release;
  const released = new Promise((done) => (release = done));
  fixture.beforeBatch = async (queries) => {
    if (isHeld(queries)) await released;
  };
  return release;
}

/** The shares of the pages, as texts. */
async function shares(page) {
  return page.getByRole("region", { name: "Pages" }).locator("td.share").allInnerTexts();
}

scenario("numbers and chart are there while the lists are pending", async ({ fixture, open }) => {
  const release = hold(fixture, (queries) => !isTop(queries));
  const page = await open("/sites/demo");
  await page.locator(".time-chart svg[role=slider]").waitFor();
  match(await metric(page, "Visitors").innerText(), /\d/);
  match(await page.locator("figcaption").first().innerText(), /^[\d,]+ visitors, .*; most on /);
  equal(await page.locator(".skeleton-rows").count(), 5, "every list is loading");
  release();
  await settled(page);
  ok((await shares(page)).every((share) => share !== ""));
});

scenario("the lists are there while numbers and chart are pending, and get their shares with them", async ({ fixture, open }) => {
  const release = hold(fixture, isTop);
  const page = await open("/sites/demo");
  await page.getByRole("row", { name: /\/pricing/ }).waitFor();
  equal(await page.locator(".headline .skeleton").count(), 6);
  equal(await page.locator(".chart-skeleton").count(), 1);
  deepEqual(new Set(await shares(page)), new Set([""]), "nobody knows of how many");
  release();
  await settled(page);
  ok((await shares(page)).every((share) => /^<?\d+\u00a0%$/.test(share)));
});

scenario("a share is one of its own view, whichever part of the next one comes first", async ({ fixture, open }) => {
  // Every list has one row of 50 visitors, of 200 of the week and 100 of the month.
  const totals = { "7d": 200, "30d": 100 };
  fixture.change = (answer, { dimensions, time_range: range }) =>
    dimensions?.[0] === "page" ? { ...answer, rows: [["/a", 50]] } : { ...answer, totals: answer.totals && { ...answer.totals, visitors: totals[range] } };
  const choose = async (name) => {
    await button(page, /^Period/).click();
    await page.getByRole("menuitemradio", { name }).click();
  };
  const page = await open("/sites/demo?range=7d");
  await settled(page);
  deepEqual(await shares(page), ["25\u00a0%"]);
  const lists = hold(fixture, (queries) => !isTop(queries));
  await choose("Last 30 days");
  await metric(page, "Visitors").getByText("100", { exact: true }).waitFor();
  equal(await page.locator(".headline.stale, .timeline-body.stale").count(), 0);
  ok((await page.locator(".panel .stale").count()) > 0, "the lists say that they are of before");
  deepEqual(await shares(page), ["25\u00a0%"], "of the week that its row is of");
  lists();
  await settled(page);
  deepEqual(await shares(page), ["50\u00a0%"]);
  const top = hold(fixture, isTop);
  await choose("Last 7 days");
  await page.locator(".headline.stale").waitFor();
  await page.waitForFunction(() => !document.querySelector(".panel:not(.numbers) .stale"));
  equal(await page.locator(".headline.stale").count(), 1);
  deepEqual(await shares(page), [""]);
  top();
  await settled(page);
  deepEqual(await shares(page), ["25\u00a0%"]);
});

scenario("a part that fails leaves the other alone", async ({ fixture, open }) => {
  fixture.beforeBatch = async (queries) => {
    if (!isTop(queries)) throw { status: 503, error: { code: "overloaded", message: "The store is busy." } };
  };
  const page = await open("/sites/demo");
  await page.getByRole("alert").filter({ hasText: "Pages could not be loaded. The store is busy." }).waitFor();
  await page.locator(".time-chart svg[role=slider]").waitFor();
  equal(await page.getByRole("alert").count(), 5);
  fixture.beforeBatch = async () => undefined;
  const asked = fixture.tops.length;
  await page.getByRole("button", { name: "Try again" }).first().click();
  await settled(page);
  equal(await page.getByRole("alert").count(), 0);
  equal(fixture.tops.length, asked, "only what failed is asked again");
});

scenario("another metric is drawn without asking again", async ({ fixture, open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await metric(page, "Bounce rate").click();
  await page.getByRole("slider", { name: /Bounce rate by time/ }).waitFor();
  equal(search(page), "?metric=bounce_rate");
  match(await page.locator("figcaption").innerText(), /^Bounce rate /);
  equal(fixture.batches.length, 2);
});

scenario("arrow keys move through the chart and say where they are; the table has the same numbers", async ({ open }) => {
  const page = await open("/sites/demo?range=7d");
  await settled(page);
  const chart = page.getByRole("slider");
  await chart.focus();
  await page.keyboard.press("Home");
  match(await chart.getAttribute("aria-valuetext"), /^Wed 18 Nov: [\d,]+ visitors; Wed 11 Nov: [\d,]+$/);
  await page.keyboard.press("ArrowRight");
  const told = await chart.getAttribute("aria-valuetext");
  match(told, /^Thu 19 Nov/);
  await page.keyboard.press("End");
  match(await chart.getAttribute("aria-valuetext"), /^Tue 24 Nov, so far: /);
  await button(page, "Show as table").click();
  const cells = await page
    .getByRole("row", { name: /Thu 19 Nov/ })
    .getByRole("cell")
    .allInnerTexts();
  ok(told.includes(`${cells[0]} visitors`), `${told}: ${cells.join(" ")}`);
});

scenario("what is not over is dashed, and what has not begun is not drawn", async ({ open }) => {
  const page = await open("/sites/demo?range=today");
  await settled(page);
  equal(await page.locator(".time-chart .running").count(), 1);
  equal(await page.getByRole("slider").getAttribute("aria-valuemax"), "24");
  const drawn = (await page.locator(".time-chart .area").getAttribute("d")).match(/[ML]/g).length;
  ok(drawn < 2 * 24, "the hours to come have no area");
  await page.getByRole("slider").focus();
  await page.keyboard.press("Home");
  match(await page.getByRole("slider").getAttribute("aria-valuetext"), /^Tue 24 Nov, 00:00: [\d,]+ visitors; Mon 23 Nov, 00:00: [\d,]+$/);
  for (let hour = 0; hour < 13; hour += 1) await page.keyboard.press("ArrowRight");
  match(
    await page.getByRole("slider").getAttribute("aria-valuetext"),
    /^Tue 24 Nov, 13:00, so far: [\d,]+ visitors; Mon 23 Nov, 13:00, until 13:34: [\d,]+$/,
    "half an hour stands against half an hour",
  );
  match(await metric(page, "Visitors").locator(".change").getAttribute("title"), /in the previous period, until 23 Nov, 13:34$/);
});

scenario("a tab asks its own question only, and arrows choose it", async ({ fixture, open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await page.getByRole("tab", { name: "Top" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("columnheader", { name: "Entry page" }).waitFor();
  await settled(page);
  equal(await page.evaluate(() => document.activeElement.textContent), "Entry");
  deepEqual(
    fixture.batches.at(-1).map(({ dimensions }) => dimensions[0]),
    ["entry_page"],
  );
});

scenario("the query behind a panel is shown, and focus comes back", async ({ fixture, open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Sources: more").click();
  await page.getByRole("menuitem", { name: "Show query" }).click();
  await page.getByText("FROM footfall.events").waitFor();
  const { explain, ...asked } = fixture.batches.at(-1)[0];
  equal(explain, true);
  deepEqual(
    asked,
    fixture.batches.flat().find(({ dimensions }) => dimensions?.[0] === "source"),
    "it is the question that the panel asked",
  );
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await focusIsOn(page, "Sources: more");
  await button(page, "Chart: more").click();
  await page.getByRole("menuitem", { name: "Show query", exact: true }).click();
  await page.getByText("FROM footfall.events").waitFor();
  deepEqual(fixture.batches.at(-1)[0].dimensions, ["date"], "numbers and chart are one question");
  const all = await open("/sites/demo?range=all");
  await settled(all);
  await button(all, "Chart: more").click();
  await all.getByRole("menuitem", { name: "Show query of the numbers" }).click();
  await all.getByText("FROM footfall.events").waitFor();
  equal(fixture.batches.at(-1)[0].dimensions, undefined, "the numbers of all time do not wait for its chart");
});

scenario("the whole list can be searched, and filters", async ({ open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Show all top").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("13 rows").waitFor();
  await dialog.getByRole("searchbox").fill("privacy");
  await dialog.getByText("1 row", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "/legal/privacy" }).click();
  await page.waitForURL(/filter=page~is~\/legal\/privacy/);
});

/** 600 pages, of which the server gives as many as are asked for, and searches in all. */
function manyPages(fixture) {
  const pages = Array.from({ length: 600 }, (_, index) => `/p/${index}`);
  fixture.change = (answer, query) => {
    if (query.dimensions?.[0] !== "page") return answer;
    const wanted = query.filters?.flatMap(([name, tests]) => (name === "or" ? tests[0][2] : [])) ?? [];
    const found = pages.filter((page) => wanted.every((pattern) => new RegExp(pattern.replace("(?i)", ""), "i").test(page)));
    return { ...answer, rows: found.slice(0, query.limit).map((page) => [page, ...query.metrics.map(() => 5)]) };
  };
}

scenario("a list that is longer than what was loaded is searched on the server", async ({ fixture, open }) => {
  manyPages(fixture);
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Show all top").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("500 rows, the first 500").waitFor();
  const asked = fixture.batches.length;
  // However slowly it is typed here, the page sees no pause in it.
  await page.clock.pauseAt(NOW + 1_000);
  await dialog.getByRole("searchbox").pressSequentially("P/59");
  await page.clock.resume();
  await dialog.getByText("11 rows", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "/p/599", exact: true }).waitFor();
  equal(fixture.batches.length, asked + 1, "not by the letter");
  const found = [["or", [["page", "matches", ["(?i)P/59"]]]]];
  deepEqual(fixture.batches.at(-1)[0].filters, found);
  await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: "CSV" }).click()]);
  deepEqual([fixture.csvs.at(-1).filters, fixture.csvs.at(-1).limit], [found, 10_000], "a file has what was searched for, and more of it");
  fixture.change = () => ({ error: { code: "timeout", message: "It took too long." } });
  await dialog.getByRole("searchbox").fill("none");
  await dialog.getByRole("alert").filter({ hasText: "It took too long." }).waitFor();
  manyPages(fixture);
  await dialog.getByRole("button", { name: "Try again" }).click();
  await dialog.getByText("Nothing matches").waitFor();
  await dialog.getByRole("searchbox").fill("");
  await dialog.getByText("500 rows, the first 500").waitFor();
});

scenario("the whole list has more numbers, and those of a ratio without sessions are unknown", async ({ fixture, open }) => {
  fixture.change = (answer, query) =>
    query.metrics.includes("sessions") && query.dimensions?.[0] === "page" ? { ...answer, rows: [["/a", 2, 5, 4, 25, 61], ["/b", 1, 1, 0, null, null]] } : answer;
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Pages: more").click();
  await page.getByRole("menuitem", { name: "Show all" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("2 rows").waitFor();
  deepEqual(await dialog.getByRole("columnheader").allInnerTexts(), ["Page", "Visitors", "Pageviews", "Sessions", "Bounce rate", "Duration", "%"]);
  const cells = async (name) => (await dialog.getByRole("row", { name }).getByRole("cell").allInnerTexts()).slice(0, 5);
  deepEqual(await cells(/\/a/), ["2", "5", "4", "25\u00a0%", "1m 1s"]);
  deepEqual(await cells(/\/b/), ["1", "1", "0", "\u2013", "\u2013"]);
});

scenario("a share is one of the visitors of the whole view, also of what is counted in times and of what only some have", async ({ fixture, open }) => {
  fixture.change = (answer, query) => {
    const rows = { event_name: [["signup", 749, 50]], campaign: [["autumn", 20]] }[query.dimensions?.[0]];
    return rows ? { ...answer, rows } : { ...answer, totals: answer.totals && { ...answer.totals, visitors: 200 } };
  };
  const page = await open("/sites/demo?tab.sources=campaign");
  await settled(page);
  const cells = (within, name) => within.getByRole("row", { name }).getByRole("cell").allInnerTexts();
  deepEqual(await cells(page, /signup/), ["749", "50", "25\u00a0%"]);
  deepEqual(await cells(page, /autumn/), ["20", "10\u00a0%"]);
  await button(page, "Events: more").click();
  await page.getByRole("menuitem", { name: "Show all" }).click();
  await page.getByRole("dialog").getByText("1 row", { exact: true }).waitFor();
  deepEqual(await cells(page.getByRole("dialog"), /signup/), ["749", "50", "25\u00a0%"]);
});

scenario("a list and the chart come as files, and a file that does not come says so", async ({ fixture, open }) => {
  const page = await open("/sites/demo?filter=country~is~DE");
  await settled(page);
  const file = async (start) => {
    const [download] = await Promise.all([page.waitForEvent("download"), start()]);
    const lines = readFileSync(await download.path(), "utf8").split("\r\n");
    return [download.suggestedFilename(), lines[0], fixture.csvs.at(-1)];
  };
  const choose = async (menu) => {
    await button(page, menu).click();
    await page.getByRole("menuitem", { name: "Download as CSV" }).click();
  };
  const [name, head, query] = await file(() => choose("Pages: more"));
  equal(name, "demo-page-30d.csv");
  equal(head, "page,visitors,pageviews,sessions,bounce_rate,session_duration");
  deepEqual([query.limit, query.filters], [10_000, [["country", "is", ["DE"]]]]);
  const [chart, days, points] = await file(() => choose("Chart: more"));
  equal(chart, "demo-chart-30d.csv");
  match(days, /^date,visitors,sessions,/);
  equal(points.compare, undefined, "a file has one period");
  fixture.change = () => ({ error: { code: "timeout", message: "It took too long." } });
  await choose("Sources: more");
  const alert = page.getByRole("alert").filter({ hasText: "The file could not be loaded. It took too long." });
  await alert.waitFor();
  fixture.change = (answer) => answer;
  equal((await file(() => alert.getByRole("button", { name: "Try again" }).click()))[0], "demo-source-30d.csv");
  equal(await page.getByRole("alert").count(), 0);
  await button(page, "Show all top").click();
  await page.getByRole("dialog").getByText("13 rows").waitFor();
  const whole = () => file(() => page.getByRole("dialog").getByRole("button", { name: "CSV" }).click());
  equal((await whole())[0], "demo-page-30d.csv");
  await page.getByRole("searchbox").fill("Docs api");
  await page.getByRole("dialog").getByText("1 row", { exact: true }).waitFor();
  deepEqual((await whole())[2].filters, [["country", "is", ["DE"]], ["page", "is", ["/docs/api"]]], "what a search left");
  await page.getByRole("searchbox").fill("nowhere");
  await page.getByText("Nothing matches").waitFor();
  ok(await page.getByRole("dialog").getByRole("button", { name: "CSV" }).isDisabled());
});

scenario("what is seldom looked at is in a menu beside the tabs, and stands in the address", async ({ fixture, open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await button(page, "Devices by: more").click();
  await page.getByRole("menuitemradio", { name: "Browser versions" }).click();
  equal(search(page), "?tab.devices=browser_version");
  await button(page, "Chrome 128").waitFor();
  deepEqual(fixture.batches.at(-1)[0].dimensions, ["browser", "browser_version"]);
  equal(await page.getByRole("tablist", { name: "Devices" }).locator("[aria-selected=true]").count(), 0);
  equal(await page.getByRole("tab", { name: "Types" }).getAttribute("tabindex"), "0", "the keyboard comes into the tabs all the same");
  await button(page, "Chrome 128").click();
  equal(search(page), "?filter=browser~is~Chrome&filter=browser_version~is~128&tab.devices=browser_version");
  await settled(page);
  equal(await button(page, "Chrome 128").getAttribute("aria-pressed"), "true");
  for (const [panel, label, column] of [
    ["Pages", "Titles", "Title"],
    ["Pages", "Hosts", "Host"],
    ["Sources", "Mediums", "Medium"],
    ["Sources", "Terms", "Term"],
    ["Sources", "Contents", "Content"],
    ["Devices", "System versions", "System version"],
    ["Devices", "Screens", "Screen"],
  ]) {
    await button(page, new RegExp(`^${panel} by:`)).click();
    await page.getByRole("menuitemradio", { name: label }).click();
    if (column === "Content") await page.getByText("links with utm_content show up here").waitFor();
    else await page.getByRole("columnheader", { name: column, exact: true }).waitFor();
  }
  await page.getByRole("tab", { name: "Languages" }).click();
  await button(page, "Brazilian Portuguese").waitFor();
});

scenario("a new site helps to install, and shows life with its first event", async ({ fixture, open }) => {
  const page = await open("/sites/new");
  await page.getByText(`<script defer src="${fixture.origin}/footfall.js" data-site="new"></script>`).waitFor();
  const note = await page.getByRole("note").filter({ hasText: "Your visitors cannot reach this address." }).innerText();
  const [, file, section] = /\((docs\/[\w.]+), "(.+?)"/.exec(note);
  ok(readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8").includes(`\n## ${section}\n`), `${file} has a section "${section}"`);
  fixture.firstEvent("new");
  await settled(page);
  ok(!(await page.getByText("Put one line").isVisible()));
  await page.getByRole("row", { name: /Google/ }).waitFor();
});

scenario("a day without an event is drawn as 0, and all time is drawn by days, weeks or months as the site is old", async ({ fixture, open }) => {
  fixture.change = (answer, query) =>
    query.dimensions?.[0] === "date" ? { ...answer, rows: answer.rows.filter(([day]) => day !== "2026-11-20") } : answer;
  const page = await open("/sites/demo?range=7d");
  await settled(page);
  await page.getByRole("slider").focus();
  await page.keyboard.press("Home");
  for (let day = 0; day < 2; day += 1) await page.keyboard.press("ArrowRight");
  match(await page.getByRole("slider").getAttribute("aria-valuetext"), /^Fri 20 Nov: 0 visitors;/);
  const [point, base] = await page.evaluate(() => [
    Number(document.querySelector(".looked-at .dot").getAttribute("cy")),
    Number(document.querySelector(".time-chart .base").getAttribute("y1")),
  ]);
  ok(Math.abs(point - base) <= 1, "the point lies on the axis");
  for (const [since, dimension, count] of [
    ["2026-10-20T00:00:00Z", "date", 36],
    ["2026-01-10T00:00:00Z", "week", 47],
    ["2025-06-01T00:00:00Z", "month", 18],
  ]) {
    fixture.sites[0].since = since;
    const all = await open("/sites/demo?range=all");
    await settled(all);
    await all.locator(".time-chart svg[role=slider]").waitFor();
    equal(fixture.tops.at(-1)[0].dimensions[0], dimension, since);
    equal(await all.getByRole("slider").getAttribute("aria-valuemax"), String(count), since);
  }
});

scenario("an empty period of a site with a past is no reason to install", async ({ open }) => {
  const page = await open("/sites/demo?range=2024-01-01..2024-01-31");
  await page.getByText("No visitors in this period.").waitFor();
  equal(await page.getByText("Put one line").count(), 0);
});

scenario("a lost live connection is told, and comes back by itself", async ({ fixture, open }) => {
  const page = await open("/sites/demo");
  await page.getByRole("link", { name: /24 visitors now/ }).waitFor();
  fixture.dropSockets(false);
  await page.getByText("Live view not connected").waitFor();
  fixture.liveIsUp = true;
  await page.locator(".live-now strong").waitFor();
});

scenario("a failed request says what failed, and is tried again by a button", async ({ fixture, open }) => {
  fixture.beforeBatch = async () => {
    throw { status: 503, error: { code: "store_unavailable", message: "The store is starting." } };
  };
  const page = await open("/sites/demo");
  const alert = page.getByRole("alert").filter({ hasText: "Sources could not be loaded. The store is starting." });
  await alert.waitFor();
  fixture.beforeBatch = async () => undefined;
  await alert.getByRole("button", { name: "Try again" }).click();
  await settled(page);
  equal(await page.getByRole("alert").count(), 0);
});

scenario("one panel fails alone", async ({ fixture, open }) => {
  fixture.change = (answer, query) => (query.dimensions?.[0] === "source" ? { error: { code: "timeout", message: "It took too long." } } : answer);
  const page = await open("/sites/demo");
  await page.getByText("It took too long.").waitFor();
  await page.getByRole("row", { name: /\/pricing/ }).waitFor();
  equal(await page.getByRole("alert").count(), 1);
});

scenario("all time whose beginning could not be asked says so, and is tried again", async ({ fixture, open }) => {
  const isPast = ({ dimensions, limit }) => dimensions?.[0] === "month" && limit === 1;
  fixture.change = (answer, query) => (isPast(query) ? { error: { code: "timeout", message: "It took too long." } } : answer);
  const page = await open("/sites/demo?range=all");
  const alert = page.getByRole("alert").filter({ hasText: "The chart could not be loaded. It took too long." });
  await alert.waitFor();
  fixture.change = (answer) => answer;
  await alert.getByRole("button", { name: "Try again" }).click();
  await page.locator(".time-chart svg[role=slider]").waitFor();
  equal(await page.getByRole("alert").count(), 0);
});

scenario("a page that is seen again is not half a minute old, and a hidden one asks nothing", async ({ fixture, open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  const see = (hidden) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await page.clock.setFixedTime(NOW + 3_000);
  await see(true);
  await see(false);
  equal(fixture.batches.length, 2, "what is three seconds old is not asked again");
  await see(true);
  await page.clock.setFixedTime(NOW + 60_000);
  equal(fixture.batches.length, 2);
  const asked = page.waitForRequest("**/api/v1/query/batch");
  await see(false);
  await asked;
});

scenario("an answer that comes too late is not shown", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d");
  await settled(page);
  const release = hold(fixture, ([{ time_range: range }]) => range === "12mo");
  await button(page, /^Period/).click();
  await page.getByRole("menuitemradio", { name: "Last 12 months" }).click();
  await page.locator(".headline.stale").waitFor();
  await button(page, /^Period/).click();
  await page.getByRole("menuitemradio", { name: "Today" }).click();
  await settled(page);
  const shown = await metric(page, "Visitors").innerText();
  release();
  await page.evaluate(() => fetch("/api/v1/session"));
  equal(await metric(page, "Visitors").innerText(), shown);
});

scenario("sampled and cached answers say that they are", async ({ fixture, open }) => {
  fixture.change = (answer) => ({ ...answer, meta: { ...answer.meta, sample_rate: 0.1, cached: true } });
  const page = await open("/sites/demo");
  await page.getByText("Estimated from 10\u00a0% of the visitors \u00b7 As of 12:34 UTC").first().waitFor();
});

const number = (text) => Number(text.replace(/[^\d]/g, ""));
const grouped = (value) => new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(value);

scenario("the numbers on top say how far an estimate may be off, and so do those of the other period", async ({ fixture, open }) => {
  fixture.change = sampled;
  const page = await open("/sites/demo?compare=previous_period");
  await settled(page);
  const visitors = metric(page, "Visitors").locator(".headline-value");
  equal(await visitors.locator("[aria-hidden]").innerText(), "\u00b110\u00a0%");
  const title = await visitors.getAttribute("title");
  const value = number(title.split(";")[0]);
  ok(value > 1_000);
  equal(title, `${grouped(value)}; 95\u00a0% sure: ${grouped(0.9 * value)} to ${grouped(1.1 * value)}`);
  ok((await metric(page, "Visitors").textContent()).includes(title.split("; ")[1]), "a screen reader has it too");
  const rate = metric(page, "Bounce rate").locator(".headline-value");
  equal(await rate.locator("[aria-hidden]").count(), 0, "of so small a number nothing is known");
  ok((await rate.getAttribute("title")).endsWith("; too few visitors in the sample to say how far off"));
  const other = await metric(page, "Visitors").locator(".change").getAttribute("title");
  const before = number(other.split("\u00a0")[0]);
  ok(other.startsWith(`${grouped(before)}\u00a0\u00b1\u00a0${grouped(0.1 * before)} in the previous period`), other);
});

scenario("a list says that it is an estimate, and of each number how far it may be off, to whoever is at its row, and without a shift", async ({ fixture, open }) => {
  fixture.change = (answer, query) => {
    if (query.dimensions?.[0] !== "page") return answer;
    const rows = answer.rows.map((row, index) => [row[0], [5_000, 4_000][index] ?? 20]);
    return sampled({ ...answer, rows: query.limit > 10 ? [...rows, ["/a/last/one", 1_000]] : rows });
  };
  const page = await open("/sites/demo");
  await settled(page);
  const table = page.getByRole("region", { name: "Pages" }).getByRole("table", { name: "Page: Estimated from 10\u00a0% of the visitors" });
  const cells = (row) => table.locator("tbody tr").nth(row).locator("td").first();
  equal(await cells(0).getAttribute("title"), "5,000; 95\u00a0% sure: 4,500 to 5,500");
  equal(await cells(0).locator(".visually-hidden").textContent(), ", 95\u00a0% sure: 4,500 to 5,500");
  equal(await cells(2).getAttribute("title"), "20; too few visitors in the sample to say how far off");
  equal(await cells(2).locator(".estimate-error").count(), 0);
  const off = cells(1).locator(".estimate-error");
  equal(await off.isVisible(), false);
  const place = await table.boundingBox();
  await table.locator("tbody tr").nth(1).getByRole("button").focus();
  equal(await off.innerText(), "\u00b1\u00a0400");
  deepEqual(await table.boundingBox(), place);
  await table.locator("tbody tr").first().hover();
  equal(await cells(0).locator(".estimate-error").isVisible(), true);
  equal(await page.getByRole("region", { name: "Sources" }).locator(".estimate").count(), 0, "what is counted is no estimate");
  await button(page, "Show all top").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Estimated from 10\u00a0% of the visitors").waitFor();
  // Its number is its own, also where rows before it are left out.
  await dialog.getByRole("searchbox").fill("/a/last/one");
  await dialog.getByText("1 row").waitFor();
  equal(await dialog.locator("tbody td.estimate").first().getAttribute("title"), "1,000; 95\u00a0% sure: 900 to 1,100");
});

scenario("the chart has a band as wide as its numbers may be off, and says so at each point, in words, and in its table", async ({ fixture, open }) => {
  fixture.change = sampled;
  const page = await open("/sites/demo?range=7d&compare=previous_period");
  await settled(page);
  const chart = page.getByRole("slider");
  const answered = fixture.tops.at(-1)[0];
  const { rows, comparison } = sampled(fixture.answer(answered));
  const column = 1 + answered.metrics.indexOf("visitors");
  const wanted = (row) => `${grouped(row[column])}\u00a0\u00b1\u00a0${grouped(0.1 * row[column])}`;
  await chart.focus();
  await page.keyboard.press("Home");
  const tip = page.locator(".tip-row strong");
  deepEqual(await tip.allInnerTexts(), [wanted(rows[0]), wanted(comparison.rows[0])]);
  const told = await chart.getAttribute("aria-valuetext");
  ok(told.includes(`${wanted(rows[0])} visitors`) && told.endsWith(wanted(comparison.rows[0])), told);
  match(await page.locator("figcaption").innerText(), /^About [\d,]+ visitors/);
  await page.locator(".legend").getByText("95\u00a0% sure").waitFor();
  const [band, line] = await Promise.all([".band:not(.band-other)", ".line:not(.running)"].map((name) => page.locator(`.time-chart ${name}`).evaluate((path) => {
    const { y, width, height } = path.getBBox();
    return { y, width, height };
  })));
  ok(band.y < line.y && band.y >= 0 && band.width > 0.9 * line.width, `${JSON.stringify([band, line])}: the band is around the line, and in the chart`);
  ok((await page.locator(".band-other").getAttribute("d")).length > 20);
  await button(page, "Show as table").click();
  equal(await page.locator(".timeline tbody tr").first().locator("td").first().innerText(), wanted(rows[0]));
  fixture.change = (answer) => answer;
  await page.reload();
  await settled(page);
  equal(await page.locator(".band").count(), 0, "what is counted has no band");
});

scenario("on a phone the legend has all its words too, and whatever they are nothing below moves", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d", { width: 390, height: 844 });
  await settled(page);
  const below = () => page.getByRole("region", { name: "Pages" }).evaluate((panel) => panel.offsetTop - document.querySelector(".timeline > .legend").offsetTop);
  const distance = await below();
  fixture.change = sampled;
  await page.goto("/sites/demo?range=7d&metric=session_duration");
  await settled(page);
  const words = page.locator(".legend > span");
  deepEqual(await words.allInnerTexts(), ["Session duration", "Previous period", "95\u00a0% sure", "Not over yet"]);
  for (const word of await words.all()) equal(await word.isVisible(), true);
  equal(await below(), distance);
});

scenario("an answer that lacks what is older says so", async ({ fixture, open }) => {
  fixture.change = (answer) => ({ ...answer, meta: { ...answer.meta, events_from: "2026-09-28", days_missing: 2 } });
  const page = await open("/sites/demo");
  await page.getByText("Events before 28 Sept 2026 are no longer kept \u00b7 2 days whose events are gone are not counted").first().waitFor();
});

scenario("what visitors send stays text, and only http links lead out", async ({ fixture, open }) => {
  const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  fixture.change = (answer, query) =>
    query.dimensions?.[0] === "page"
      ? {
          ...answer,
          rows: [
            [hostile, 5],
            ["//evil.example/x", 4],
          ],
        }
      : answer;
  const page = await open("/sites/demo?tab.sources=referrer");
  await settled(page);
  await button(page, hostile).waitFor();
  equal(await page.locator("table img, table script").count(), 0);
  for (const link of await page.locator(".out").all()) {
    match(await link.getAttribute("href"), /^https?:\/\/(?!evil)/);
    equal(await link.getAttribute("rel"), "noopener noreferrer");
  }
  equal(
    await page
      .getByRole("row", { name: /javascript:/ })
      .getByRole("link")
      .count(),
    0,
  );
});

scenario("another site keeps the period, not the filters", async ({ open }) => {
  const page = await open("/sites/demo?range=7d&filter=page~is~/pricing&theme=dark");
  await settled(page);
  await button(page, "Site: Footfall demo").click();
  await page.getByRole("menuitemradio", { name: /Huge/ }).click();
  await page.waitForURL("**/sites/huge?range=7d&theme=dark");
  await settled(page);
  match(await metric(page, "Visitors").innerText(), /M/);
});

scenario("light and dark can be forced, and stay on other pages", async ({ open }) => {
  const page = await open("/sites/demo", { scheme: "light" });
  await button(page, "Colours").click();
  await page.getByRole("menuitemradio", { name: "Dark" }).click();
  equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "dark");
  await button(page, /^Account/).click();
  await page.getByRole("menuitem", { name: /^Account/ }).click();
  await page.getByRole("heading", { name: "Account" }).waitFor();
  equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "dark");
});

scenario("every menu opens inside the window of a phone", async ({ open }) => {
  for (const direction of ["ltr", "rtl"]) {
    const page = await open("/sites/demo", { width: 390, height: 844 });
    await settled(page);
    await page.evaluate((dir) => (document.documentElement.dir = dir), direction);
    const menus = page.locator("[aria-haspopup=menu]");
    ok((await menus.count()) >= 14);
    for (const menu of await menus.all()) {
      await menu.click();
      const { left, right } = await page.getByRole("menu").evaluate((list) => list.getBoundingClientRect().toJSON());
      ok(left >= 0 && right <= 390, `${direction}, ${await menu.getAttribute("aria-label")}: ${left} to ${right}`);
      await page.keyboard.press("Escape");
    }
  }
});

scenario("on paper there are the numbers and what they are of, light, and nothing to click", async ({ open }) => {
  const page = await open("/sites/demo?filter=country~is~DE", { scheme: "dark" });
  await settled(page);
  await button(page, /^Keyboard shortcuts/).click();
  await page.getByRole("dialog").waitFor();
  await page.emulateMedia({ media: "print" });
  const look = () =>
    page.evaluate(() => ({
      paper: getComputedStyle(document.body).backgroundColor,
      ink: getComputedStyle(document.body).color,
      bar: getComputedStyle(document.querySelector(".bar-top")).position,
    }));
  deepEqual(await look(), { paper: "rgb(255, 255, 255)", ink: "rgb(20, 32, 29)", bar: "static" });
  for (const gone of ["dialog", ".live", ".ranges .menu:has(.menu-icon)", ".step", ".top-end", ".timeline-tools button", ".keys-note button", ".chip-close", ".panel-head .icon-button"])
    equal(await page.locator(gone).first().isVisible(), false, gone);
  for (const there of ["Last 30 days", "vs. previous period", "Germany", "Pages"]) ok(await page.getByText(there, { exact: true }).first().isVisible(), there);
  // The chart that was drawn for the window goes onto a narrower paper whole.
  const [chart, box] = await page.evaluate(() => {
    const body = document.querySelector(".timeline-body");
    body.style.width = "400px";
    return [body.querySelector("svg"), body].map((node) => node.getBoundingClientRect().width);
  });
  ok(chart < box + 16, `${chart} in ${box}`);
  const forced = await open("/sites/demo?theme=dark");
  await settled(forced);
  await forced.emulateMedia({ media: "print" });
  equal(await forced.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)", "whatever colours were chosen");
});

scenario("the first stop of the keyboard goes to the content", async ({ open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  equal(await page.evaluate(() => document.activeElement.id), "main");
});
