// What a site calls, and what becomes of it.
import { deepEqual, equal } from "node:assert/strict";

import { sdkTest, UNFOCUSED } from "./harness.mjs";

// As in sdk/web/README.md.
const SNIPPET = `<script>window.footfall=window.footfall||{q:[]};"trackPageView trackEvent track identify consent flush optOut optIn".split(" ").forEach(function(m){footfall[m]=function(){footfall.q.push([m].concat([].slice.call(arguments)))}})</script>`;

sdkTest("calls before the script has loaded are made up for in order, after the view", { init: UNFOCUSED }, async ({ collector, open, exactly }) => {
  const calls = `<script>footfall.identify("u1", { plan: "pro" }); footfall.track("first", { n: 1 }); footfall.trackEvent("video", "play", "intro", 3); footfall.q.push(["track", "pushed"]);</script>`;
  await open({ head: SNIPPET + calls });
  await exactly([["identify", "pageview /", "event first", "event video/play", "event pushed"]]);
  deepEqual(collector.events().map(({ user_id }) => user_id), ["u1", "u1", "u1", "u1", "u1", "u1"]);
});

sdkTest("who kept the snippet's object calls the real methods by it", { init: UNFOCUSED }, async ({ page, open, exactly }) => {
  await open({ head: `${SNIPPET}<script>const kept = footfall, { track } = footfall;</script>` });
  await page.evaluate("kept.track('by object'); footfall.q.push(['track', 'by queue'])");
  await exactly([["pageview /"], ["event by object", "event by queue"]]);
});

sdkTest("events have the form of the contract", { init: UNFOCUSED }, async ({ page, collector, open, batches }) => {
  await open({ path: "/shop?utm_source=x" });
  await page.evaluate(() => {
    const { footfall } = globalThis;
    footfall.track("purchase", { plan: "pro", seats: 3, trial: false }, { revenue: "19.90", currency: "EUR" });
    footfall.track("seen", undefined, { nonInteractive: true, revenue: 5 });
    footfall.trackEvent("video", "play", "intro", 2.5);
    footfall.trackEvent("video", "pause");
    footfall.identify(42, { since: 2024 });
    footfall.identify(null);
    footfall.track("after");
  });
  await batches();
  const page_ = "/shop?utm_source=x";
  deepEqual(
    collector.events().slice(1, -1).map(({ type, user_id, data: { timestamp, ...data } }) => ({ type, ...(user_id && { user_id }), data })),
    [
      { type: "event", data: { page: page_, name: "purchase", properties: { plan: "pro", seats: 3, trial: false }, revenue: "19.90", currency: "EUR" } },
      { type: "event", data: { page: page_, name: "seen", properties: {}, revenue: 5, non_interactive: true } },
      { type: "event", data: { page: page_, category: "video", action: "play", label: "intro", value: 2.5 } },
      { type: "event", data: { page: page_, category: "video", action: "pause" } },
      { type: "identify", user_id: "42", data: { page: page_, user_id: "42", traits: { since: 2024 } } },
      { type: "event", data: { page: page_, name: "after", properties: {} } },
    ],
  );
});

sdkTest("revenue as a number stays one, in any notation, and what is no number is nothing", { init: UNFOCUSED }, async ({ page, collector, open, batches }) => {
  await open();
  await page.evaluate(() => {
    for (const revenue of [5e-7, 1e21, -5, 0, "5e-7", NaN, Infinity, 10n, Object.create(null), undefined]) globalThis.footfall.track("sold", {}, { revenue });
  });
  await batches();
  deepEqual(collector.events().slice(1, -1).map(({ data }) => data.revenue), [5e-7, 1e21, -5, 0, "5e-7", null, null, "10", undefined, undefined]);
});

sdkTest("nonInteractive is sent as the boolean that it stands for", { init: UNFOCUSED }, async ({ page, collector, open, batches }) => {
  await open();
  await page.evaluate(() => {
    for (const nonInteractive of [true, 1, "true", "yes", {}, Object.create(null), false, 0, "false", "", null, NaN]) globalThis.footfall.track("seen", {}, { nonInteractive });
  });
  await batches();
  deepEqual(collector.events().slice(1, -1).map(({ data }) => data.non_interactive ?? false), [true, true, true, true, true, true, false, false, false, false, false, false]);
});

