// Every view and every story at four widths, light and dark: nothing is wider than the window, axe finds nothing, and a screenshot is left
// for a person to look at.
import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";

import { drawn, findings, overflow, settled } from "../browser.mjs";
import { sampled, sketched } from "./answers.mjs";
import { OUT, scenario } from "./harness.mjs";
import { HOSTILE, OWNER } from "./server.mjs";

const WIDTHS = [390, 768, 1440, 1920];
const SCHEMES = ["light", "dark"];

/** The chart is drawn anew for the width of its window. */
const redrawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

async function signIn(page, password) {
  await page.getByLabel("Email").fill(OWNER.email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The funnel with its numbers. */
async function reached(page) {
  await drawn(page);
  await page.locator(".funnel").waitFor();
  await page.waitForFunction(() => !document.querySelector(".skeleton-rows, .stale"));
}

const GROUP = "or(country~is~DE~FR,and(page~matches~^/blog,source~is_not~Google),not(or(browser~is~Firefox,property:plan~contains~pro)))";
/** The paths, as a chart or where there is no room as a list. */
async function flowed(page) {
  await drawn(page);
  await page.locator(".flow, .flow-list").waitFor();
  await page.waitForFunction(() => !document.querySelector(".skeleton-rows, .stale"));
}

const LONG = "/blog/why-we-left-the-big-analytics-suite-and-what-we-learned-in-the-first-year-after";

/** A question that is no further than so. */
const slow = (progress) => (fixture) => {
  fixture.beforeAsked = (_, say) => {
    say(progress);
    return new Promise(() => undefined);
  };
};

/** `given` readies the fixture before the page is opened. */
const VIEWS = {
  dashboard: { path: "/sites/demo", ready: settled },
  "dashboard-today": { path: "/sites/demo?range=today&tab.pages=entry_page&tab.sources=channel&tab.locations=city", ready: settled },
  "dashboard-filtered": {
    path: "/sites/huge?range=12mo&metric=session_duration&compare=previous_year&filter=page~is~/blog/why-we-left-the-big-analytics-suite-and-what-we-learned-in-the-first-year-after&filter=country~is_not~DE~FR",
    ready: settled,
  },
  "dashboard-days": { path: "/sites/demo?range=2025-12-20..2026-01-19&compare=none&tab.pages=title&tab.devices=os_version", ready: settled },
  "dashboard-small": { path: "/sites/blog?range=7d&by=hour&metric=bounce_rate", ready: settled },
  "dashboard-sampled": { path: "/sites/huge?range=7d", given: (fixture) => (fixture.change = sampled), ready: settled },
  "dashboard-sketched": { path: "/sites/huge?range=7d&compare=previous_period", given: (fixture) => (fixture.change = sketched), ready: settled },
  "dashboard-exact": { path: "/sites/huge?range=7d&exact=1&filter=country~is~DE", given: (fixture) => (fixture.change = sketched), ready: settled },
  "dashboard-table": {
    path: "/sites/demo?range=7d",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Show as table" }).click();
    },
  },
  "dashboard-menu": {
    path: "/sites/demo",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: /^Period/ }).click();
    },
  },
  dates: {
    path: "/sites/demo",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: /^Period/ }).click();
      await page.getByRole("menuitemradio", { name: /^Choose the days/ }).click();
      await page.getByLabel("First day").waitFor();
    },
  },
  live: { path: "/sites/demo?view=live", ready: (page) => page.locator(".minute-chart svg").waitFor() },
  "live-huge": { path: "/sites/huge?view=live&filter=page~is~/pricing", ready: (page) => page.locator(".minute-chart svg").waitFor() },
  "live-nobody": { path: "/sites/new?view=live", ready: (page) => page.locator(".minute-chart svg").waitFor() },
  funnel: { path: "/sites/demo?view=funnel&step=page~/&step=page~/pricing&step=event~signup&step=goal~Signup&breakdown=source", ready: reached },
  "funnel-sessions": {
    path: `/sites/huge?view=funnel&step=page~${LONG}&step=event~${encodeURIComponent(HOSTILE)}&step=page~/pricing&per=session&breakdown=page&filter=country~is~DE`,
    ready: reached,
  },
  "funnel-long": { path: `/sites/demo?view=funnel&${Array.from({ length: 16 }, (_, i) => `step=page~/${i}`).join("&")}&breakdown=country`, ready: reached },
  "funnel-empty": { path: "/sites/demo?view=funnel", ready: (page) => page.getByRole("list", { name: "Funnels to begin with" }).waitFor() },
  "funnel-nobody": { path: "/sites/demo?view=funnel&step=page~/nowhere", ready: (page) => page.getByText("Nobody reached the first step").waitFor() },
  "funnel-wrong": { path: "/sites/demo?view=funnel&step=page~/&step=goal~Singup", ready: (page) => page.locator(".steps [role=alert]").waitFor() },
  "funnel-breakdown-wrong": { path: "/sites/demo?view=funnel&step=page~/&breakdown=goal", ready: (page) => page.locator(".choices [role=alert]").waitFor() },
  "funnel-failed": {
    path: "/sites/demo?view=funnel",
    ready: async (page) => {
      await page.route("**/api/v1/funnel", (route) => route.abort());
      await page.getByRole("list", { name: "Funnels to begin with" }).getByRole("button").first().click();
      await page.getByText("The server does not answer.").waitFor();
    },
  },
  "funnel-slow": {
    path: "/sites/demo?view=funnel&step=page~/&step=page~/pricing&step=event~signup",
    given: slow({ rows_read: 12_345_678, rows_total: 30_000_000, elapsed_ms: 1_250 }),
    ready: (page) => page.getByText("12.3 million of 30 million rows read").waitFor(),
  },
  "retention-slow": {
    path: "/sites/demo?view=retention&range=2026-08-31..2026-11-24",
    ready: async (page, fixture) => {
      await page.locator(".cohorts").waitFor();
      slow({ rows_read: 999_949_999, rows_total: 999_999_999, elapsed_ms: 10_250 })(fixture);
      await page.getByLabel("Cohorts by").selectOption("day");
      await page.getByText("999.9 million of 1 billion rows read").waitFor();
    },
  },
  "paths-slow": {
    path: "/sites/demo?view=paths",
    given: slow({ rows_read: 812_400, rows_total: null, elapsed_ms: 750 }),
    ready: (page) => page.getByText("812.4 thousand rows read").waitFor(),
  },
  step: {
    path: "/sites/demo?view=funnel&step=page~/",
    ready: async (page) => {
      await reached(page);
      await page.getByRole("button", { name: "Add a step" }).click();
      await page.getByRole("option", { name: "/pricing" }).waitFor();
      await page.keyboard.press("Tab");
      await page.keyboard.press("ArrowDown");
    },
  },
  "step-named": {
    path: `/sites/demo?view=funnel&step=page~${LONG}~name~Read%20about%20it~if~country!~is!~DE!~FR~if~event_name!~is_set`,
    ready: async (page) => {
      await reached(page);
      await page.getByRole("button", { name: /^Change step 1/ }).click();
      await page.getByRole("option", { name: "/pricing" }).waitFor();
    },
  },
  "step-goal": {
    path: "/sites/blog?view=funnel",
    ready: async (page) => {
      await page.getByRole("button", { name: "Add a step" }).click();
      await page.getByRole("dialog").locator("select").selectOption("goal");
      await page.getByText("This site has no goals.").waitFor();
    },
  },
  "funnel-query": {
    path: "/sites/demo?view=funnel&step=page~/",
    ready: async (page) => {
      await reached(page);
      await page.getByRole("button", { name: "Funnel: more" }).click();
      await page.getByRole("menuitem", { name: "Show query" }).click();
      await page.getByText("FROM footfall.events").waitFor();
    },
  },
  retention: { path: "/sites/demo?view=retention&range=2026-08-31..2026-11-24", ready: (page) => page.locator(".cohorts").waitFor() },
  "retention-months": {
    path: `/sites/huge?view=retention&range=12mo&cohort=month&cells=visitors&first=page~${LONG}&filter=country~is~DE`,
    ready: (page) => page.locator(".cohorts").waitFor(),
  },
  "retention-days": { path: "/sites/demo?view=retention&cohort=day", ready: (page) => page.locator(".cohorts").waitFor() },
  "retention-nobody": { path: "/sites/new?view=retention", ready: (page) => page.getByText("Nobody came first in this period").waitFor() },
  "retention-wrong": { path: "/sites/demo?view=retention&again=goal~Singup", ready: (page) => page.locator("#retention-again-error").waitFor() },
  paths: { path: "/sites/demo?view=paths", ready: flowed },
  "paths-to": { path: `/sites/huge?view=paths&to=page~${LONG}&nodes=both&depth=10&branches=20&filter=country~is~DE`, ready: flowed },
  "paths-table": {
    path: "/sites/demo?view=paths&from=event~signup&flow=table&branches=3",
    ready: (page) => page.locator(".flow-table").waitFor(),
  },
  "paths-none": { path: "/sites/new?view=paths&nodes=both", ready: (page) => page.getByText("No session in this period").waitFor() },
  "paths-wrong": { path: "/sites/demo?view=paths&to=goal~Singup", ready: (page) => page.locator("#paths-to-error").waitFor() },
  "paths-node": {
    path: "/sites/demo?view=paths&nodes=both",
    ready: async (page) => {
      await flowed(page);
      await page.getByRole("list", { name: "Step 2" }).getByRole("button").nth(1).click();
      await page.getByRole("button", { name: "Paths that start here" }).waitFor();
    },
  },
  goals: { path: "/sites/demo?view=goals", ready: (page) => page.locator(".goals").waitFor() },
  "goals-sampled": {
    path: "/sites/huge?view=goals",
    given: (fixture) => {
      fixture.goals.huge = fixture.goals.demo;
      fixture.change = sampled;
    },
    ready: async (page) => {
      await page.locator(".goals").waitFor();
      await page.locator(".goals").getByRole("button").first().focus();
    },
  },
  "goals-sketched": {
    path: "/sites/huge?view=goals",
    given: (fixture) => {
      fixture.goals.huge = fixture.goals.demo;
      fixture.change = sketched;
    },
    ready: async (page) => {
      await page.locator(".goals").waitFor();
      await page.locator(".goals").getByRole("button").first().focus();
    },
  },
  "goals-menu": {
    path: "/sites/huge?view=goals",
    given: (fixture) => {
      fixture.goals.huge = [{ id: "a", name: HOSTILE, page: LONG, match: "contains", filters: [["country", "is", ["DE"]]] }];
    },
    ready: async (page) => {
      await page.locator(".goals").waitFor();
      await page.locator(".goals").getByRole("button", { name: /more$/ }).click();
      await page.getByRole("menuitem", { name: "Rename" }).waitFor();
    },
  },
  "goals-none": { path: "/sites/blog?view=goals", ready: (page) => page.getByText("This site has no goals").waitFor() },
  "goals-viewer": { path: "/sites/blog?view=goals", role: "viewer", ready: (page) => page.getByText("you are a viewer").waitFor() },
  "goal-add": {
    path: "/sites/demo?view=goals",
    ready: async (page) => {
      await page.getByRole("button", { name: "Add a goal" }).click();
      await page.getByRole("option", { name: "/pricing" }).waitFor();
      await page.getByRole("button", { name: "Add", exact: true }).focus();
    },
  },
  "goal-delete": {
    path: "/sites/demo?view=goals",
    ready: async (page) => {
      await page.getByRole("button", { name: "Signup: more" }).click();
      await page.getByRole("menuitem", { name: "Delete" }).click();
      await page.getByText("No event is touched").waitFor();
    },
  },
  query: {
    path: "/sites/demo",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Pages: more" }).click();
      await page.getByRole("menuitem", { name: "Show query" }).click();
      await page.getByText("FROM footfall.events").waitFor();
    },
  },
  keys: {
    path: "/sites/demo",
    ready: async (page) => {
      await settled(page);
      await page.keyboard.press("?");
      await page.getByText("Single keys work").waitFor();
    },
  },
  filter: {
    path: "/sites/demo?filter=country~is~DE~FR",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Edit the filter: Country is Germany or France" }).click();
      await page.getByRole("combobox", { name: "Or" }).fill("i");
      await page.keyboard.press("ArrowDown");
      await page.locator("[role=option][aria-selected=true]").waitFor();
    },
  },
  "filter-dimensions": {
    path: "/sites/demo",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Filter" }).click();
      await page.getByRole("combobox", { name: "Filter by" }).fill("visit");
      await page.keyboard.press("ArrowDown");
    },
  },
  "filter-group": {
    path: `/sites/demo?filter=${GROUP}`,
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: /^Edit the filter/ }).click();
      await page.getByRole("group", { name: "None of these hold" }).waitFor();
    },
  },
  "filter-wrong": {
    path: `/sites/demo?filter=country~is~DE&filter=${GROUP.replace("matches~^/blog", "matches~!(")}`,
    ready: (page) => page.locator(".chips-error").waitFor(),
  },
  "filter-group-wrong": {
    path: `/sites/demo?filter=${GROUP.replace("matches~^/blog", "matches~!(")}`,
    ready: async (page) => {
      await page.locator(".chips-error").waitFor();
      await page.getByRole("button", { name: /^Edit the filter/ }).click();
      await page.getByRole("dialog").getByRole("alert").waitFor();
    },
  },
  "filter-bounds": {
    path: "/sites/demo?filter=property:price~between~10~x",
    ready: async (page) => {
      await page.locator(".chips-error").waitFor();
      await page.getByRole("button", { name: /^Edit the filter/ }).click();
      await page.locator(".bounds-error").waitFor();
    },
  },
  annotations: {
    path: "/sites/demo",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Annotations", exact: true }).click();
      await page.getByRole("button", { name: "Edit: Launch" }).click();
      await page.getByLabel("What happened").waitFor();
    },
  },
  "annotations-none": {
    path: "/sites/blog",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Annotations", exact: true }).click();
      await page.getByRole("dialog").getByText("Nothing is noted here").waitFor();
    },
  },
  "annotation-pointed": {
    path: "/sites/demo",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "2 annotations, Tue 17 Nov" }).focus();
      await page.locator(".tip-note").first().waitFor();
    },
  },
  "segment-menu": {
    path: "/sites/demo?filter=country~is~DE&segment=Germany",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Segment: Germany" }).click();
      await page.getByRole("menuitemradio", { name: /^Germany/ }).waitFor();
    },
  },
  "segment-gone": { path: "/sites/demo?filter=country~is~DE&segment=germany", ready: (page) => page.getByRole("button", { name: "Show all visitors" }).waitFor() },
  segments: {
    path: "/sites/demo?filter=country~is~DE&segment=Germany",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: /^The segment Germany/ }).click();
      await page.getByRole("button", { name: "Delete: Germany" }).click();
      await page.getByText("Delete 'Germany' for everyone?").waitFor();
    },
  },
  "segments-none": {
    path: "/sites/blog",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Segment" }).click();
      await page.getByRole("menuitem", { name: "What is a segment?" }).click();
      await page.getByRole("dialog").getByText("This site has no segments yet").waitFor();
    },
  },
  "segment-save": {
    path: `/sites/demo?segment=Germany&filter=${GROUP}`,
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: /^Segment/ }).click();
      await page.getByRole("menuitem", { name: /^Save the filters/ }).click();
      await page.getByLabel("Name", { exact: true }).fill("Germany");
      await page.getByRole("button", { name: "Save" }).click();
      await page.locator(".field-error").waitFor();
    },
  },
  "dates-wrong": {
    path: "/sites/demo",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: /^Period/ }).click();
      await page.getByRole("menuitemradio", { name: "Choose the days" }).click();
      await page.getByLabel("First day").fill("2026-11-10");
      await page.getByLabel("Last day").fill("2026-11-01");
      await page.getByRole("button", { name: "Show", exact: true }).click();
      await page.getByText("The last day is before the first.").waitFor();
    },
  },
  details: {
    path: "/sites/demo",
    ready: async (page) => {
      await settled(page);
      await page.getByRole("button", { name: "Show all top" }).click();
      await page.getByText("13 rows").waitFor();
    },
  },
  rejected: {
    path: "/sites/demo/rejected",
    ready: async (page) => {
      await page.getByRole("heading", { name: "Sent for no known site" }).waitFor();
      await page.getByText("no-such-site").first().waitFor({ state: "attached" });
      await page.locator("summary").first().click();
      await page.getByRole("region", { name: /^Event of/ }).first().waitFor();
    },
  },
  "rejected-none": { path: "/sites/blog/rejected", role: "editor", ready: (page) => page.getByText("Nothing was rejected").waitFor() },
  install: { path: "/sites/new", ready: (page) => page.getByRole("button", { name: "Copy the line" }).waitFor() },
  "no-site": { path: "/", given: (fixture) => (fixture.sites = []), ready: (page) => page.getByText("Add your first site").waitFor() },
  "no-site-viewer": {
    path: "/",
    role: "viewer",
    given: (fixture) => (fixture.sites = []),
    ready: (page) => page.getByText("There is no site yet").waitFor(),
  },
  "no-answer": {
    path: "/sites/demo",
    ready: async (page) => {
      await page.route("**/api/v1/session", (route) => route.abort());
      await page.reload();
      await page.getByText("The server does not answer.").waitFor();
    },
  },
  "sign-out-failed": {
    path: "/account",
    ready: async (page) => {
      await page.getByRole("button", { name: "Sign out" }).waitFor();
      await page.route("**/api/v1/session", (route) => route.abort());
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByText("You are still signed in.").waitFor();
    },
  },
  "sign-in": { path: "/sign-in", signedIn: false, ready: (page) => page.getByRole("button", { name: "Sign in" }).waitFor() },
  "sign-in-wrong": {
    path: "/sign-in",
    signedIn: false,
    ready: async (page) => {
      await signIn(page, "wrong");
      await page.getByRole("alert").waitFor();
    },
  },
  "sign-in-throttled": {
    path: "/sign-in",
    signedIn: false,
    ready: async (page) => {
      await signIn(page, "too often");
      await page.getByText("Try again in 30 s.").waitFor();
    },
  },
  "sign-in-ended": {
    path: "/sites/demo",
    ready: async (page, fixture) => {
      await settled(page);
      fixture.sessions.clear();
      await page.getByRole("tab", { name: "Browsers" }).click();
      await page.getByText("Your session has ended.").waitFor();
    },
  },
  "sign-in-old-link": { path: "/sign-in#token=old", signedIn: false, ready: (page) => page.getByText("This link was used already").waitFor() },
  "sign-in-nobody": {
    path: "/sign-in",
    signedIn: false,
    given: (fixture) => (fixture.setupToken = "secret"),
    ready: (page) => page.getByText("Nobody has an account here yet.").waitFor(),
  },
  "setup-no-token": { path: "/setup", signedIn: false, ready: (page) => page.getByText("There is an account already").waitFor() },
  setup: { path: "/setup#token=secret", signedIn: false, ready: (page) => page.getByRole("button", { name: "Make the account" }).waitFor() },
  account: { path: "/account", ready: (page) => page.getByRole("button", { name: "Change", exact: true }).waitFor() },
  "add-site": { path: "/add-site", ready: (page) => page.getByRole("button", { name: "Add the site" }).waitFor() },
  "no-such-site": { path: "/sites/nowhere", ready: (page) => page.getByRole("heading", { name: "No such site" }).waitFor() },
  status: { path: "/status", ready: (page) => page.getByText("Ready", { exact: true }).waitFor() },
  // There the same panel stands many times on a page.
  story: { path: "/story/index.html", but: ["landmark-unique"], ready: (page) => page.locator("figure.timeline").nth(8).waitFor() },
};

