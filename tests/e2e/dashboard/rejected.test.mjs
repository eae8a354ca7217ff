// The page of rejected events.
import { deepEqual, equal, match } from "node:assert/strict";

import { settled } from "../browser.mjs";
import { scenario } from "./harness.mjs";
import { HOSTILE } from "./server.mjs";

const part = (page, name) => page.getByRole("region", { name });

scenario("rejected events are reached by the menu, with their reasons, what to do, and samples as text", async ({ open }) => {
  const page = await open("/sites/demo");
  await settled(page);
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: "Rejected events" }).click();
  match(page.url(), /\/sites\/demo\/rejected$/);
  const site = part(page, "Sent for Footfall demo");
  await site.getByText("A required field is not there.").waitFor();
  await site.getByText("1,234").waitFor();
  equal(await site.locator("ol > li").count(), 2);
  await site.locator("summary").first().click();
  const shown = await site.locator("pre").first().textContent();
  equal(JSON.parse(shown).data.title, HOSTILE);
  equal(await page.locator("main img, main script").count(), 0);
  await part(page, "Sent for no known site").getByText("There is no site with this tracking_id.").waitFor();
  await page.getByRole("link", { name: "Back to Footfall demo" }).click();
  await settled(page);
});

scenario("a reason chooses the samples, and older ones are added", async ({ open }) => {
  const page = await open("/sites/demo/rejected");
  const site = part(page, "Sent for Footfall demo");
  await site.getByRole("button", { name: "Show older ones" }).click();
  await site.getByText("2026-11-23").first().waitFor();
  equal(await site.locator("ol > li").count(), 4);
  equal(await site.getByRole("button", { name: "Show older ones" }).count(), 0);
  await site.getByRole("button", { name: "invalid" }).click();
  await site.getByRole("heading", { name: "Samples: invalid" }).waitFor();
  await site.locator("ol > li").nth(1).waitFor({ state: "detached" });
  deepEqual(await site.locator("ol > li code").first().textContent(), "the event as a whole");
  equal(await site.getByRole("button", { name: "missing" }).count(), 1, "the others can still be chosen");
});

scenario("an editor sees the site alone, a viewer is not led there", async ({ open }) => {
  const editor = await open("/sites/blog/rejected", { role: "editor" });
  await editor.getByText("Every event for blog.example was taken.").waitFor();
  equal(await part(editor, "Sent for no known site").count(), 0);
  const viewer = await open("/sites/demo", { role: "viewer" });
  await settled(viewer);
  await viewer.getByRole("button", { name: /^Account/ }).click();
  await viewer.getByRole("menuitem", { name: "Server status" }).waitFor();
  equal(await viewer.getByRole("menuitem", { name: "Rejected events" }).count(), 0);
});

scenario("a list that fails says why and can be tried again", async ({ open }) => {
  const page = await open("/sites/blog/rejected", { role: "editor" });
  await page.getByText("Nothing was rejected").waitFor();
  await page.route("**/rejected?*", (route) => route.fulfill({ status: 503, json: { error: { code: "unavailable", message: "the store is starting" } } }));
  await page.reload();
  await page.getByText("the store is starting").waitFor();
  await page.unroute("**/rejected?*");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Nothing was rejected").waitFor();
});
