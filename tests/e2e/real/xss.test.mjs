// S8: whatever a stranger sends, the one who looks at the dashboard sees text. The corpus goes through every public field to the real server,
// and through every view, list, dialog, filter and tooltip of the real page. Nothing may run, no node may appear that is not the page's own,
// no link may lead anywhere but to http, and every name is shown to the letter, as the server gives it.
import { deepEqual, equal, ok } from "node:assert/strict";

import { drawn, overflow, settled } from "../browser.mjs";
import { CORPUS } from "./corpus.mjs";
import { scenario } from "./harness.mjs";
import { until } from "./server.mjs";

const SEND_EVENTS = 90;
const LIST_MAX = 500;
/** As many as a funnel may have. */
const STEPS = 16;

/** All that may be said about one string: it in every field, where possible alone in its event. */
function eventsOf(site, text, index) {
  const event = (type, who, data, rest = {}) => ({ type, tracking_id: site, user_id: `${who}${index}`, data, ...rest });
  const query = new URLSearchParams(["source", "medium", "campaign", "term", "content"].map((name) => [`utm_${name}`, text]));
  return [
    event("pageview", "page", { page: text, title: text, referrer: text }, { context: { screen: text, viewport: text, language: text, timezone: text, sdk: text } }),
    event("pageview", "path", { page: `/${text}`, title: text, referrer: `https://${text}/` }, { context: { url: text } }),
    event("pageview", "host", { page: `/host/${index}`, referrer: `https://ref.example/${text}` }, { context: { url: `https://${text}/` } }),
    event("pageview", "campaign", { page: `/campaign/${index}?${query}` }),
    event("event", "name", { name: text, page: text, properties: { [text]: text, plan: text } }),
    event("event", "money", { name: text, revenue: text, currency: text }),
    event("event", "plain", { name: text, page: text, properties: { plan: text } }),
    event("event", "old", { category: text, action: text, label: text }),
    event("pageview", "session", { page: `/session/${index}` }, { session_id: text }),
    { ...event("pageview", "", { page: `/user/${index}` }), user_id: text },
    event("identify", "traits", { user_id: `traits${index}`, traits: { [text]: text } }),
    { ...event(text, "type", { page: "/" }) },
    event("pageview", "id", { page: "/" }, { event_id: text }),
  ];
}

