// How events get to the collector, whatever is in the way.
import { deepEqual, equal, ok } from "node:assert/strict";

import { sdkTest, setHidden, T0, UNFOCUSED } from "./harness.mjs";
import { brief } from "./servers.mjs";

const track = (page, count, from = 0) =>
  page.evaluate(([first, last]) => {
    for (let n = first; n < last; n++) globalThis.footfall.track(`e${n}`);
  }, [from, from + count]);
const names = (count, from = 0) => Array.from({ length: count }, (_, n) => `event e${from + n}`);
const ids = ({ events }) => events.map(({ event_id }) => event_id);

sdkTest("events wait half a second for others, and go by 20", async ({ page, collector, open, advance, exactly }) => {
  await open();
  await track(page, 3);
  await advance(499);
  equal(collector.posts().length, 1);
  await advance(1);
  await collector.until(() => collector.posts().length === 2, "the three");
  await track(page, 45, 3);
  await exactly([["pageview /"], names(3), names(20, 3), names(20, 23), names(5, 43)]);
  equal(new Set(collector.events().map(({ event_id }) => event_id)).size, collector.events().length);
});

sdkTest("leaving the page sends what waits and the ping by a beacon", async ({ page, site, collector, open, advance }) => {
  await open({ path: "/a" });
  await advance(2_500);
  await track(page, 2);
  await page.goto(`${site.origin}/elsewhere`);
  await collector.until(() => collector.posts().length === 2, "the beacon");
  const beacon = collector.posts()[1];
  deepEqual([beacon.how, beacon.headers["content-type"], beacon.events.map(brief)], ["beacon", "text/plain;charset=UTF-8", ["event e0", "event e1", "ping /a 2.5 s 100 %"]]);
  deepEqual(beacon.events.map(({ sent_at }) => sent_at), [T0 + 2_500, T0 + 2_500, T0 + 2_500]);
});

sdkTest("beacons are no larger than browsers take, each of 20 at most", async ({ page, site, collector, open, advance }) => {
  await open({ attributes: 'data-auto="false"', quiet: true });
  await page.evaluate(() => {
    for (let n = 0; n < 15; n++) globalThis.footfall.track(`e${n}`, Object.fromEntries(Array.from({ length: 5 }, (_, i) => [i, "\u{1f463}".repeat(300)])));
  });
  await page.goto(`${site.origin}/elsewhere`);
  // 15 events of 6.5 KB are 98 KB, and browsers take 64 KiB of beacons at once: the rest goes by fetch, as far as that outlives the page.
  await collector.until(() => collector.events().length >= 8, "what fits");
  for (const { bytes, events } of collector.posts()) ok(bytes < 65_536 && events.length <= 20, `${bytes} bytes`);
});

sdkTest("a long event is cut so that it can be sent, and half a character is mended", async ({ page, collector, open, advance, exactly }) => {
  await open();
  await page.evaluate(() => globalThis.footfall.track("x".repeat(5_000), { half: "\ud83d", whole: "\u{1f463}", ["key\udc63"]: 1 }));
  await advance(500);
  await collector.until(() => collector.events().length === 2, "the event");
  const { name, properties } = collector.events()[1].data;
  deepEqual([name.length, properties], [2_000, { half: "\ufffd", whole: "\u{1f463}", "key\ufffd": 1 }]);
});

sdkTest("after 503 the same events go again, and later ones behind them", async ({ page, collector, open, advance, exactly }) => {
  collector.answers.push({ status: 503 }, { status: 503 });
  await open();
  await track(page, 1);
  await advance(999);
  equal(collector.posts().length, 1, "not before the back-off is over");
  await advance(1_001);
  await collector.until(() => collector.posts().length === 2, "the second try");
  await advance(3_000);
  await collector.until(() => collector.posts().length === 3, "the third try");
  const [first, second, third] = collector.posts();
  deepEqual([first, second, third].map(({ events }) => events.map(brief)), [["pageview /"], ["pageview /", "event e0"], ["pageview /", "event e0"]]);
  deepEqual([ids(second)[0], ids(third)], [ids(first)[0], ids(second)]);
  ok(third.events[0].sent_at > second.events[0].sent_at && second.events[0].data.timestamp === T0, "the time of sending is new, that of the event is not");
  await exactly([["pageview /"], ["pageview /", "event e0"], ["pageview /", "event e0"]]);
});

