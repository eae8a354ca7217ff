// A user's own password. It ends every other session of that user, and so has a file, and a server, of its own.
import { equal } from "node:assert/strict";

import { scenario } from "./harness.mjs";
import { OWNER } from "./server.mjs";

const NEW_PASSWORD = "another horse, another battery";

async function signIn(page, password) {
  await page.getByLabel("Email").fill(OWNER.email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

scenario("a changed password is the only one that signs in, and ends what was signed in by the old one", async ({ open, call }) => {
  // The pages of other scenarios share a session; this one has its own.
  const other = await open("/account", { signedIn: false });
  await signIn(other, OWNER.password);
  await other.getByRole("heading", { name: "Account" }).waitFor();
  const page = await open("/account");
  await call(page, "/api/v1/sites", { name: "Shop", domain: "shop.example", timezone: "UTC" });
  const change = async (current) => {
    await page.getByLabel("Current password").fill(current);
    await page.getByLabel("New password").fill(NEW_PASSWORD);
    await page.getByRole("button", { name: "Change" }).click();
  };
  await change("not the password");
  await page.locator(".field-error, .form-error").first().waitFor();
  equal(await page.getByText("The password is changed.").count(), 0);
  await change(OWNER.password);
  await page.getByText("The password is changed.").waitFor();
  await other.reload();
  await other.getByRole("heading", { name: "Sign in" }).waitFor();

  await page.reload();
  await page.getByRole("heading", { name: "Account" }).waitFor();
  await page.locator("main").getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await signIn(page, OWNER.password);
  await page.getByRole("alert").filter({ hasText: "password" }).waitFor();
  const refused = await page.evaluate(() => fetch("/api/v1/session").then(({ status }) => status));
  equal(refused, 401);
  await signIn(page, NEW_PASSWORD);
  await page.getByRole("heading", { name: "Put one line into your pages" }).or(page.locator(".headline-value").first()).waitFor();
  equal(await page.evaluate(() => fetch("/api/v1/session").then(({ status }) => status)), 200);
});