/** What must be true of a page whatever it shows. */
async function judge(page, where) {
  const found = await page.evaluate(() => {
    const main = document.querySelector("main");
    const all = [...document.body.querySelectorAll("*")];
    const foreign = "script,iframe,object,embed,style,link,base,meta,img,image,video,audio,math,template,marquee,form,foreignObject,animate,use";
    return {
      ran: Number(globalThis.pwned ?? 0),
      marked: document.querySelectorAll(".pwn").length,
      nodes: [...main.querySelectorAll(foreign)].map((node) => node.outerHTML.slice(0, 100)),
      handlers: all.flatMap((node) => [...node.attributes]).filter(({ name }) => /^on/.test(name)).map(({ name, value }) => `${name}=${value}`),
      links: [...document.querySelectorAll("[href]")]
        .map((node) => node.href.baseVal ?? node.href)
        .filter((href) => !/^https?:\/\//.test(href)),
    };
  });
  deepEqual(found, { ran: 0, marked: 0, nodes: [], handlers: [], links: [] }, where);
  equal(await overflow(page), 0, `${where} is wider than its window`);
}

/** Of blanks and control characters alone nothing can be seen: such a value is named as none is. */
const canBeSeen = (text) => /[^\s\p{Cc}\p{Cf}]/u.test(text);

/** As the panel calls a value. */
const nameOf = {
  referrer: (value) => value.replace(/^https?:\/\/(www\.)?/, "").replace(/\/$/, ""),
};

async function valuesOf(page, call, site, dimension) {
  const answer = await call(page, "/api/v1/query", {
    website_id: site,
    metrics: ["visitors"],
    dimensions: [dimension],
    time_range: "today",
    limit: LIST_MAX,
    ...(["campaign", "medium", "term", "content", "event_name"].includes(dimension) ? { filters: [[dimension, "is_set"]] } : {}),
  });
  ok(answer.rows, `${dimension}: ${JSON.stringify(answer)}`);
  return answer.rows.map(([value]) => String(value ?? ""));
}

const PANELS = {
  pages: { title: "Pages", dimensions: ["page", "entry_page", "exit_page", "title", "hostname"] },
  sources: { title: "Sources", dimensions: ["source", "channel", "referrer", "campaign", "medium", "term", "content"] },
  locations: { title: "Locations", dimensions: ["country", "region", "city", "language"] },
  devices: { title: "Devices", dimensions: ["device_type", "browser", "os", "screen_class"] },
  events: { title: "Events", dimensions: ["event_name"] },
};

/** Dimensions that show what was sent, and how many of the corpus come out of each unchanged at least: less would mean that little was
 *  tested. What is cut, trimmed, split or read as an address comes out otherwise, as the server tells. */
const UNCHANGED = { page: 40, title: 60, event_name: 60, source: 40, campaign: 60, user_id: 60, event_label: 60, "property:plan": 60 };

scenario("S8: whatever strangers send is text", async ({ server, open, call }) => {
  ok(new Set(CORPUS).size === CORPUS.length && CORPUS.length >= 60);
  const page = await open("/account");
  const { id: site } = await call(page, "/api/v1/sites", { name: '<img class=pwn src=x onerror="pwned=1">', domain: "hostile.example", timezone: "UTC" });
  const events = CORPUS.flatMap((text, index) => eventsOf(site, text, index));
  let counted = 0;
  for (let at = 0; at < events.length; at += SEND_EVENTS) {
    const some = events.slice(at, at + SEND_EVENTS);
    const { rejected } = await server.send(some);
    const refused = new Set(rejected.map(({ index }) => index));
    counted += some.filter(({ type }, index) => !refused.has(index) && ["pageview", "event"].includes(type)).length;
  }
  ok(counted >= 8 * CORPUS.length, `${counted} of ${events.length} were taken`);
  const stored = () => call(page, "/api/v1/query", { website_id: site, metrics: ["events"], time_range: "today" });
  await until(async () => (await stored()).rows[0][0] === counted, `${counted} events are stored`);
  for (const [dimension, least] of Object.entries(UNCHANGED)) {
    const values = new Set(await valuesOf(page, call, site, dimension));
    const unchanged = CORPUS.filter((text) => values.has(text)).length;
    ok(unchanged >= least, `${dimension}: only ${unchanged} of ${CORPUS.length} come out as they went in, not ${JSON.stringify(CORPUS.filter((text) => !values.has(text)).map((text) => text.slice(0, 60)))}`);
  }

  const referrers = await valuesOf(page, call, site, "referrer");
  deepEqual(referrers.filter((value) => value && !/^https?:\/\//.test(value)), [], "the server keeps no referrer but of http");

  // Every tab of every panel, and its whole list.
  for (let turn = 0; turn < 7; turn += 1) {
    const chosen = Object.entries(PANELS).map(([panel, { title, dimensions }]) => ({ panel, title, dimension: dimensions[turn % dimensions.length] }));
    const tabs = chosen.map(({ panel, dimension }) => `tab.${panel}=${dimension}`).join("&");
    await page.goto(`${server.origin}/sites/${site}?range=today&${tabs}`);
    await settled(page);
    await judge(page, `the dashboard with ${tabs}`);
    for (const { title, dimension } of chosen) {
      await page.getByRole("button", { name: `${title}: more` }).click();
      await page.getByRole("menuitem", { name: "Show all" }).click();
      const expected = (await valuesOf(page, call, site, dimension)).filter(canBeSeen).map(nameOf[dimension] ?? String);
      const rows = page.getByRole("dialog").locator("tbody th button");
      await page.getByRole("dialog").getByText(/^[\d,]+ rows?/).waitFor();
      const shown = await rows.evaluateAll((buttons) => buttons.map(({ textContent, title: tip }) => [textContent, tip]));
      for (const [text, tip] of shown) equal(text, tip);
      if (!["country", "language", "device_type", "screen_class"].includes(dimension)) {
        const texts = new Set(shown.map(([text]) => text));
        deepEqual(expected.filter((name) => name && !texts.has(name)), [], `${dimension}: all are shown, to the letter`);
      }
      await judge(page, `the list of ${dimension}`);
      await page.keyboard.press("Escape");
    }
  }

  // A click on a row is a filter; the chip says the same.
  const hostile = `/${CORPUS[7]}`;
  await page.goto(`${server.origin}/sites/${site}?range=today`);
  await settled(page);
  await page.getByRole("button", { name: "Show all top" }).click();
  await page.getByRole("searchbox").fill(hostile);
  await page.getByRole("dialog").getByRole("button", { name: hostile, exact: true }).hover();
  await page.getByRole("dialog").getByRole("button", { name: hostile, exact: true }).click();
  await page.locator(".chip-value", { hasText: hostile }).waitFor();
  await settled(page);
  await judge(page, "the dashboard filtered by a row");

  // Every string as a filter of some dimension, from the address; the names of properties are strangers' too.
  const dimensions = ["page", "title", "referrer", "source", "campaign", "language", "event_name", "event_label", "user_id", "hostname", "property:plan", "own"];
  let named = [];
  let explained = 0;
  const filterOf = (text, index) => {
    const dimension = dimensions[index % dimensions.length];
    if (dimension === "referrer") named.push(nameOf.referrer(text));
    else named.push(text);
    return [dimension === "own" ? `property:${text}` : dimension, index % 2 ? "is_not" : "is", text].map((part) => part.replace(/[!~]/g, "!$&")).join("~");
  };
  for (let at = 0; at < CORPUS.length; at += 20) {
    const some = CORPUS.slice(at, at + 20);
    named = [];
    const search = new URLSearchParams([["range", "today"], ...some.map((text, index) => ["filter", filterOf(text, at + index)])]);
    await page.evaluate((address) => {
      history.pushState(null, "", address);
      dispatchEvent(new PopStateEvent("popstate"));
    }, `/sites/${site}?${search}`);
    const chips = () => page.locator(".chip-value").allTextContents();
    await until(async () => (await chips()).includes(named.at(-1)), `there is a chip for ${JSON.stringify(named.at(-1))}`);
    deepEqual(await chips(), named);
    await page.waitForFunction(() => !document.querySelector(".stale, .skeleton-rows"));
    await judge(page, `filters ${at} to ${at + 20}`);
    const more = page.getByRole("button", { name: "Chart: more" }).or(page.getByRole("button", { name: "Pages: more" })).first();
    const refused = page.getByText("What is wrong is marked at the filter above.");
    await more.or(refused).waitFor();
    // Where one is longer than a value may be, there is no number to explain.
    if (await refused.isVisible()) continue;
    explained += 1;
    await more.click();
    await page.getByRole("menuitem", { name: /Show query/ }).first().click();
    await page.getByRole("region", { name: "The request" }).waitFor();
    ok((await page.getByRole("region", { name: "The request" }).innerText()).includes(JSON.stringify(some[3]).slice(1, -1)));
    await page.waitForFunction(() => !document.querySelector("[role=dialog] .skeleton, dialog .skeleton"));
    await judge(page, `the query with filters ${at} to ${at + 20}`);
    await page.keyboard.press("Escape");
  }

  ok(explained > 1, `the query behind ${explained} sets of filters was seen`);

  // Every string as a step of a funnel, which is broken down by others.
  const stepOf = (text, index) => `${index % 2 ? "page" : "event"}~${text.replace(/[!~]/g, "!$&")}`;
  const goTo = (search) =>
    page.evaluate((address) => {
      history.pushState(null, "", address);
      dispatchEvent(new PopStateEvent("popstate"));
    }, `/sites/${site}?${search}`);
  const asShown = (text) => (canBeSeen(text) ? text : "(blank)");
  for (let at = 0; at < CORPUS.length; at += STEPS) {
    const some = CORPUS.slice(at, at + STEPS);
    await goTo(new URLSearchParams([["view", "funnel"], ["range", "today"], ["breakdown", "title"], ...some.map((text, index) => ["step", stepOf(text, index)])]));
    const names = () => page.locator(".step-value .cut").allTextContents();
    await until(async () => (await names()).at(-1) === asShown(some.at(-1)), `there is a step for ${JSON.stringify(some.at(-1))}`);
    deepEqual(await names(), some.map(asShown));
    await drawn(page);
    await page.waitForFunction(() => !document.querySelector(".stale, .skeleton-rows"));
    await judge(page, `a funnel of ${at} to ${at + STEPS}`);
  }
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 844 });
    await goTo(new URLSearchParams([["view", "funnel"], ["range", "today"], ["breakdown", "event_label"], ["step", `event~${CORPUS[7]}`]]));
    await until(async () => (await page.locator(".funnel-name .cut").allTextContents()).join() === CORPUS[7], "the step is reached");
    await judge(page, `a funnel by what strangers sent, at ${width} px`);
    for (const text of [CORPUS[7], "W".repeat(3_000)]) {
      await goTo(new URLSearchParams([["view", "retention"], ["range", "today"], ["cohort", "day"], ["first", stepOf(text, 0)], ["again", stepOf(text, 1)]]));
      await until(async () => (await page.locator(".step-value .cut").allTextContents()).join("") === text + text, "retention is asked by it");
      await judge(page, `retention by what strangers sent, at ${width} px`);
    }
  }

  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${server.origin}/sites/${site}?range=today&tab.sources=referrer`);
  await settled(page);
  await judge(page, "the dashboard on a phone");
  await page.goto(`${server.origin}/status`);
  await page.locator("#state", { hasText: "Ready" }).waitFor();
  await page.locator("#rejected table").waitFor();
  await judge(page, "the status page");
});

scenario("S8: whatever the socket says is text", async ({ server, open, call }) => {
  const page = await open("/account");
  const { id: site } = await call(page, "/api/v1/sites", { name: "Socket", domain: "socket.example", timezone: "UTC" });
  let socket;
  await page.routeWebSocket(/\/api\/v1\/live/, (route) => (socket = route));
  await page.goto(`${server.origin}/sites/${site}?view=live`);
  await until(() => socket, "the page connects");
  for (let at = 0; at < CORPUS.length; at += 8) {
    const rows = CORPUS.slice(at, at + 8).map((name, index) => ({ name, visitors: 9 - index }));
    socket.send(
      JSON.stringify({
        type: at === 0 ? "snapshot" : "update",
        as_of: new Date().toISOString(),
        active_visitors: at + 1,
        minutes: [],
        pages: rows,
        sources: rows,
        countries: rows,
        events: rows,
      }),
    );
    await page.locator(".live-count", { hasText: new RegExp(`^${at + 1}$`) }).waitFor();
    deepEqual(
      await page.getByRole("region", { name: "Pages" }).locator("tbody th button").evaluateAll((buttons) => buttons.map(({ textContent }) => textContent)),
      rows.map(({ name }) => (canBeSeen(name) ? name : "(no path)")),
    );
    await judge(page, `the live view with ${at} to ${at + 8}`);
  }
});