/** A dialog is drawn over the window, not over the page. */
const IN_DIALOGS = [
  ...["query", "details", "dates", "dates-wrong", "filter", "filter-dimensions", "filter-group", "filter-group-wrong", "filter-bounds", "keys"],
  ...["annotations", "annotations-none", "annotation-pointed", "segments", "segments-none", "segment-save"],
  ...["step", "step-named", "step-goal", "funnel-query", "paths-node", "goal-add", "goal-delete"],
];

for (const [name, { path, signedIn = true, role = "owner", but = [], given = () => undefined, ready }] of Object.entries(VIEWS))
  for (const scheme of SCHEMES)
    scenario(`${name} looks right, ${scheme}`, async ({ fixture, open }) => {
      given(fixture);
      const page = await open(path, { width: 1440, scheme, signedIn, role });
      await ready(page, fixture);
      // A map is fetched when it comes into view.
      for (const place of await page.locator(".map-place").all()) {
        await place.scrollIntoViewIfNeeded();
        await place.locator("svg").waitFor();
      }
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
        await redrawn(page);
        equal(await overflow(page), 0, `${name} is wider than ${width} px`);
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: join(OUT, "screenshots", `${name}-${width}-${scheme}.png`), fullPage: !IN_DIALOGS.includes(name) });
        if (width === 390 || width === 1440) deepEqual(await findings(page, but), [], `axe at ${width} px`);
      }
    });

for (const [name, path, ready] of [
  ["dashboard", "/sites/huge?filter=page~is~/pricing", settled],
  ["live view", "/sites/huge?view=live", (page) => page.locator(".minute-chart svg").waitFor()],
  ["funnel", VIEWS["funnel-sessions"].path, reached],
  ["retention", "/sites/huge?view=retention&range=12mo", (page) => page.locator(".cohorts").waitFor()],
  ["paths", VIEWS["paths-to"].path, flowed],
])
  scenario(`no width between 390 and 1920 px scrolls the ${name} sideways, nor does a page from right to left`, async ({ open }) => {
    const page = await open(path);
    await ready(page);
    for (const direction of ["ltr", "rtl"]) {
      await page.evaluate((dir) => (document.documentElement.dir = dir), direction);
      for (let width = 390; width <= 1920; width += 90) {
        await page.setViewportSize({ width, height: 900 });
        await redrawn(page);
        equal(await overflow(page), 0, `${direction} at ${width} px`);
      }
    }
  });
