// Questions that take long: how far they are is told while they are awaited, quietly, and a question that nobody waits for is given up.
import { deepEqual, equal, ok } from "node:assert/strict";

import { drawn, WAIT_MS } from "../browser.mjs";
import { scenario } from "./harness.mjs";

const FUNNEL = "/sites/demo?view=funnel&step=page~/&step=page~/pricing";
const VIEWS = {
  funnel: { path: FUNNEL, answered: ".funnel" },
  retention: { path: "/sites/demo?view=retention", answered: ".cohorts" },
  paths: { path: "/sites/demo?view=paths", answered: ".flow" },
};

/** Holds the questions; `say()` tells how far the latest is, `release()` answers those that wait. */
function held(fixture) {
  const waiting = [];
  let arrived;
  let next = new Promise((done) => (arrived = done));
  fixture.beforeAsked = (body, say) =>
    new Promise((answer, fail) => {
      waiting.push({ body, say, answer, fail });
      arrived();
    });
  return {
    /** The next question that comes, or the one that has come. */
    async question() {
      await next;
      next = new Promise((done) => (arrived = done));
      return waiting.at(-1);
    },
  };
}

const far = (rows_read, rows_total, elapsed_ms = 1_000) => ({ rows_read, rows_total, elapsed_ms });
const bar = (page) => page.getByRole("progressbar");
const text = (page, words) => page.locator(".waiting-far").getByText(words, { exact: true });

for (const [name, { path, answered }] of Object.entries(VIEWS))
  scenario(`the ${name} says how far it is, in words and as a bar, until it is there`, async ({ fixture, open }) => {
    const asked = held(fixture);
    const page = await open(path);
    const question = await asked.question();
    question.say(far(8_192, null, 250));
    question.say(far(16_384, null, 750));
    await text(page, "16.4 thousand rows read").waitFor();
    equal(await bar(page).evaluate((element) => element.position), -1, "of what is not known it is no share");
    question.say(far(12_345_678, 30_000_000));
    await text(page, "12.3 million of 30 million rows read").waitFor();
    equal(await page.getByRole("progressbar", { name: "12.3 million of 30 million rows read" }).count(), 1);
    ok(Math.abs((await bar(page).evaluate((element) => element.position)) - 12_345_678 / 30_000_000) < 1e-9);
    // A server that lost count says so.
    question.say(far(12_400_000, null));
    await text(page, "12.4 million rows read").waitFor();
    equal(await bar(page).evaluate((element) => element.position), -1);
    question.answer();
    await page.locator(answered).waitFor();
    equal(await bar(page).count() + (await page.locator(".waiting-far").count()), 0);
    deepEqual(fixture.left, []);
  });

scenario("what takes less than half a second is not told of, nor is a server that says nothing", async ({ fixture, open }) => {
  const shown = async (page) => {
    await page.evaluate(() => {
      globalThis.bars = 0;
      new MutationObserver(() => (globalThis.bars += document.querySelectorAll("progress").length)).observe(document, { subtree: true, childList: true });
    });
    await page.getByLabel("Within").selectOption("1d");
    await page.locator(".funnel-panel .stale").waitFor();
  };
  const asked = held(fixture);
  const page = await open(FUNNEL);
  (await asked.question()).answer();
  await page.locator(".funnel").waitFor();
  await shown(page);
  let question = await asked.question();
  question.say(far(8_192, 16_384, 250));
  question.say(far(16_384, 16_384, 499));
  question.answer();
  await page.waitForFunction(() => !document.querySelector(".stale"));
  equal(await page.evaluate(() => globalThis.bars), 0);

  fixture.streams = false;
  await page.getByLabel("Within").selectOption("1h");
  question = await asked.question();
  question.say(far(8_192, 16_384));
  question.answer();
  await page.waitForFunction(() => !document.querySelector(".stale"));
  equal(fixture.asked.at(-1).window_seconds, 3_600);
  equal(await page.locator(".funnel > li").count(), 2);
  equal(await page.evaluate(() => globalThis.bars), 0);
});

