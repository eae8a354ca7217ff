// A browser and a real server for the tests of a file. A test fails too where a page throws, logs an error, opens a dialog or breaks the
// content security policy.
import { deepEqual } from "node:assert/strict";
import test, { after } from "node:test";

import { launch, WAIT_MS } from "../browser.mjs";
import { OWNER, startServer, USER_AGENT } from "./server.mjs";

let browser;
let server;
/** The owner's session, for every further context. */
let cookies;
let settings = {};
/** By the first test, when the file has said with which settings. */
let started;

/** Settings of the file's server that are not the defaults: {"query.timeout": "5s"}. */
export function serveWith(chosen) {
  settings = chosen;
}

async function start() {
  [browser, server] = await Promise.all([launch(), startServer(settings)]);
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(server.setupLink);
  await page.getByLabel("Email").fill(OWNER.email);
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByRole("heading", { name: "Add your first site" }).waitFor({ timeout: WAIT_MS });
  cookies = await context.cookies();
  await context.close();
}
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A test with the server, `open(path)`, which gives a page of its own context, signed in, and `call(page, path, body)`, its API. */
export function scenario(name, body) {
  test(name, async () => {
    await (started ??= start());
    const complaints = [];
    const contexts = [];
    const open = async (path, { width = 1280, height = 900, signedIn = true } = {}) => {
      const context = await browser.newContext({ viewport: { width, height }, userAgent: USER_AGENT, reducedMotion: "reduce" });
      contexts.push(context);
      context.setDefaultTimeout(WAIT_MS);
      if (signedIn) await context.addCookies(cookies);
      const page = await context.newPage();
      page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
      page.on("dialog", (dialog) => {
        complaints.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on("console", (message) => {
        // A status of 4xx or 5xx is logged by the browser itself; whether it was right is the test's matter.
        if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(message.text())) complaints.push(message.text());
      });
      await page.exposeBinding("tellViolation", (_, text) => complaints.push(text));
      await page.addInitScript(() => {
        addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
          globalThis.tellViolation(`violation of ${violatedDirective}: ${blockedURI} ${sample}`),
        );
      });
      await page.goto(path.startsWith("http") ? path : server.origin + path);
      return page;
    };
    try {
      await body({ server, open, call }).catch((error) => {
        // What the page complained of is mostly the reason.
        throw complaints.length > 0 ? new Error(complaints.join("\n").slice(0, 2_000), { cause: error }) : error;
      });
      deepEqual(complaints, []);
    } finally {
      await Promise.all(contexts.map((context) => context.close()));
    }
  });
}

/** Asks the server as the page itself would. */
function call(page, path, body) {
  return page.evaluate(
    async ([url, content]) => {
      const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: content });
      return response.json();
    },
    [path, JSON.stringify(body)],
  );
}