for (const [what, header] of [["seconds", "120"], ["a date", new Date(T0 + 120_000).toUTCString()]])
  sdkTest(`Retry-After in ${what} is waited for, by flush() too`, { init: UNFOCUSED }, async ({ page, collector, open, advance, exactly }) => {
    collector.answers.push({ status: 429, headers: { "retry-after": header } });
    await open();
    await advance(119_999);
    await page.evaluate(() => globalThis.footfall.flush());
    await page.evaluate((url) => fetch(url), `${collector.origin}/marker`);
    equal(collector.posts().length, 1);
    await advance(1_001);
    await collector.until(() => collector.posts().length === 2, "the second try");
    deepEqual(ids(collector.posts()[1]), ids(collector.posts()[0]));
    await exactly([["pageview /"], ["pageview /"]]);
  });

for (const status of [400, 403, 404, 413, 415])
  sdkTest(`a refusal by ${status} is final`, { init: UNFOCUSED }, async ({ page, collector, open, advance, exactly }) => {
    collector.answers.push({ status });
    await open();
    await advance(400_000);
    await exactly([["pageview /"]]);
  });

for (const answer of [{ status: 408 }, { status: 500 }, { status: 502 }, "cut"])
  sdkTest(`after ${answer.status ?? "a broken connection"} it is tried again`, async ({ page, collector, open, advance, exactly }) => {
    collector.answers.push(answer);
    await open();
    // Chromium may repeat a request by itself where a kept connection broke.
    await advance(2_000);
    await collector.until(() => collector.posts().at(-1).status === 200, "the second try");
    equal(new Set(collector.events().map(({ event_id }) => event_id)).size, 1);
  });

sdkTest("a collector that does not answer is given up after 30 s and asked again", { init: UNFOCUSED }, async ({ page, collector, open, advance, settled }) => {
  collector.answers.push("hang");
  await open({ unanswered: true });
  await page.clock.runFor(29_999);
  await page.evaluate((url) => fetch(url), `${collector.origin}/marker`);
  equal(collector.posts().length, 1);
  await page.clock.runFor(1);
  await settled();
  await advance(2_000);
  await collector.until(() => collector.posts().length === 2, "the second try");
  deepEqual(ids(collector.posts()[1]), ids(collector.posts()[0]));
});

sdkTest("what happens offline is sent when the network is back", { init: UNFOCUSED }, async ({ page, context, collector, open, advance, exactly }) => {
  await open();
  await context.setOffline(true);
  await track(page, 2);
  await advance(500);
  await page.waitForFunction(() => navigator.onLine === false);
  equal(collector.posts().length, 1);
  // Longer than the first waits: the way back is the event "online", not luck.
  await advance(20_000);
  await track(page, 1, 2);
  await context.setOffline(false);
  await collector.until(() => collector.events().length === 4, "all that happened offline");
  await exactly([["pageview /"], names(3)]);
});

sdkTest("of more than 1,000 events the oldest are dropped, and it is told how many", async ({ page, collector, open, advance }) => {
  collector.answers.push({ status: 503 });
  await open();
  await track(page, 1_100);
  await advance(5_000);
  await collector.until(() => collector.events().length === 1_001, "all that was kept");
  const kept = collector.posts().slice(1).flatMap(({ events }) => events);
  deepEqual(kept.map(brief), names(1_000, 100));
  deepEqual([...new Set(kept.map(({ dropped }) => dropped))], [101]);
  equal(collector.events()[0].dropped, undefined);
});

sdkTest("of more than 1 MiB the oldest are dropped too", async ({ page, collector, open, advance }) => {
  collector.answers.push({ status: 503 });
  await open();
  await page.evaluate(() => {
    for (let n = 0; n < 300; n++) globalThis.footfall.track(`e${n}`, { a: "x".repeat(2_000), b: "y".repeat(2_000), c: "z".repeat(2_000) });
  });
  await advance(5_000);
  await collector.until(() => collector.posts().length > 1 && collector.events().at(-1).data.name === "e299", "the newest");
  const kept = collector.posts().slice(1);
  const bytes = kept.reduce((sum, post) => sum + post.bytes, 0);
  ok(bytes > 0.95 * 2 ** 20 && bytes < 1.02 * 2 ** 20, `${bytes} bytes were kept`);
  const [{ dropped }] = kept.at(-1).events;
  equal(dropped + kept.flatMap(({ events }) => events).length, 301);
});

