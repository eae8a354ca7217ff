// The dashboard in a real browser, against a fixture: node tests/e2e/dashboard/run.mjs [OUT_DIR] [REPORT]
//
// Builds the page as it is shipped, and the story page beside it, into OUT_DIR (default: build/e2e/dashboard), then runs *.test.mjs.
// Screenshots are left in OUT_DIR/screenshots. REPORT gets three lines: passed, failed and skipped with their numbers. The browser is
// Debian's chromium, or what CHROMIUM names.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { options, web } from "../../../web/bundle.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "..", "..", "..", "build", "e2e", "dashboard"));
const FILE_TIMEOUT_MS = 15 * 60_000;

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "screenshots"), { recursive: true });
execFileSync(process.execPath, [join(web, "build.mjs"), join(out, "page")], { stdio: "inherit" });
await build({ ...options, entryPoints: { main: "story/main.tsx" }, outdir: join(out, "story"), chunkNames: "[name]-[hash]", write: true });
writeFileSync(join(out, "story", "index.html"), readFileSync(join(web, "story", "index.html")));

const files = readdirSync(here)
  .filter((name) => name.endsWith(".test.mjs"))
  .map((name) => join(here, name));
const count = { passed: 0, failed: 0, skipped: 0 };
process.env.FOOTFALL_E2E_OUT = out;
const events = run({ files, concurrency: 1, timeout: FILE_TIMEOUT_MS });
const ended = new Promise((done) => events.on("end", done));
// The runner reports each file as a test too; it counts only where it failed without any of its tests.
const isFile = ({ name }) => files.some((file) => file.endsWith(name) || name.endsWith(file));
events.on("test:pass", (data) => {
  if (isFile(data)) return;
  if (data.skip !== undefined || data.todo !== undefined) count.skipped += 1;
  else count.passed += 1;
  console.log(`ok    ${data.name} (${(data.details.duration_ms / 1000).toFixed(1)} s)`);
});
events.on("test:fail", (data) => {
  if (isFile(data) && count.failed > 0) return;
  count.failed += 1;
  console.log(`FAIL  ${data.name}\n${data.details?.error?.cause?.stack ?? data.details?.error?.stack ?? ""}`);
});
events.resume();
await ended;
if (process.argv[3])
  writeFileSync(
    process.argv[3],
    Object.entries(count)
      .map(([name, n]) => `${name} ${n}\n`)
      .join(""),
  );
console.log(`dashboard: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed === 0 && count.skipped === 0 && count.passed > 0 ? 0 : 1;
