// Who is not measured, and what is never left behind. That no cookie is set and nothing stored is checked by every test of this folder.
import { deepEqual, equal } from "node:assert/strict";

import { sdkTest, UNFOCUSED } from "./harness.mjs";

const asks = (name, value) => `Object.defineProperty(Navigator.prototype, ${JSON.stringify(name)}, { get: () => ${JSON.stringify(value)}, configurable: true })`;

/** All that a page can do. */
async function useAll({ page, site }) {
  await page.evaluate(() => {
    const { footfall } = globalThis;
    footfall.trackPageView("/x");
    footfall.trackEvent("video", "play");
    footfall.track("signup", { plan: "pro" });
    footfall.identify("user-1", { plan: "pro" });
    footfall.q.push(["track", "pushed"]);
    footfall.optOut();
    footfall.optIn();
    footfall.flush();
    history.pushState({}, "", "/pushed");
    document.querySelector("a").addEventListener("click", (event) => event.preventDefault());
    document.querySelector("a").click();
    dispatchEvent(new Event("online"));
  });
  await page.clock.runFor(25_000);
  await page.goto(`${site.origin}/elsewhere`);
}

async function nothingCame(collector, page) {
  await page.evaluate((url) => fetch(url), `${collector.origin}/marker`);
  deepEqual(collector.requests.map(({ path }) => path), ["/marker"]);
}

for (const [name, value] of [["globalPrivacyControl", true], ["doNotTrack", "1"]]) {
  sdkTest(`S12: a browser with ${name} sends nothing, whatever the page does`, { init: asks(name, value) }, async ({ page, site, collector, open }) => {
    await open({ content: '<a href="https://out.example/">out</a>', quiet: true });
    await useAll({ page, site });
    await nothingCame(collector, page);
  });

  sdkTest(`S12: data-respect-dnt=false counts a browser with ${name} all the same`, { init: asks(name, value) }, async ({ open, exactly }) => {
    await open({ attributes: 'data-respect-dnt="false"' });
    await exactly([["pageview /"]]);
  });
}

for (const [name, value] of [["globalPrivacyControl", false], ["doNotTrack", "0"], ["doNotTrack", "unspecified"], ["doNotTrack", null]])
  sdkTest(`S12: ${name}=${value} asks for nothing`, { init: asks(name, value) }, async ({ open, exactly }) => {
    await open();
    await exactly([["pageview /"]]);
  });

sdkTest("S12: all that a page can do leaves neither cookie nor storage", async ({ page, site, collector, open }) => {
  await open({ content: '<a href="https://out.example/">out</a>' });
  await useAll({ page, site });
  for (const { headers } of collector.posts()) equal(headers.cookie, undefined);
});

sdkTest("S12: cookies of the collector's host are not sent", async ({ page, context, collector, open }) => {
  await context.addCookies([{ name: "admin", value: "secret", url: collector.origin }]);
  await open();
  equal(collector.posts()[0].headers.cookie, undefined);
  await context.clearCookies();
});

sdkTest("optOut() drops what waits and sends nothing more, optIn() goes on", { init: UNFOCUSED }, async ({ page, open, exactly }) => {
  await open();
  await page.evaluate(() => {
    const { footfall } = globalThis;
    footfall.track("dropped");
    footfall.optOut();
    footfall.track("not sent");
    history.pushState({}, "", "/not-sent");
    footfall.flush();
  });
  await page.clock.runFor(1_000);
  await page.evaluate(() => {
    globalThis.footfall.optIn();
    globalThis.footfall.track("sent");
  });
  await exactly([["pageview /"], ["event sent"]]);
});

sdkTest("S12: without data-storage an optOut() holds until the page is left", async ({ page, open, exactly }) => {
  await open();
  await page.evaluate(() => globalThis.footfall.optOut());
  await open();
  await exactly([["pageview /"], ["pageview /"]]);
});

sdkTest("S12: with data-storage=local an optOut() is remembered, in every page of the site", { stored: { "footfall.optout": "1" } }, async ({ page, site, collector, open }) => {
  await open({ attributes: 'data-storage="local"' });
  deepEqual(await page.evaluate(() => ({ ...localStorage })), {}, "nothing is stored before");
  await page.evaluate(() => globalThis.footfall.optOut());
  await open({ path: "/b", attributes: 'data-storage="local"', quiet: true });
  await page.evaluate(() => globalThis.footfall.track("x"));
  await page.clock.runFor(60_000);
  await page.goto(`${site.origin}/elsewhere`);
  await page.evaluate((url) => fetch(url), `${collector.origin}/marker`);
  deepEqual(collector.requests.map(({ path }) => path), ["/api/v1/events", "/api/v1/events", "/marker"].slice(collector.posts().length === 1 ? 1 : 0));
  deepEqual(collector.events().filter(({ data }) => data.page === "/b" || data.name), []);
});

sdkTest("S12: with data-storage=local nothing is stored for who never opted out", async ({ page, open, exactly }) => {
  await open({ attributes: 'data-storage="local"' });
  await page.evaluate(() => globalThis.footfall.optIn());
  deepEqual(await page.evaluate(() => ({ ...localStorage })), {});
  await exactly([["pageview /"]]);
});

sdkTest("consent first: opted out from the start, and counted from optIn() on, which leaves nothing stored", async ({ page, collector, open, exactly }) => {
  const stub = "<script>window.footfall = { q: [['optOut']] }</script>";
  await open({ head: stub, attributes: 'data-storage="local"', quiet: true });
  await page.clock.runFor(5_000);
  equal(collector.posts().length, 0);
  deepEqual(await page.evaluate(() => ({ ...localStorage })), { "footfall.optout": "1" });
  await page.evaluate(() => globalThis.footfall.optIn());
  await exactly([["pageview /"]]);
});

/** What each event says of consent, but for pings, whose number is the clock's, and the event by which the harness knows the end. */
const consents = (collector) => collector.events().map(({ type, data, context }) => [data.name ?? type, context.consent]).filter(([name]) => name !== "end" && name !== "ping");

sdkTest("consent() goes with every event from then on, and says nothing before", { init: UNFOCUSED }, async ({ page, collector, open, batches }) => {
  await open();
  for (const given of [true, false]) {
    await page.evaluate((given) => {
      const { footfall } = globalThis;
      footfall.consent(given);
      footfall.track(`said ${given}`);
      footfall.trackPageView("/next");
      footfall.identify("u");
    }, given);
  }
  await batches();
  deepEqual(consents(collector), [
    ["pageview", undefined],
    ["said true", "granted"], ["pageview", "granted"], ["identify", "granted"],
    ["said false", "denied"], ["pageview", "denied"], ["identify", "denied"],
  ]);
});

sdkTest("consent() by the snippet is said by the first view too, and a page that is opted in again", { init: UNFOCUSED }, async ({ page, collector, open, exactly }) => {
  await open({ head: "<script>window.footfall = { q: [['consent', true], ['optOut']] }</script>", quiet: true });
  await page.clock.runFor(5_000);
  equal(collector.posts().length, 0);
  await page.evaluate(() => globalThis.footfall.optIn());
  await exactly([["pageview /"]]);
  deepEqual(consents(collector), [["pageview", "granted"]]);
});
