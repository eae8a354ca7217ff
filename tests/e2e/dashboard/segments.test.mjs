// Segments: what is asked by one, what stands in the address, who may make and change them, and what becomes of one that is gone.
import { deepEqual, equal, ok } from "node:assert/strict";

import { drawn, settled } from "../browser.mjs";
import { focusIsOn, scenario } from "./harness.mjs";
import { HOSTILE } from "./server.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const search = (page) => decodeURIComponent(new URL(page.url()).search);
const isAt = (page, text) => page.waitForFunction((wanted) => decodeURIComponent(location.search) === wanted, text);
const items = (page) => page.locator("[role^=menuitem] .menu-text").evaluateAll((rows) => rows.map((row) => row.firstChild.textContent));

scenario("a segment is chosen by keyboard, every view asks by it, and the address has it", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d&filter=browser~is~Firefox");
  await settled(page);
  await button(page, "Segment").focus();
  await page.keyboard.press("Enter");
  deepEqual(await items(page), ["All visitors", "Readers of the news", "Germany", "Save the filters as a segment\u2026", "Edit the segments\u2026"]);
  equal(await page.getByRole("menuitemradio", { name: /^All visitors/ }).getAttribute("aria-checked"), "true");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await isAt(page, "?range=7d&filter=browser~is~Firefox&segment=Readers of the news");
  await settled(page);
  await button(page, "Segment: Readers of the news").waitFor();
  for (const batch of fixture.batches.slice(-2))
    for (const { segment, filters } of batch) {
      equal(segment, "Readers of the news");
      deepEqual(filters[0], ["browser", "is", ["Firefox"]]);
    }
  await page.getByRole("status").filter({ hasText: "Showing last 7 days, 1 filter, segment Readers of the news" }).waitFor();
  await page.getByRole("button", { name: "Show all top" }).click();
  await page.getByText("13 rows").waitFor();
  equal(fixture.batches.at(-1)[0].segment, "Readers of the news", "so do whole lists");
  await page.keyboard.press("Escape");
  for (const view of ["funnel", "retention"]) {
    await page.goto(`/sites/demo?view=${view}&step=page~/&segment=Germany`);
    await page.locator(".funnel, .cohorts").first().waitFor();
    equal(fixture.asked.at(-1).segment, "Germany");
  }
  await page.goto("/sites/demo?view=live&segment=Germany");
  await page.getByText("The segment of the dashboard is not applied here.").waitFor();
  await page.goto("/sites/demo?segment=Germany");
  await settled(page);
  await button(page, "Leave the segment Germany").click();
  equal(search(page), "");
  await page.goBack();
  await page.getByRole("button", { name: "Site: Footfall demo" }).click();
  await page.getByRole("menuitemradio", { name: /^Huge/ }).click();
  equal(search(page), "", "a segment is the site's own");
});

scenario("the filters of the page become a segment, which is shown in their place", async ({ fixture, open }) => {
  const page = await open("/sites/blog?filter=country~is~DE&filter=or(page~is~/,page~contains~/blog)", { role: "editor" });
  await settled(page);
  await button(page, "Segment").click();
  await page.getByText("This site has no segments yet").waitFor();
  await page.getByRole("menuitem", { name: "Save the filters as a segment" }).click();
  await page.getByRole("list", { name: "Its filters" }).waitFor();
  deepEqual(await page.getByRole("list", { name: "Its filters" }).getByRole("listitem").allInnerTexts(), ["Country is Germany", "any of: Page is /; Page contains /blog"]);
  await page.waitForFunction(() => document.activeElement.name === "name");
  await page.keyboard.type(HOSTILE.slice(0, 60));
  await page.keyboard.press("Enter");
  await isAt(page, `?segment=${HOSTILE.slice(0, 60)}`);
  deepEqual(fixture.kept.findLast(([method]) => method === "POST")[1], {
    name: HOSTILE.slice(0, 60),
    filters: [
      ["country", "is", ["DE"]],
      ["or", [["page", "is", ["/"]], ["page", "contains", ["/blog"]]]],
    ],
  });
  await settled(page);
  equal(await page.locator("main img").count(), 0);
  await page.goBack();
  await settled(page);
  await button(page, "Segment").click();
  await page.getByRole("menuitem", { name: "Save the filters as a segment" }).click();
  await page.getByLabel("Name", { exact: true }).fill(HOSTILE.slice(0, 60));
  await button(page, "Save").click();
  await page.locator(".field-error").filter({ hasText: "already" }).waitFor();
});

