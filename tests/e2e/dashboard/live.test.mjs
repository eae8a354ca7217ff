// The live view: what the socket says is shown at once, and what it no longer says is never shown as if it were true.
import { deepEqual, equal, match, ok } from "node:assert/strict";

import { scenario } from "./harness.mjs";
import { NOW } from "./server.mjs";

const names = (page, list) => page.getByRole("region", { name: list }).locator("tbody th button").allInnerTexts();
const bigNumber = (page, text) => page.locator(".live-count", { hasText: new RegExp(`^${text}$`) }).waitFor();

async function connections(fixture, count) {
  for (let turn = 0; fixture.sockets.size !== count; turn += 1) {
    ok(turn < 500, `${fixture.sockets.size} connections are open`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

scenario("the strip leads to the live view and back, by keyboard too, without asking the server again", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d");
  const strip = page.getByRole("link", { name: /24 visitors now/ });
  await strip.focus();
  await page.keyboard.press("Enter");
  await bigNumber(page, 24);
  equal(new URL(page.url()).search, "?view=live&range=7d");
  deepEqual((await names(page, "Pages")).slice(0, 2), ["/", "/pricing"]);
  deepEqual((await names(page, "Countries"))[0], "Germany");
  const asked = fixture.batches.length;
  await page.getByRole("link", { name: "Dashboard" }).click();
  await page.locator(".headline-value").first().waitFor();
  equal(new URL(page.url()).search, "?range=7d");
  await page.goBack();
  await bigNumber(page, 24);
  equal(fixture.batches.length, asked);
  equal(fixture.sockets.size, 1, "one connection serves both");
});

scenario("numbers, minutes and lists follow the socket", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=live");
  await bigNumber(page, 24);
  equal(fixture.batches.length, 0, "the live view alone asks no query");
  const minutes = Array.from({ length: 30 }, (_, index) => ({
    minute: new Date(NOW - (29 - index) * 60_000).toISOString(),
    pageviews: index === 29 ? 7 : 0,
    events: 0,
    visitors: index === 29 ? 3 : 0,
  }));
  fixture.sayLive("demo", { active_visitors: 25, minutes, pages: [{ name: "/only", visitors: 25 }], sources: [], events: [{ name: "buy", visitors: 2 }] });
  await bigNumber(page, 25);
  deepEqual(await names(page, "Pages"), ["/only"]);
  deepEqual(await names(page, "Events"), ["buy"]);
  await page.getByText("Nobody has come lately").waitFor();
  match(await page.locator("figcaption").innerText(), /^7 pageviews in the last 30 minutes; most at 13:34, 7\.$/);
  equal(await page.locator(".minute-chart .pageviews").count(), 1);
  equal(await page.locator(".minute-chart .running .pageviews").count(), 1, "the minute that runs is told apart");
  const chart = page.getByRole("slider");
  await chart.focus();
  equal(await chart.getAttribute("aria-valuetext"), "13:34, so far: 7 pageviews, 3 visitors");
  await page.keyboard.press("Home");
  equal(await chart.getAttribute("aria-valuetext"), "13:05: 0 pageviews, 0 visitors", "by the site's clock");
  await page.getByRole("button", { name: "Show as table" }).click();
  deepEqual(await page.getByRole("row", { name: /13:34/ }).getByRole("cell").allInnerTexts(), ["7", "3"]);
});

scenario("no row moves under the pointer, and all find their places when it leaves", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=live");
  const rows = (...pages) => fixture.sayLive("demo", { active_visitors: pages.length, pages: pages.map((name, index) => ({ name, visitors: 9 - index })) });
  await bigNumber(page, 24);
  rows("/a", "/b", "/c");
  await bigNumber(page, 3);
  await page.getByRole("button", { name: "/b" }).hover();
  rows("/new", "/c", "/a", "/d");
  await bigNumber(page, 4);
  deepEqual(await names(page, "Pages"), ["/a", "/b", "/c", "/new", "/d"]);
  equal(await page.getByRole("row", { name: "/b" }).getByRole("cell").first().innerText(), "0");
  await page.mouse.move(0, 0);
  await page.waitForFunction(() => document.querySelector(".live-list tbody button").textContent === "/new");
  deepEqual(await names(page, "Pages"), ["/new", "/c", "/a", "/d"]);
  await page.getByRole("button", { name: "/c" }).focus();
  rows("/z");
  await bigNumber(page, 1);
  deepEqual(await names(page, "Pages"), ["/new", "/c", "/a", "/d", "/z"], "nor under the keyboard");
});

