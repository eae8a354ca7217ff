// Runs the page's unit tests, web/**/*.test.ts: node web/test.mjs [REPORT]
//
// They are bundled by esbuild and run by Node's own runner. REPORT gets three lines: passed, failed and skipped with their numbers.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { runFiles } from "../tests/e2e/runner.mjs";

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
try {
  await build({ entryPoints: sources, outbase: web, outdir: folder, bundle: true, platform: "node", format: "esm", outExtension: { ".js": ".mjs" }, logLevel: "warning" });
  const files = sources.map((source) => join(folder, relative(web, source).replace(/\.ts$/, ".mjs")));
  await runFiles("web", files, process.argv[2], { concurrency: true });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