sdkTest("what cannot become text costs no event, and no view", { init: UNFOCUSED }, async ({ page, collector, open, exactly }) => {
  await open();
  await page.evaluate(() => {
    const { footfall } = globalThis;
    const none = Object.create(null);
    footfall.track("property", { none, n: 1 }, { currency: none });
    footfall.track("getter", { get trap() { throw new Error("getter"); } });
    footfall.track("null", null, null);
    footfall.trackEvent("video", "play", none, none);
    footfall.trackEvent("video", "big", "label", 10n);
    footfall.identify("u", { none });
    footfall.trackPageView("/titled", { title: none, referrer: none });
    footfall.trackPageView("/null", null);
  });
  await exactly([["pageview /"], ["event property", "event getter", "event null", "event video/play", "event video/big", "identify", "ping / 0 s 100 %", "pageview /titled", "ping /titled 0 s 100 %", "pageview /null"]]);
  deepEqual([collector.events()[1].data.properties, collector.events()[5].data.value], [{ n: 1 }, 10]);
});

sdkTest("properties are copied at the call, and become text where they are no scalar", { init: UNFOCUSED }, async ({ page, collector, open, batches }) => {
  await open();
  await page.evaluate(() => {
    const properties = { n: 1, date: new Date(0), list: [1, "b"], none: null, missing: undefined, nan: NaN, big: 10n, text: Symbol("s"), call() {} };
    globalThis.footfall.track("odd", properties);
    properties.n = 2;
  });
  await batches();
  const { properties } = collector.events()[1].data;
  deepEqual(
    { ...properties, date: typeof properties.date, call: typeof properties.call },
    { n: 1, date: "string", list: "1,b", nan: null, big: "10", text: "Symbol(s)", call: "string" },
  );
});

sdkTest("S12: __proto__, constructor and toJSON are keys like any other", { init: UNFOCUSED }, async ({ page, collector, open, batches }) => {
  await open();
  await page.evaluate(() => {
    const given = JSON.parse('{"__proto__": "p", "constructor": "c", "toJSON": "j", "hasOwnProperty": "h", "length": 3}');
    globalThis.footfall.track("keys", given);
    globalThis.footfall.identify("u", given);
    globalThis.footfall.trackPageView("/p", given);
  });
  await batches();
  const [, event, identify] = collector.events();
  const expected = ["__proto__", "constructor", "hasOwnProperty", "length", "toJSON"];
  deepEqual(Object.keys(event.data.properties).sort(), expected);
  deepEqual(Object.keys(identify.data.traits).sort(), expected);
  equal(await page.evaluate(() => ({}).p), undefined);
});

sdkTest("S12: no argument makes a method throw", { init: UNFOCUSED }, async ({ page, open }) => {
  await open();
  await page.evaluate(() => {
    const { footfall } = globalThis;
    const hostile = () => [
      undefined, null, 0, NaN, "", "x", 10n, Symbol("s"), [], {}, () => {}, Object.create(null),
      new Proxy({}, { get() { throw new Error("get"); }, ownKeys() { throw new Error("keys"); } }),
      { get trap() { throw new Error("getter"); } },
      { toString() { throw new Error("toString"); } },
      Object.assign([], { self: [] }),
    ];
    for (const name of ["trackPageView", "trackEvent", "track", "identify", "consent", "flush", "optOut", "optIn"])
      for (const first of hostile()) for (const second of hostile()) for (const third of [undefined, null, {}, Symbol("s"), { get revenue() { throw new Error("revenue"); } }]) footfall[name](first, second, third, second);
    for (const call of hostile()) footfall.q.push(call);
    footfall.q.push(["no such method"]);
    footfall.q.push();
  });
});

sdkTest("flush() sends now what waits", { init: UNFOCUSED }, async ({ page, collector, open }) => {
  await open();
  await page.evaluate(() => {
    globalThis.footfall.track("now");
    globalThis.footfall.flush();
  });
  // The page's clock stands: no delay has passed.
  await collector.until(() => collector.posts().length === 2, "the event");
});
