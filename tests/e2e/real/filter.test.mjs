// What the dashboard shows and gives as a file is what the query interface answers to the same question.
import { deepEqual, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";

import { settled } from "../browser.mjs";
import { scenario } from "./harness.mjs";
import { until } from "./server.mjs";

const DAY_MS = 86_400_000;
/** Within the seven days that an event may be late, and over: nothing of them changes while the test runs. */
const dayBefore = (days) => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);

scenario("a filter by a row, with its comparison, shows and downloads what a query of the same range and filter answers", async ({ server, open, call }) => {
  const page = await open("/account");
  const { id: site } = await call(page, "/api/v1/sites", { name: "Shop", domain: "shop.example", timezone: "UTC" });
  const range = [dayBefore(3), dayBefore(2)];
  const [day, other] = [dayBefore(3), dayBefore(5)].map((date) => Date.parse(`${date}T12:00:00Z`));
  let minute = 0;
  const visit = (who, source, at, ...pages) =>
    pages.map((path, index) => ({
      type: "pageview",
      tracking_id: site,
      user_id: who,
      data: { page: index === 0 ? `${path}?utm_source=${source}` : path, timestamp: at + (minute += 1) * 60_000 },
    }));
  const events = [
    ...visit("ann", "spring", day, "/", "/pricing", "/buy"),
    ...visit("bob", "spring", day, "/", "/pricing"),
    ...visit("cy", "spring", day + DAY_MS, "/a,b"),
    ...visit("dee", "news", day, "/", "/news"),
    ...visit("eve", "news", day, "/"),
    ...visit("fay", "spring", other, "/", "/pricing"),
    ...visit("gus", "news", other, "/"),
  ];
  equal((await server.send(events)).received, events.length);
  const asked = { website_id: site, date_range: range, filters: [["source", "is", ["spring"]]] };
  const numbers = { ...asked, metrics: ["visitors", "pageviews"], compare: "previous_period" };
  await until(
    async () => (await call(page, "/api/v1/query", { website_id: site, metrics: ["events"], time_range: "7d" })).rows[0][0] === events.length,
    "all events are stored",
  );
  const { totals, comparison } = await call(page, "/api/v1/query", numbers);
  deepEqual([totals, comparison.totals], [{ visitors: 3, pageviews: 6 }, { visitors: 1, pageviews: 2 }]);

  await page.goto(`${server.origin}/sites/${site}?range=${range.join("..")}`);
  await settled(page);
  const number = (name) => page.locator(".headline button", { hasText: name });
  equal(await number("Visitors").locator(".headline-value").innerText(), "5");
  await page.getByRole("region", { name: "Sources" }).getByRole("button", { name: "spring" }).click();
  await page.getByRole("list", { name: "Filters" }).getByText("spring").waitFor();
  await settled(page);
  equal(new URL(page.url()).search, `?range=${range.join("..")}&filter=source~is~spring`);
  for (const [name, metric] of [
    ["Visitors", "visitors"],
    ["Pageviews", "pageviews"],
  ]) {
    equal(await number(name).locator(".headline-value").innerText(), String(totals[metric]));
    equal(await number(name).locator(".change").getAttribute("title"), `${comparison.totals[metric]} in the previous period`);
  }

  const metrics = ["visitors", "pageviews", "sessions", "bounce_rate", "session_duration"];
  const answer = await call(page, "/api/v1/query", { ...asked, metrics, dimensions: ["page"], order_by: [["visitors", "desc"], ["page", "asc"]] });
  equal(answer.rows.length, 4);
  const pages = page.getByRole("region", { name: "Pages" });
  deepEqual(
    await pages.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [row.querySelector("th button").textContent, Number(row.cells[1].textContent)])),
    answer.rows.map(([path, visitors]) => [path, visitors]),
  );
  await page.getByRole("button", { name: "Pages: more" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "Download as CSV" }).click()]);
  const [head, ...lines] = readFileSync(await download.path(), "utf8").trimEnd().split("\r\n");
  equal(head, ["page", ...metrics].join(","));
  // No number has a comma, and one of the paths does.
  const cells = lines.map((line) => /^(?:"(.*)"|([^,]*)),(.*)$/.exec(line).slice(1));
  deepEqual(
    cells.map(([quoted, plain, rest]) => [quoted ?? plain, ...rest.split(",").map((cell) => (cell === "" ? null : Number(cell)))]),
    answer.rows,
  );
});
