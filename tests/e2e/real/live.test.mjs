// The same way by the socket: what happens in one tab is in the other within a second.
import { equal, ok } from "node:assert/strict";

import { scenario } from "./harness.mjs";
import { OWNER, startSite, until } from "./server.mjs";

/** The contract's, from the acknowledgement to the message; the page itself has a moment more to draw. */
const LIVE_MS = 1_000;
const DRAWN_MS = 300;

async function addSite(page, call, domain) {
  return (await call(page, "/api/v1/sites", { name: domain, domain, timezone: "UTC" })).id;
}

const pageview = (id, page) => ({ type: "pageview", tracking_id: id, data: { page } });

scenario("an event is on the strip and in the live view within a second of its acknowledgement", async ({ server, open, call }) => {
  const page = await open("/account");
  const id = await addSite(page, call, "live.example");
  await page.goto(`${server.origin}/sites/${id}?view=live`);
  await page.locator(".live-count", { hasText: /^0$/ }).waitFor();
  for (const [turn, path] of ["/one", "/two", "/three"].entries()) {
    equal((await server.send(pageview(id, path))).received, 1);
    const acknowledged = Date.now();
    await page.getByRole("button", { name: path }).waitFor();
    ok(Date.now() - acknowledged < LIVE_MS + DRAWN_MS, `${path} after ${Date.now() - acknowledged} ms`);
    equal(await page.locator(".live-count").innerText(), "1", `turn ${turn}`);
  }
  await page.getByRole("link", { name: "Dashboard" }).click();
  await page.getByRole("link", { name: /1 visitor now/ }).waitFor();
  equal((await server.send({ ...pageview(id, "/four"), user_id: "somebody else" })).received, 1);
  const acknowledged = Date.now();
  await page.getByRole("link", { name: /2 visitors now/ }).waitFor();
  ok(Date.now() - acknowledged < LIVE_MS + DRAWN_MS);
});

scenario("what is visited and clicked in one tab is on the dashboard in another within a second", async ({ server, open, call }) => {
  const dashboard = await open("/account");
  const id = await addSite(dashboard, call, "shop.example");
  const site = await startSite(`<script defer src="${server.origin}/footfall.js" data-site="${id}"></script>`);
  try {
    await dashboard.goto(`${server.origin}/sites/${id}?view=live`);
    await dashboard.locator(".live-count", { hasText: /^0$/ }).waitFor();
    const shop = await open("/account", { signedIn: false });
    const sent = (act) => Promise.all([shop.waitForResponse(`${server.origin}/api/v1/events`), act()]);
    const shown = async (name) => {
      const acknowledged = Date.now();
      await dashboard.getByRole("button", { name }).waitFor();
      ok(Date.now() - acknowledged < LIVE_MS + DRAWN_MS, `${name} after ${Date.now() - acknowledged} ms`);
    };
    await sent(() => shop.goto(`${site.origin}/welcome?utm_source=spring`));
    await shown("/welcome");
    equal(await dashboard.locator(".live-count").innerText(), "1");
    await sent(() => shop.getByRole("link", { name: "Prices" }).click());
    await shown("/pricing");
    await sent(() => shop.getByRole("button", { name: "Buy" }).click());
    await shown("buy");
    await shown("spring");
  } finally {
    site.close();
  }
});

scenario("a session that is ended elsewhere ends the live view", async ({ server, open, call }) => {
  const page = await open("/sign-in", { signedIn: false });
  await page.getByLabel("Email").fill(OWNER.email);
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".live-now strong").waitFor();
  const id = await addSite(page, call, "ended.example");
  await page.goto(`${server.origin}/sites/${id}?view=live`);
  await page.locator(".live-count").waitFor();
  // Another tab of the same browser signs out.
  const other = await page.context().newPage();
  await other.goto(`${server.origin}/account`);
  await other.locator("main").getByRole("button", { name: "Sign out" }).click();
  await page.getByText("Your session has ended.").waitFor();
});

scenario("S8: hostile names come through the socket as text", async ({ server, open, call }) => {
  const page = await open("/account");
  const id = await addSite(page, call, "hostile.example");
  await page.goto(`${server.origin}/sites/${id}?view=live`);
  await page.locator(".live-count").waitFor();
  const hostile = "/<img class=pwn src=x onerror=pwned=1>";
  equal((await server.send(pageview(id, hostile))).received, 1);
  await until(() => page.getByRole("button", { name: hostile, exact: true }).count(), "the name is shown");
  equal(await page.evaluate(() => document.querySelectorAll(".pwn").length + Number(globalThis.pwned ?? 0)), 0);
});
