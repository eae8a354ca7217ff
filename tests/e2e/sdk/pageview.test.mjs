// What opening and leaving a page sends.
import { deepEqual, equal, match } from "node:assert/strict";

import { sdkTest, T0 } from "./harness.mjs";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

sdkTest("a page that loads sends its view at once, in the form of the contract", async ({ page, site, collector, open, exactly }) => {
  await open({ path: "/pricing?utm_source=news#top", title: "Pricing" });
  const [{ headers, method, how, events }] = collector.posts();
  const [event] = events;
  match(event.event_id, UUID_V7);
  equal(parseInt(event.event_id.replace("-", "").slice(0, 12), 16), T0);
  deepEqual(
    { ...event, event_id: "" },
    {
      event_id: "",
      type: "pageview",
      tracking_id: "my-site",
      data: { page: "/pricing?utm_source=news", title: "Pricing", referrer: "", timestamp: T0 },
      context: {
        url: `${site.origin}/pricing?utm_source=news`,
        screen: "1000x500",
        viewport: "1000x500",
        language: "de-DE",
        timezone: "Europe/Berlin",
        sdk: "web/1.0.0",
      },
      sent_at: T0,
    },
  );
  deepEqual([method, how, headers["content-type"], headers.cookie], ["POST", "fetch", "text/plain;charset=UTF-8", undefined]);
  await exactly([["pageview /pricing?utm_source=news"]]);
  equal(collector.requests.filter(({ method: m }) => m === "OPTIONS").length, 0, "no preflight");
  equal(await page.evaluate(() => typeof globalThis.footfall.track), "function");
});

sdkTest("navigation by the History API is a view for each new path, without a referrer", async ({ page, collector, open, exactly }) => {
  await open({ path: "/a" });
  await page.evaluate(() => {
    history.pushState({}, "", "/b?x=1");
    history.replaceState({}, "", "/c");
  });
  await page.clock.runFor(500);
  await page.evaluate(() => history.back());
  await page.waitForURL("**/a");
  await exactly([["pageview /a"], ["ping /a 0 s 100 %", "pageview /b?x=1", "ping /b?x=1 0 s 100 %", "pageview /c"], ["ping /c 0.5 s 100 %", "pageview /a"]]);
  deepEqual(collector.events().filter(({ type }) => type === "pageview").map(({ data }) => data.referrer), ["", "", "", ""]);
});

sdkTest("the same path with another query, fragment or state is no new view", async ({ page, open, exactly }) => {
  await open({ path: "/a" });
  await page.evaluate(() => {
    history.pushState({}, "", "/a");
    history.replaceState({ scroll: 3 }, "", "/a?filter=1");
    history.pushState({}, "", "#part");
    location.hash = "other";
  });
  await exactly([["pageview /a"]]);
});

sdkTest("what a page asks of pushState still happens, and its errors stay its own", async ({ page, open, exactly }) => {
  await open({ path: "/a" });
  const seen = await page.evaluate(() => {
    let thrown;
    try {
      history.pushState({}, "", "https://elsewhere.example/");
    } catch (error) {
      thrown = error.name;
    }
    history.pushState({ n: 7 }, "", "/b");
    return [thrown, history.state.n, location.pathname];
  });
  deepEqual(seen, ["SecurityError", 7, "/b"]);
  await exactly([["pageview /a"], ["ping /a 0 s 100 %", "pageview /b"]]);
});

sdkTest("the title of a view is the one that the page has when it is sent, or left", async ({ page, collector, open, exactly }) => {
  await open({ path: "/a", title: "A" });
  await page.evaluate(() => {
    history.pushState({}, "", "/b");
    document.title = "B";
    history.pushState({}, "", "/c");
    document.title = "C";
  });
  await exactly([["pageview /a"], ["ping /a 0 s 100 %", "pageview /b", "ping /b 0 s 100 %", "pageview /c"]]);
  deepEqual(collector.events().filter(({ type }) => type === "pageview").map(({ data }) => data.title), ["A", "B", "C"]);
});

sdkTest("data-spa=false leaves navigation to the site", async ({ page, open, exactly }) => {
  await open({ attributes: 'data-spa="false"' });
  await page.evaluate(() => history.pushState({}, "", "/b"));
  await exactly([["pageview /"]]);
});

sdkTest("data-hash takes the route in the fragment for the path", async ({ page, collector, site, open, exactly }) => {
  await open({ path: "/app/?utm_source=x#!/start?tab=1", attributes: "data-hash" });
  await page.evaluate(() => (location.hash = "#/settings"));
  await page.waitForURL("**/app/?utm_source=x#/settings");
  await page.evaluate(() => (location.hash = "#/settings?tab=2"));
  await exactly([["pageview /app/start?utm_source=x"], ["ping /app/start?utm_source=x 0 s 100 %", "pageview /app/settings?utm_source=x"]]);
  equal(collector.events()[0].context.url, `${site.origin}/app/?utm_source=x`);
});