sdkTest("at hiding all that waits goes at once, beside a request that has no answer yet, and is answered", { init: UNFOCUSED }, async ({ page, collector, open }) => {
  collector.answers.push("hang");
  await open({ unanswered: true });
  await track(page, 45);
  await setHidden(page, true);
  await collector.until(() => collector.posts().length === 4, "the events");
  const shapes = collector.posts().map(({ how, events }) => [how, events.length]);
  // The ping of the view is the last of all. Requests on several connections may come in any order.
  deepEqual(shapes.sort(([, a], [, b]) => a - b), [["fetch", 1], ["fetch", 6], ["fetch", 20], ["fetch", 20]]);
  equal(new Set(collector.events().map(({ event_id }) => event_id)).size, 47, "each event once");
});

sdkTest("what goes at hiding to a server that restarts goes again, also while the page is hidden", { init: UNFOCUSED }, async ({ page, collector, open, advance, settled, exactly }) => {
  await open();
  await track(page, 1);
  collector.answers.push({ status: 502 });
  await setHidden(page, true);
  await collector.until(() => collector.posts().length === 2, "the first try");
  await settled();
  await advance(2_000);
  await collector.until(() => collector.posts().length === 3, "the second try");
  deepEqual(ids(collector.posts()[2]), ids(collector.posts()[1]));
  await setHidden(page, false);
  await setHidden(page, true);
  const hidden = ["event e0", "ping / 0 s 100 %"];
  await exactly([["pageview /"], hidden, hidden]);
});

sdkTest("hiding sends what is new, and not again what failed before its time", { init: UNFOCUSED }, async ({ page, collector, open, advance, settled, exactly }) => {
  collector.answers.push({ status: 503, headers: { "retry-after": "120" } }, { status: 502 });
  await open();
  for (const n of [0, 1, 2]) {
    await setHidden(page, true);
    await setHidden(page, false);
    await track(page, 1, n);
  }
  await setHidden(page, true);
  await collector.until(() => collector.posts().length === 5, "the events of each hiding");
  await settled();
  // The second refusal named no time, which does not shorten the first's.
  await advance(119_000);
  equal(collector.posts().length, 5);
  await advance(2_000);
  await exactly([["pageview /"], ["ping / 0 s 100 %"], ["event e0"], ["event e1"], ["event e2"], ["pageview /", "ping / 0 s 100 %"]]);
});

/** Leaving the page sends one beacon, of these events, behind the one request before it. */
async function leavesBy({ page, site, collector }, expected) {
  await page.goto(`${site.origin}/elsewhere`);
  await collector.until(() => collector.posts().length === 2, "the beacon");
  await page.evaluate((url) => fetch(url), `${collector.origin}/marker`);
  const [, { how, events }] = collector.posts();
  deepEqual([how, events.map(brief), collector.posts().length], ["beacon", expected, 2]);
}

sdkTest("leaving tries a last time by a beacon what failed", { init: UNFOCUSED }, async ({ page, site, collector, open }) => {
  collector.answers.push({ status: 502 });
  await open();
  await track(page, 1);
  await leavesBy({ page, site, collector }, ["pageview /", "event e0", "ping / 0 s 100 %"]);
});

sdkTest("leaving keeps to a Retry-After, save for what was never sent", { init: UNFOCUSED }, async ({ page, site, collector, open }) => {
  collector.answers.push({ status: 503, headers: { "retry-after": "120" } });
  await open();
  await track(page, 1);
  await leavesBy({ page, site, collector }, ["event e0", "ping / 0 s 100 %"]);
});

sdkTest("what failed and was beaconed goes again where the page comes back", { init: UNFOCUSED }, async ({ page, site, collector, open, advance }) => {
  collector.answers.push({ status: 502 }, { status: 502 });
  await open();
  site.pages["/plain"] = "<p>no script here";
  await page.goto(`${site.origin}/plain`);
  await collector.until(() => collector.posts().length === 2, "the beacon");
  await page.goBack({ waitUntil: "commit" });
  await advance(5_000);
  await collector.until(() => collector.posts().slice(2).flatMap(ids).includes(ids(collector.posts()[1])[0]), "the first view again");
});

sdkTest("what is refused one by one is told to the console in debug mode only", async ({ page, collector, open, advance }) => {
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  const rejected = [{ index: 0, field: "data.page", reason: "missing" }];
  // The view, the ping of its end, and the view after it.
  collector.answers.push({ rejected }, { rejected }, { rejected });
  await open({ path: "/quiet" });
  await page.evaluate(() => console.log("marker"));
  deepEqual(said, ["marker"]);
  await Promise.all([page.waitForEvent("console", (message) => message.text().includes("missing")), open({ path: "/loud", attributes: "data-debug" })]);
});