scenario("a segment is renamed, changed and deleted, each by keyboard, and the page goes with it", async ({ fixture, open }) => {
  const page = await open("/sites/demo?segment=Germany");
  await settled(page);
  await button(page, "The segment Germany: show the segments").click();
  await button(page, "Rename: Germany").focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.name === "name");
  await page.getByLabel("New name").fill("Readers of the news");
  await page.keyboard.press("Enter");
  await page.locator(".field-error").filter({ hasText: "already" }).waitFor();
  await page.getByLabel("New name").fill("Austria");
  await page.keyboard.press("Enter");
  await isAt(page, "?segment=Austria");
  await page.waitForFunction(() => document.activeElement.getAttribute("aria-label") === "Rename: Austria");
  deepEqual(fixture.sites[0].segments[1], { id: "seg2", name: "Austria", filters: [["country", "is", ["DE"]]] });
  equal(await button(page, "Change to the page's filters: Austria").count(), 0, "there are none");
  await page.keyboard.press("Escape");
  await page.goto("/sites/demo?filter=country~is~AT&segment=Austria");
  await settled(page);
  await button(page, "The segment Austria: show the segments").click();
  await button(page, "Change to the page's filters: Austria").click();
  await page.waitForFunction(() => document.activeElement.textContent === "Cancel");
  await button(page, "Replace").click();
  await isAt(page, "?segment=Austria");
  deepEqual(fixture.sites[0].segments[1].filters, [["country", "is", ["AT"]]]);
  await settled(page);
  await button(page, "The segment Austria: show the segments").click();
  await button(page, "Delete: Austria").click();
  await page.getByText("Delete 'Austria' for everyone?").waitFor();
  await button(page, "Cancel").click();
  equal(fixture.sites[0].segments.length, 2);
  await page.waitForFunction(() => document.activeElement.getAttribute("aria-label") === "Delete: Austria");
  await page.keyboard.press("Enter");
  await button(page, "Delete").click();
  await isAt(page, "");
  await button(page, "Delete: Austria").waitFor({ state: "detached" });
  equal(fixture.sites[0].segments.length, 1);
  await page.waitForFunction(() => document.activeElement.getAttribute("aria-label") === "Show: Readers of the news");
  await button(page, "Show as filters: Readers of the news").click();
  await isAt(page, "?filter=source~is~Hacker News~Reddit&filter=not(page~is~/)");
});

scenario("a segment that asks for what visitors did, as the query interface writes it, is shown, edited and saved again", async ({ fixture, open }) => {
  fixture.sites[0].segments[1].filters = [["has_not_done", ["page", "is", HOSTILE], ["country", "is", "DE"]], ["page", "is_set"]];
  const page = await open("/sites/demo?segment=Germany");
  await settled(page);
  await button(page, "The segment Germany: show the segments").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(`never together: Page is ${HOSTILE}; Country is Germany`).waitFor();
  equal(await dialog.getByText("are not known to this page").count(), 0);
  await button(page, "Show as filters: Germany").click();
  await settled(page);
  await button(page, `Edit the filter: never together: Page is ${HOSTILE}; Country is Germany`).click();
  await button(page, `Edit: Page is ${HOSTILE}`).click();
  await button(page, `Remove ${HOSTILE}`).click();
  await page.getByRole("combobox", { name: "Value" }).fill("/pricing");
  await button(page, "Change").click();
  await button(page, "Change").click();
  await isAt(page, "?filter=has_not_done(page~is~/pricing,country~is~DE)&filter=page~is_set");
  await settled(page);
  equal(await page.locator("main img").count(), 0);
  await button(page, "Segment").click();
  await page.getByRole("menuitem", { name: "Edit the segments" }).click();
  await button(page, "Change to the page's filters: Germany").click();
  await button(page, "Replace").click();
  await isAt(page, "?segment=Germany");
  deepEqual(fixture.sites[0].segments[1].filters, [["has_not_done", [["page", "is", ["/pricing"]], ["country", "is", ["DE"]]]], ["page", "is_set"]]);
});

scenario("who may only look chooses segments, and makes and changes none", async ({ fixture, open }) => {
  const page = await open("/sites/demo?filter=country~is~DE", { role: "viewer" });
  await settled(page);
  await button(page, "Segment").click();
  deepEqual(await items(page), ["All visitors", "Readers of the news", "Germany", "Show the segments\u2026"]);
  await page.getByRole("menuitem", { name: "Show the segments" }).click();
  await button(page, "Show: Germany").waitFor();
  equal(await page.getByRole("dialog").getByRole("button", { name: /^(Rename|Change|Delete)/ }).count(), 0);
  await button(page, "Show: Germany").click();
  await isAt(page, "?filter=country~is~DE&segment=Germany");
  ok(fixture.kept.every(([method]) => method === "GET"));
});

scenario("a segment that is gone is told, once, and the page is left by one click", async ({ fixture, open }) => {
  const page = await open("/sites/demo?segment=germany");
  const alert = page.getByRole("alert");
  await alert.waitFor();
  await page.getByText("The site has no segment 'germany'. Did you mean 'Germany'?", { exact: false }).waitFor().catch(async () => ok(false, await alert.innerText()));
  equal(await alert.count(), 1);
  await page.getByText("Nothing could be counted").waitFor();
  await button(page, "Show 'Germany'").click();
  await isAt(page, "?segment=Germany");
  await settled(page);
  equal(await alert.count(), 0);
  await page.goto("/sites/demo?view=retention&segment=nobody");
  await alert.waitFor();
  await page.getByText("What is wrong is marked at the segment above.").waitFor();
  await button(page, "Show all visitors").click();
  await page.locator(".cohorts").waitFor();
  equal(search(page), "?view=retention");
  equal(fixture.asked.at(-1).segment, undefined);
});

scenario("segments that could not be loaded do not stop the page, and are asked again", async ({ open }) => {
  const page = await open("/sites/new", { signedIn: true });
  await page.route("**/segments", (route) => route.abort());
  await page.goto("/sites/demo");
  await settled(page);
  await button(page, "Segment").click();
  const again = page.getByRole("menuitem", { name: /^Load the segments again/ });
  await again.waitFor();
  await page.unroute("**/segments");
  await again.click();
  await drawn(page);
  await focusIsOn(page, "Segment");
  await page.waitForFunction(async () => {
    document.querySelector("[aria-label=Segment]").click();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const found = document.body.textContent.includes("Readers of the news");
    document.querySelector("[aria-label=Segment]").click();
    return found;
  });
});
