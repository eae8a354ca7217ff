// Runs the tests of the SDK for browsers: node tests/e2e/sdk/run.mjs [REPORT] [FILE…]
//
// First its functions, sdk/web/src/*.test.ts, then this folder's *.test.mjs in Chromium; or only the files named. The SDK is to be built
// before. REPORT gets three lines: passed, failed and skipped with their numbers ("-": no report). A skipped test counts as failed.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { runFiles } from "../runner.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, "..", "..", "..", "sdk", "web", "src");
const [report, ...chosen] = process.argv.slice(2);

const filesIn = (folder, ending) => readdirSync(folder).filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
const folder = mkdtempSync(join(tmpdir(), "footfall-sdk-test-"));
try {
  const units = filesIn(sources, ".test.ts");
  await build({ entryPoints: units, outdir: folder, bundle: true, platform: "node", format: "esm", outExtension: { ".js": ".mjs" }, define: { VERSION: '"0"' }, logLevel: "warning" });
  const files = chosen.length > 0 ? chosen.map((file) => resolve(file)) : [...filesIn(folder, ".mjs"), ...filesIn(here, ".test.mjs")];
  await runFiles("sdk", files, report === "-" ? undefined : report, { concurrency: Number(process.env.JOBS) || 2 });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
