// Runs the page's unit tests, web/**/*.test.ts: node web/test.mjs [REPORT]
//
// They are bundled by esbuild and run by Node's own runner. REPORT gets three lines: passed, failed and skipped with their numbers.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const web = dirname(fileURLToPath(import.meta.url));

function testsIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testsIn(path);
    return entry.name.endsWith(".test.ts") ? [path] : [];
  });
}

const sources = testsIn(web);
const folder = mkdtempSync(join(tmpdir(), "footfall-web-test-"));
const count = { passed: 0, failed: 0, skipped: 0 };
try {
  await build({ entryPoints: sources, outbase: web, outdir: folder, bundle: true, platform: "node", format: "esm", outExtension: { ".js": ".mjs" }, logLevel: "warning" });
  const files = sources.map((source) => join(folder, relative(web, source).replace(/\.ts$/, ".mjs")));
  const events = run({ files, concurrency: true, timeout: 60_000 });
  const ended = new Promise((resolve) => events.on("end", resolve));
  // The runner reports each file as a test too; it counts only where it failed without any of its tests, for instance by not loading.
  const isFile = ({ name }) => files.some((file) => name === file || name === relative(process.cwd(), file));
  events.on("test:pass", (data) => {
    if (isFile(data)) return;
    if (data.skip !== undefined || data.todo !== undefined) count.skipped += 1;
    else count.passed += 1;
    console.log(`ok    ${data.name}`);
  });
  events.on("test:fail", (data) => {
    if (isFile(data) && count.failed > 0) return;
    count.failed += 1;
    console.log(`FAIL  ${data.name}\n${data.details?.error?.cause?.stack ?? data.details?.error?.stack ?? ""}`);
  });
  events.resume();
  await ended;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (process.argv[2]) writeFileSync(process.argv[2], Object.entries(count).map(([name, n]) => `${name} ${n}\n`).join(""));
console.log(`web: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;
