// From a visit to a number: a page of another origin with the SDK in one tab, the dashboard in another.
import { equal, match } from "node:assert/strict";

import { settled } from "../browser.mjs";
import { scenario } from "./harness.mjs";
import { startSite, until } from "./server.mjs";

scenario("a page with the script is visited and clicked, and the dashboard shows it", async ({ open, call }) => {
  const dashboard = await open("/add-site");
  await dashboard.getByLabel("Domain").fill("https://shop.example/");
  await dashboard.getByLabel("Time zone").fill("UTC");
  await dashboard.getByRole("button", { name: "Add the site" }).click();
  const snippet = await dashboard.getByRole("region", { name: "The line to install" }).innerText();
  match(snippet, /^<script defer src="http:[^"]+\/footfall\.js" data-site="[^"]+"><\/script>$/);
  const id = /\/sites\/([^/?]+)/.exec(dashboard.url())[1];

  const site = await startSite(snippet);
  try {
    const shop = await open(`${site.origin}/?utm_source=spring`, { signedIn: false });
    await shop.getByRole("link", { name: "Prices" }).click();
    await shop.getByRole("button", { name: "Buy" }).click();
    // The page that waits for the first visit finds it by itself.
    await settled(dashboard);
    await until(
      async () => (await call(dashboard, "/api/v1/query", { website_id: id, metrics: ["events"], time_range: "today" })).rows[0][0] === 3,
      "two pageviews and a click are stored",
    );
    await dashboard.reload();
    await settled(dashboard);
    const number = (name) => dashboard.locator(".headline button", { hasText: name }).locator(".headline-value").innerText();
    equal(await number("Visitors"), "1");
    equal(await number("Pageviews"), "2");
    for (const [panel, row] of [
      ["Pages", "/pricing"],
      ["Sources", "spring"],
      ["Events", "buy"],
    ])
      await dashboard.getByRole("region", { name: panel }).getByRole("row", { name: row }).waitFor();
  } finally {
    site.close();
  }
});
