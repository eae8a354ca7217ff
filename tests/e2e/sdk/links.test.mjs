// Clicks on links, and pages that are not found.
import { deepEqual } from "node:assert/strict";

import { sdkTest, UNFOCUSED } from "./harness.mjs";

const LINKS = `
  <a id="inside" href="/b">inside</a>
  <a id="outside" href="https://out.example/page?x=1"><b id="nested">outside</b></a>
  <a id="file" href="/report.PDF?v=2">file</a>
  <a id="foreign-file" href="https://out.example/data.zip">file elsewhere</a>
  <a id="named" download href="/export">named a download</a>
  <a id="mail" href="mailto:someone@example.org">mail</a>
  <a id="script" href="javascript:void 0">script</a>
  <a id="anchor">no target</a>
  <svg width="20" height="20"><a id="svg" href="https://out.example/svg"><circle cx="9" cy="9" r="9"/></a></svg>
  <div id="shadow"></div>
  <a href="https://out.example/around"><span id="icon"></span></a>
  <script>
    document.querySelector("#shadow").attachShadow({ mode: "open" }).innerHTML = '<a href="https://out.example/shadow">in the shadow</a>';
    document.querySelector("#icon").attachShadow({ mode: "open" }).innerHTML = "<i>in a link</i>";
    // The page wants its clicks for itself: nothing is navigated, and nothing bubbles.
    addEventListener("click", (event) => event.preventDefault(), true);
    for (const link of document.querySelectorAll("a")) link.addEventListener("click", (event) => event.stopImmediatePropagation());
  </script>`;

const clicks = (collector) => collector.events().filter(({ type }) => type === "event").map(({ data }) => [data.name, data.properties?.url]).filter(([name]) => name !== "end");

async function clickAll(page) {
  for (const id of ["inside", "nested", "file", "foreign-file", "named", "mail", "script", "anchor", "svg"]) await page.locator(`#${id}`).dispatchEvent("click");
  await page.evaluate(() => document.querySelector("#shadow").shadowRoot.querySelector("a").click());
  await page.evaluate(() => document.querySelector("#icon").shadowRoot.querySelector("i").click());
}

sdkTest("clicks on links to other hosts and to files are events, those inside the site are not", { init: UNFOCUSED }, async ({ page, site, collector, open, batches }) => {
  await open({ content: LINKS });
  await clickAll(page);
  await batches();
  deepEqual(clicks(collector), [
    ["Outbound Link: Click", "https://out.example/page?x=1"],
    ["File Download", `${site.origin}/report.PDF?v=2`],
    ["File Download", "https://out.example/data.zip"],
    ["File Download", `${site.origin}/export`],
    ["Outbound Link: Click", "https://out.example/shadow"],
    ["Outbound Link: Click", "https://out.example/around"],
  ]);
});

sdkTest("data-outbound=false and data-downloads=false leave them out", { init: UNFOCUSED }, async ({ page, collector, open, batches }) => {
  await open({ content: LINKS, attributes: 'data-outbound="false"' });
  await clickAll(page);
  await batches();
  deepEqual(new Set(clicks(collector).map(([name]) => name)), new Set(["File Download"]));
  collector.requests.length = 0;
  await open({ content: LINKS, attributes: 'data-downloads="false"' });
  await clickAll(page);
  await batches();
  deepEqual(new Set(clicks(collector).map(([name]) => name)), new Set(["Outbound Link: Click"]));
});

sdkTest("a click that leaves the page is sent with the beacon of its leaving", async ({ page, site, collector, open }) => {
  site.pages["/out"] = "<p>elsewhere";
  const elsewhere = site.origin.replace("127.0.0.1", "localhost");
  await open({ content: `<a href="${elsewhere}/out">out</a>` });
  await page.click("a");
  await page.waitForURL(`${elsewhere}/out`);
  await collector.until(() => clicks(collector).length === 1, "the click");
  deepEqual(clicks(collector), [["Outbound Link: Click", `${elsewhere}/out`]]);
});

sdkTest("the middle button opens a link too, the right one a menu", { init: UNFOCUSED }, async ({ page, collector, open, batches }) => {
  await open({ content: '<a href="https://out.example/">out</a>' });
  await page.evaluate(() => addEventListener("auxclick", (event) => event.preventDefault(), true));
  await page.click("a", { button: "middle" });
  await page.click("a", { button: "right" });
  await batches();
  deepEqual(clicks(collector), [["Outbound Link: Click", "https://out.example/"]]);
});

for (const [where, parts] of [
  ["on the script", { attributes: "data-404" }],
  ["on an element of the page", { content: "<main data-404>Not found</main>" }],
  ["on a meta element", { head: '<meta name="robots" content="noindex" data-404>' }],
])
  sdkTest(`data-404 ${where} makes the view one of a page that was not found`, { init: UNFOCUSED }, async ({ collector, open, exactly }) => {
    await open({ path: "/gone", ...parts });
    await exactly([["pageview /gone", "event 404"]]);
    const [, event] = collector.events();
    deepEqual([event.data.page, event.data.non_interactive], ["/gone", true]);
  });
