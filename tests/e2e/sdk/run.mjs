// Runs the tests of the SDK for browsers: node tests/e2e/sdk/run.mjs [REPORT] [FILE…]
//
// First its functions, sdk/web/src/*.test.ts, then this folder's *.test.mjs in Chromium; or only the files named. The SDK is to be built
// before. REPORT gets three lines: passed, failed and skipped with their numbers ("-": no report). A skipped test counts as failed.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, "..", "..", "..", "sdk", "web", "src");
const [report, ...chosen] = process.argv.slice(2);

const filesIn = (folder, ending) => readdirSync(folder).filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
const folder = mkdtempSync(join(tmpdir(), "footfall-sdk-test-"));
const count = { passed: 0, failed: 0, skipped: 0 };
try {
  const units = filesIn(sources, ".test.ts");
  await build({ entryPoints: units, outdir: folder, bundle: true, platform: "node", format: "esm", outExtension: { ".js": ".mjs" }, define: { VERSION: '"0"' }, logLevel: "warning" });
  const files = chosen.length > 0 ? chosen.map((file) => resolve(file)) : [...filesIn(folder, ".mjs"), ...filesIn(here, ".test.mjs")];
  const events = run({ files, concurrency: Number(process.env.JOBS) || 2, timeout: 600_000 });
  const ended = new Promise((done) => events.on("end", done));
  // The runner reports each file as a test too; it counts only where it failed without any of its tests, for instance by not loading.
  const isFile = ({ name }) => files.some((file) => name === file || name === relative(process.cwd(), file));
  events.on("test:pass", (data) => {
    if (isFile(data)) return;
    const skipped = data.skip !== undefined || data.todo !== undefined;
    count[skipped ? "skipped" : "passed"] += 1;
    console.log(`${skipped ? "SKIP" : "ok  "}  ${data.name}`);
  });
  const failures = new Set();
  events.on("test:fail", (data) => {
    if (isFile(data) && failures.has(data.file)) return;
    failures.add(data.file);
    count.failed += 1;
    console.log(`FAIL  ${data.name}\n${data.details?.error?.cause?.stack ?? data.details?.error?.stack ?? ""}`);
  });
  events.resume();
  await ended;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (report && report !== "-") writeFileSync(report, Object.entries(count).map(([name, n]) => `${name} ${n}\n`).join(""));
console.log(`sdk: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed + count.skipped === 0 && count.passed > 0 ? 0 : 1;
