// What the server estimates from a sample of the visitors, the page says to be an estimate, and how far off it may be: beside the numbers, in the
// lists and in the chart. What is counted exactly has none of it.
import { deepEqual, equal, ok } from "node:assert/strict";

import { settled } from "../browser.mjs";
import { scenario, serveWith } from "./harness.mjs";
import { until } from "./server.mjs";

serveWith({ "query.sample_above_rows": 1_000 });

/** One in ten is read, and of fewer than 30 of these nothing would be known. */
const VISITORS = 2_000;
const EVENTS_A_REQUEST = 500;
const grouped = (value) => new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(value);
const sentence = ([lower, upper]) => `95\u00a0% sure: ${grouped(lower)} to ${grouped(upper)}`;
const half = ([lower, upper]) => `\u00b1\u00a0${grouped((upper - lower) / 2)}`;

/** Everybody sees "/", one in three the prices too, and few something that is found in no sample for sure. */
function visits(site) {
  return Array.from({ length: VISITORS }, (_, who) => ["/", ...(who % 3 === 0 ? ["/pricing"] : []), ...(who === 7 ? ["/rare"] : [])].map((page) => ({
    type: "pageview",
    tracking_id: site,
    user_id: `visitor ${who}`,
    data: { page },
  }))).flat();
}

async function visited(server, page, call) {
  const { id: site } = await call(page, "/api/v1/sites", { name: "Shop", domain: "shop.example", timezone: "UTC" });
  const events = visits(site);
  for (let at = 0; at < events.length; at += EVENTS_A_REQUEST) await server.send(events.slice(at, at + EVENTS_A_REQUEST));
  await until(
    async () => (await call(page, "/api/v1/query", { website_id: site, metrics: ["events"], time_range: "7d", exact: true })).rows[0][0] === events.length,
    "all events are stored",
  );
  return site;
}

scenario("an estimate has its error beside the number, in the list and in the chart, and what is counted exactly has none", async ({ server, open, call }) => {
  const page = await open("/account");
  const site = await visited(server, page, call);
  const asked = { website_id: site, time_range: "7d", metrics: ["visitors"] };
  const byDay = await call(page, "/api/v1/query", { ...asked, dimensions: ["date"] });
  const byPage = await call(page, "/api/v1/query", { ...asked, dimensions: ["page"], order_by: [["visitors", "desc"]] });
  for (const { meta } of [byDay, byPage]) equal(meta.sample_rate, 0.1);
  const visitors = byDay.totals.visitors;
  const interval = byDay.meta.confidence.totals.visitors;
  ok(interval[0] < visitors && visitors < interval[1], `${interval} around ${visitors}`);
  deepEqual(byPage.rows.map(([name]) => name).slice(0, 2), ["/", "/pricing"]);

  await page.goto(`${server.origin}/sites/${site}?range=7d&compare=none`);
  await settled(page);
  const number = page.locator(".headline button", { hasText: "Visitors" }).locator(".headline-value");
  equal(await number.getAttribute("title"), `${grouped(visitors)}; ${sentence(interval)}`);
  ok(/^\u00b1[\d.]+\u00a0%$/.test(await number.locator("small [aria-hidden]").innerText()));

  const list = page.getByRole("region", { name: "Pages" });
  await list.getByText("Estimated from 10\u00a0% of the visitors").waitFor();
  const cells = list.locator("tbody td.estimate");
  const said = byPage.rows.map(([, value], row) => {
    const its = byPage.meta.confidence.rows[row][0];
    return `${grouped(value)}; ${its ? sentence(its) : "too few visitors in the sample to say how far off"}`;
  });
  deepEqual(await cells.evaluateAll((all) => all.map(({ title }) => title)), said);
  await list.locator("tbody tr").nth(1).hover();
  equal(await cells.nth(1).locator(".estimate-error").innerText(), half(byPage.meta.confidence.rows[1][0]));

  ok((await page.locator(".time-chart .band").getAttribute("d")).includes("M"), "the chart has a band");
  await page.locator(".legend").getByText("95\u00a0% sure").waitFor();
  await page.getByRole("button", { name: "Show as table" }).click();
  const told = byDay.rows.map(([, value], row) => `${grouped(value)}\u00a0${half(byDay.meta.confidence.rows[row][0])}`);
  const points = await page.locator(".timeline tbody td").allInnerTexts();
  // That the sample has nobody of a day does not say that nobody came.
  deepEqual(points, [...Array(7 - told.length).fill("\u2248\u00a00"), ...told]);

  await page.route("**/api/v1/query/batch", (route) => {
    const { queries } = route.request().postDataJSON();
    return route.continue({ postData: JSON.stringify({ queries: queries.map((query) => ({ ...query, exact: true })) }) });
  });
  await page.reload();
  await settled(page);
  equal(await number.getAttribute("title"), grouped(VISITORS));
  equal(await number.locator("small").count(), 0);
  deepEqual(await list.locator("tbody td:not(.share)").evaluateAll((all) => all.map(({ title }) => title)), [grouped(VISITORS), grouped(Math.ceil(VISITORS / 3)), "1"]);
  equal(await page.locator(".estimate, .band, .key-band").count(), 0);
  equal(await page.getByText("Estimated from").count(), 0);
});