scenario("a screen reader is told once, and nothing moves", async ({ fixture, open }) => {
  const asked = held(fixture);
  const page = await open(FUNNEL, { width: 390, height: 844 });
  (await asked.question()).answer();
  await page.locator(".funnel").waitFor();
  const place = () => page.locator(".funnel").boundingBox();
  await page.getByLabel("Within").selectOption("1d");
  const question = await asked.question();
  await page.locator(".funnel-panel .stale").waitFor();
  const before = await place();
  await page.evaluate(() => {
    globalThis.said = [];
    const regions = () => [...document.querySelectorAll("[role=status], [role=alert], [aria-live]")].map(({ textContent }) => textContent).join("|");
    let last = regions();
    new MutationObserver(() => {
      if (regions() !== last) globalThis.said.push((last = regions()));
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  for (let read = 1; read <= 8; read += 1) question.say(far(read * 1_100_000, 10_000_000, 250 * read));
  await text(page, "8.8 million of 10 million rows read").waitFor();
  equal((await page.evaluate(() => globalThis.said)).length, 1);
  equal(await page.locator(".funnel-panel .waiting [role=status]").textContent(), "Still counting.");
  deepEqual(await place(), before);
  question.say(far(999_949_999, 999_999_999));
  await text(page, "999.9 million of 1 billion rows read").waitFor();
  deepEqual(await place(), before, "whatever the numbers are");
  question.answer();
  await page.waitForFunction(() => !document.querySelector(".stale, progress"));
});

scenario("an open question is given up where it changes, and where its view is left", async ({ fixture, open }) => {
  const asked = held(fixture);
  const page = await open(FUNNEL);
  const first = await asked.question();
  first.say(far(1_000_000, 2_000_000));
  await text(page, "1 million of 2 million rows read").waitFor();
  await page.getByLabel("Within").selectOption("1h");
  const second = await asked.question();
  await page.waitForFunction(() => !document.querySelector("progress"), undefined, { timeout: WAIT_MS });
  first.say(far(1_900_000, 2_000_000));
  second.say(far(5_000, 2_000_000));
  await text(page, "5 thousand of 2 million rows read").waitFor();
  deepEqual(fixture.left.map(({ window_seconds }) => window_seconds), [604_800]);
  await page.getByRole("link", { name: "Retention" }).click();
  const third = await asked.question();
  await page.locator(".retention-panel").waitFor();
  equal(await bar(page).count(), 0);
  third.answer();
  await page.locator(".cohorts").waitFor();
  deepEqual(fixture.left.map(({ window_seconds }) => window_seconds), [604_800, 3_600]);
});

scenario("what fails on the way stands where it belongs, and can be tried again", async ({ fixture, open }) => {
  const asked = held(fixture);
  const page = await open(FUNNEL);
  let question = await asked.question();
  question.say(far(1_000_000, 2_000_000));
  await bar(page).waitFor();
  question.fail({ error: { code: "query_timeout", message: "it took longer than query.timeout" } });
  await page.getByRole("alert").getByText("it took longer than query.timeout").waitFor();
  equal(await bar(page).count(), 0);
  await page.getByRole("button", { name: "Try again" }).click();
  question = await asked.question();
  question.say(far(1_000_000, 2_000_000));
  await bar(page).waitFor();
  question.fail({ error: { code: "unsupported_filter", field: "steps[1]", message: "that step is too much" } });
  await page.locator(".steps > li").nth(1).getByRole("alert").getByText("that step is too much").waitFor();

  await page.getByLabel("Within").selectOption("1h");
  question = await asked.question();
  question.say(far(1_000_000, 2_000_000));
  await bar(page).waitFor();
  fixture.server.closeAllConnections();
  await page.getByRole("alert").getByText("The answer broke off.").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  (await asked.question()).answer();
  await page.locator(".funnel").waitFor();
  equal(await page.getByRole("alert").count(), 0);
});

scenario("the list of who was lost says how far it is too", async ({ fixture, open }) => {
  const asked = held(fixture);
  const page = await open(FUNNEL);
  (await asked.question()).answer();
  await page.locator(".funnel").waitFor();
  await page.getByRole("button", { name: /lost before step 2: who$/ }).click();
  const question = await asked.question();
  const dialog = page.getByRole("dialog", { name: "Lost before step 2" });
  question.say(far(1_000_000, 2_000_000));
  await text(dialog, "1 million of 2 million rows read").waitFor();
  question.answer();
  await dialog.getByText("The latest 200 visitors.").waitFor();
  await drawn(page);
  equal(await dialog.locator("progress").count(), 0);
});
