// Sign-in, set-up, account and sites.
import { equal, match } from "node:assert/strict";

import { settled } from "../browser.mjs";
import { scenario } from "./harness.mjs";
import { OWNER } from "./server.mjs";

const button = (page, name) => page.getByRole("button", { name });

async function enter(page, email, password) {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await button(page, "Sign in").click();
}

scenario("whoever is not signed in is asked to, and is then where they wanted to be", async ({ open }) => {
  const page = await open("/sites/huge?range=7d", { signedIn: false });
  await enter(page, OWNER.email, "wrong");
  await page.getByText("the mail address or the password is wrong").waitFor();
  await enter(page, OWNER.email, "too often");
  await page.getByText("Too many attempts. Try again in 30 s.").waitFor();
  await enter(page, OWNER.email, OWNER.password);
  await settled(page);
  match(page.url(), /\/sites\/huge\?range=7d$/);
});

scenario("whoever is not signed in sees what the server takes in", async ({ open }) => {
  const page = await open("/", { signedIn: false });
  await page.getByText("Server status: 425 events accepted in the last 10 minutes").waitFor();
  equal(await page.getByRole("link", { name: "Server status" }).getAttribute("href"), "/status");
});

scenario("a session that ends meanwhile asks to sign in, and goes on in the same view", async ({ fixture, open }) => {
  const page = await open("/sites/demo?range=7d");
  await settled(page);
  fixture.sessions.clear();
  await page.getByRole("tab", { name: "Browsers" }).click();
  await page.getByText("Your session has ended.").waitFor();
  await enter(page, OWNER.email, OWNER.password);
  await settled(page);
  match(page.url(), /\/sites\/demo\?range=7d&tab.devices=browser$/);
});

scenario("a one-time link signs in, and its secret leaves the address", async ({ open }) => {
  const page = await open("/sign-in#token=one-time", { signedIn: false });
  await settled(page);
  match(page.url(), /\/sites\/demo$/);
  const used = await open("/sign-in#token=old", { signedIn: false });
  await used.getByText("This link was used already, or is too old.").waitFor();
  equal(new URL(used.url()).hash, "");
});

scenario("the first account is made by the link of the set-up", async ({ fixture, open }) => {
  fixture.setupToken = "secret";
  const page = await open("/setup#token=secret", { signedIn: false });
  await page.getByRole("heading", { name: "Make the first account" }).waitFor();
  equal(new URL(page.url()).hash, "");
  await page.getByLabel("Email").fill("first@example.org");
  await page.getByLabel("Password").fill("long enough");
  await button(page, "Make the account").click();
  await settled(page);
  const late = await open("/setup#token=secret", { signedIn: false });
  await late.getByLabel("Email").fill("second@example.org");
  await late.getByLabel("Password").fill("long enough");
  await button(late, "Make the account").click();
  await late.getByText("this link was used already, or is too old").waitFor();
});

scenario("while nobody has an account, the page says how the first one is made", async ({ fixture, open }) => {
  fixture.setupToken = "secret";
  const page = await open("/", { signedIn: false });
  await page.getByText("Nobody has an account here yet.").waitFor();
});

scenario("a password is changed, and what is wrong is said at its field", async ({ fixture, open }) => {
  const page = await open("/account");
  await page.getByLabel("Current password").fill("wrong");
  await page.getByLabel("New password").fill("better horse");
  await button(page, "Change").click();
  await page.getByText("the current password is wrong").waitFor();
  equal(await page.getByLabel("Current password").getAttribute("aria-invalid"), "true");
  equal(await page.getByLabel("New password").inputValue(), "better horse", "what was typed is kept");
  await page.getByLabel("Current password").fill(OWNER.password);
  await button(page, "Change").click();
  await page.getByText("The password is changed.").waitFor();
  equal(fixture.password, "better horse");
});

scenario("signing out ends the session", async ({ fixture, open }) => {
  const page = await open("/account");
  await button(page, "Sign out").click();
  await button(page, "Sign in").waitFor();
  equal(fixture.sessions.size, 0);
  equal(new URL(page.url()).pathname, "/sign-in");
});

scenario("a sign-out that fails is told, and nobody looks signed out who is not", async ({ fixture, open }) => {
  const page = await open("/account");
  await page.route("**/api/v1/session", (route) => (route.request().method() === "DELETE" ? route.abort() : route.continue()));
  await button(page, "Sign out").click();
  const alert = page.getByRole("alert").filter({ hasText: "You are still signed in. The server does not answer." });
  await alert.waitFor();
  equal(new URL(page.url()).pathname, "/account");
  equal(fixture.sessions.size, 1);
  await page.unroute("**/api/v1/session");
  await alert.getByRole("button", { name: "Sign out again" }).click();
  await button(page, "Sign in").waitFor();
  equal(fixture.sessions.size, 0);
});

scenario("a session that is over already is signed out without an error", async ({ fixture, open }) => {
  const page = await open("/account");
  await button(page, "Sign out").waitFor();
  fixture.sessions.clear();
  await button(page, "Sign out").click();
  await button(page, "Sign in").waitFor();
  equal(new URL(page.url()).pathname, "/sign-in");
});

scenario("a site is added by a pasted address, and waits for its first visit", async ({ open }) => {
  const page = await open("/add-site");
  await page.getByLabel("Domain").fill("nodot");
  await page.getByLabel("Time zone").fill("Europe/Paris");
  await button(page, "Add the site").click();
  await page.getByText("a domain has a dot").waitFor();
  await page.getByLabel("Domain").fill("https://www.Example.org/blog?x=1");
  await button(page, "Add the site").click();
  await page.waitForURL("**/sites/added");
  await page.getByText('data-site="added"').first().waitFor();
  await button(page, "Site: www.example.org").waitFor();
});

scenario("a viewer is not offered what a viewer may not do", async ({ open }) => {
  const page = await open("/add-site", { role: "viewer" });
  await page.getByText("you are a viewer").waitFor();
  await button(page, /^Account/).click();
  equal(await page.getByRole("menuitem", { name: "Add a site" }).count(), 0);
});

scenario("a server that is silent is named, and asked again", async ({ open }) => {
  const page = await open("/sign-in");
  await page.route("**/api/v1/session", (route) => route.abort());
  await page.goto("/sites/demo");
  await page.getByText("The server does not answer.").waitFor();
  await page.unroute("**/api/v1/session");
  await button(page, "Try again").click();
  await settled(page);
});