sdkTest("data-auto=false leaves every view to trackPageView", async ({ page, collector, open, exactly }) => {
  await open({ path: "/a", attributes: 'data-auto="false"', quiet: true });
  await page.evaluate(() => {
    history.pushState({}, "", "/b");
    globalThis.footfall.trackPageView("/virtual?utm_medium=m", { title: "Virtual", referrer: "https://from.example/" });
    globalThis.footfall.trackPageView();
  });
  await exactly([["pageview /virtual?utm_medium=m", "ping /virtual?utm_medium=m 0 s 100 %", "pageview /b"]]);
  const [first, , second] = collector.events();
  deepEqual([first.data.title, first.data.referrer, second.data.title, second.data.referrer], ["Virtual", "https://from.example/", "A page", ""]);
});

sdkTest("the first view has the referrer, and those that follow in the page have none", async ({ page, site, collector, html, open }) => {
  await open({ path: "/a", content: '<a href="/b">b</a>' });
  site.pages["/b"] = html();
  await page.click("a");
  await collector.until(() => collector.events().some(({ data }) => data.page === "/b"), "the view of /b");
  equal(collector.events().find(({ data }) => data.page === "/b").data.referrer, `${site.origin}/a`);
});

sdkTest("a page that comes back from the back/forward cache is a view again", async ({ page, site, collector, open, exactly }) => {
  await open({ path: "/a" });
  await page.evaluate(() => (globalThis.alive = true));
  site.pages["/plain"] = "<p>no script here";
  await page.goto(`${site.origin}/plain`);
  await page.goBack({ waitUntil: "commit" });
  await collector.until(() => collector.events().filter(({ type }) => type === "pageview").length === 2, "the second view");
  equal(await page.evaluate(() => globalThis.alive), true, "the page came from the cache");
  const [first, second] = collector.events().filter(({ type }) => type === "pageview");
  equal(first.event_id === second.event_id, false);
  await exactly([["pageview /a"], ["ping /a 0 s 100 %"], ["pageview /a"]]);
});

sdkTest(
  "a prerendered page is counted when it is shown, and calls until then wait",
  { init: () => Object.defineProperty(document, "prerendering", { get: () => globalThis.shown !== true, configurable: true }) },
  async ({ page, collector, open, exactly }) => {
    await open({ path: "/a", quiet: true, head: '<script>addEventListener("load", () => footfall.track("early"))</script>' });
    await page.clock.runFor(60_000);
    await page.evaluate(() => fetch("/nothing"));
    equal(collector.posts().length, 0);
    await page.evaluate(() => {
      globalThis.shown = true;
      document.dispatchEvent(new Event("prerenderingchange"));
    });
    await exactly([["pageview /a", "event early"]]);
  },
);

sdkTest("the script twice on a page counts once", async ({ collector, open, exactly }) => {
  await open({ content: `<script defer src="${collector.origin}/footfall.js" data-site="my-site"></script>` });
  await exactly([["pageview /"]]);
});

sdkTest("data-tracking-id and data-endpoint, and a script element that the page makes", async ({ page, site, collector }) => {
  site.pages["/"] = `<title>x</title><script>
    const script = document.createElement("script");
    script.src = "${collector.origin}/footfall.js";
    script.dataset.trackingId = "other-site";
    script.dataset.endpoint = "${collector.origin}/api/v1/events?by=proxy";
    document.head.append(script);</script>`;
  await page.goto(site.origin);
  await collector.until(() => collector.events().length === 1, "the view");
  equal(collector.events()[0].tracking_id, "other-site");
});

sdkTest("the npm package does the same after init(), and may be called twice for two sites", async ({ page, site, collector }) => {
  site.pages["/"] = `<title>x</title><script type="module">
    import { init } from "${collector.origin}/footfall.mjs";
    for (const site of ["one", "two"]) init({ site, endpoint: "${collector.origin}/api/v1/events" }).track("ready", { by: "npm" });</script>`;
  await page.goto(site.origin);
  await page.clock.runFor(500);
  await collector.until(() => collector.events().length === 4, "both views and events");
  for (const id of ["one", "two"]) deepEqual(collector.events().filter(({ tracking_id }) => tracking_id === id).map(({ type }) => type), ["pageview", "event"]);
  equal(await page.evaluate(() => globalThis.footfall), undefined);
});

sdkTest("without a site nothing is sent and nothing breaks", async ({ page, site, collector }) => {
  site.pages["/"] = `<script src="${collector.origin}/footfall.js"></script><script>footfall.track("x"); footfall.flush(); fetch("${collector.origin}/marker")</script>`;
  await page.goto(site.origin);
  await collector.until(() => collector.requests.some(({ path }) => path === "/marker"), "the marker");
  equal(collector.posts().length, 0);
});