scenario("a row leads to today's numbers of it", async ({ open }) => {
  const page = await open("/sites/demo?view=live&filter=page~is~/old");
  await page.getByText("The filters of the dashboard are not applied here.").waitFor();
  await page.getByRole("button", { name: "Hacker News" }).click();
  await page.getByRole("list", { name: "Filters" }).getByText("Hacker News").waitFor();
  equal(new URL(page.url()).search, "?range=today&filter=source~is~Hacker%20News");
});

scenario("a lost connection makes the numbers old, and their age is told", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=live");
  await bigNumber(page, 24);
  await page.clock.setFixedTime(NOW + 83_000);
  fixture.dropSockets(false);
  await page.getByText("These numbers are 1 min 23 s old.").waitFor();
  equal(await page.getByText("visitors now").count(), 0, "nothing old is called current");
  await page.getByText("visitors then").waitFor();
  await page.getByRole("status").filter({ hasText: "The live connection is lost" }).waitFor();
  equal(await page.getByRole("region", { name: "Not now" }).count(), 1);
  fixture.liveIsUp = true;
  await page.getByText("visitors now", { exact: true }).waitFor();
  equal(await page.getByText("Reconnecting").count(), 0);
});

scenario("numbers on a connection that fell silent are old at once, and current with the first message of the next", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=live");
  await bigNumber(page, 24);
  fixture.liveIsSilent = true;
  // The page's timers run on; its clock stands.
  await page.clock.runFor(24_000);
  await page.getByText("visitors now", { exact: true }).waitFor();
  await page.clock.setFixedTime(NOW + 25_000);
  await page.clock.runFor(1_000);
  await page.getByText("These numbers are 25 s old.").waitFor();
  equal(await page.getByText("visitors now").count(), 0, "nothing old is called current");
  await page.getByRole("link", { name: "Dashboard" }).click();
  await page.getByText("Live view not connected").waitFor();
  await connections(fixture, 1);
  fixture.sayLive("demo", { active_visitors: 25 });
  await page.getByRole("link", { name: /25 visitors now/ }).waitFor();
});

scenario("without any connection the view says so instead of numbers", async ({ fixture, open }) => {
  fixture.liveIsUp = false;
  const page = await open("/sites/demo?view=live");
  await page.getByText("There is no connection to the server yet.").waitFor();
  equal(await page.locator(".live-count").count(), 0);
});

scenario("an ended access leads to sign-in, not to endless attempts", async ({ fixture, open }) => {
  for (const code of [4401, 1008]) {
    const page = await open("/sites/demo?view=live");
    await bigNumber(page, 24);
    fixture.sessions.clear();
    fixture.closeSockets(code);
    await page.getByText("Your session has ended.").waitFor();
    equal(new URL(page.url()).search, "?view=live", "after signing in they are where they were");
    equal(fixture.sockets.size, 0);
    await page.close();
  }
  const page = await open("/sites/demo");
  await page.locator(".live-now strong").waitFor();
  fixture.sessions.clear();
  fixture.dropSockets(false);
  await page.getByText("Your session has ended.").waitFor();
});

scenario("a hidden page is not connected, and a seen one begins afresh", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=live");
  await bigNumber(page, 24);
  const look = (seen) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, !seen);
  await look(false);
  await connections(fixture, 0);
  fixture.sites[0].size = 120;
  await look(true);
  await bigNumber(page, 50);
  equal(fixture.sockets.size, 1);
});

scenario("messages that are none, and hostile names, change nothing but text", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=live");
  await bigNumber(page, 24);
  for (const message of ["no json", "null", '{"type":"update"}', '{"type":"update","as_of":"x","active_visitors":"<b>","minutes":[{}]}'])
    for (const socket of fixture.sockets) socket.say(message);
  const hostile = '<img src=x onerror="document.title=1">';
  fixture.sayLive("demo", { active_visitors: 26, pages: [{ name: hostile, visitors: 1 }], countries: [{ name: "__proto__", visitors: 1 }] });
  await bigNumber(page, 26);
  deepEqual(await names(page, "Pages"), [hostile]);
  equal(await page.locator("main img").count(), 0);
});

scenario("a screen reader is told the number once, not every second", async ({ fixture, open }) => {
  const page = await open("/sites/demo?view=live");
  const status = page.getByRole("status").filter({ hasText: "24 active visitors now" });
  await status.waitFor();
  fixture.sayLive("demo", { active_visitors: 31 });
  await bigNumber(page, 31);
  equal(await status.count(), 1);
  equal(await page.locator("[aria-live='assertive'], .live-view [role=alert]").count(), 0);
});
