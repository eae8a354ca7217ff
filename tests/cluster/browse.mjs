// A visitor and an owner in Chromium, both through nginx: node tests/cluster/browse.mjs ORIGIN SITE PAGES EMAIL PASSWORD
//
// The owner signs in and has the site's dashboard open, which shows one pageview already. The visitor reads as many pages of a site with the
// script as PAGES says, each when the dashboard has the one before. Prints a line of JSON for each: its path, and when its event was sent,
// acknowledged and shown, in ms since 1970.
import { drawn, launch, WAIT_MS } from "../e2e/browser.mjs";
import { startSite, USER_AGENT } from "../e2e/real/server.mjs";

const [origin, site, pages, email, password] = process.argv.slice(2);
const browser = await launch();
const shop = await startSite(`<script defer src="${origin}/footfall.js" data-site="${site}"></script>`);
try {
  const open = async () => {
    // nginx's certificate is here one that it signed itself.
    const context = await browser.newContext({ ignoreHTTPSErrors: true, userAgent: USER_AGENT, viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(WAIT_MS);
    return context.newPage();
  };
  const dashboard = await open();
  const shows = (count) => dashboard.locator(".live-note", { hasText: new RegExp(`^${count} pageviews? `) }).waitFor();
  await dashboard.goto(`${origin}/sites/${site}`);
  await dashboard.getByLabel("Email").fill(email);
  await dashboard.getByLabel("Password").fill(password);
  await dashboard.getByRole("button", { name: "Sign in" }).click();
  await shows(1);
  await drawn(dashboard);

  const visitor = await open();
  for (let number = 1; number <= Number(pages); number += 1) {
    const page = `/page-${String(number).padStart(3, "0")}`;
    const isAbout = (response) => {
      const request = response.request();
      const body = request.method() === "POST" ? (request.postData() ?? "") : "";
      return response.url() === `${origin}/api/v1/events` && body.includes('"pageview"') && body.includes(page);
    };
    const [response] = await Promise.all([visitor.waitForResponse(isAbout), visitor.goto(shop.origin + page)]);
    const acknowledged = Date.now();
    if (response.status() !== 200) throw new Error(`${page} was answered ${response.status()}`);
    await shows(number + 1);
    console.log(JSON.stringify({ page, sent: response.request().timing().startTime, acknowledged, shown: Date.now() }));
  }
} finally {
  shop.close();
  await browser.close();
}
