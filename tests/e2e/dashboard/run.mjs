// The dashboard in a real browser, against a fixture: node tests/e2e/dashboard/run.mjs [OUT_DIR] [REPORT] [FILE…]
//
// Builds the page as it is shipped, and the story page beside it, into OUT_DIR (default: build/e2e/dashboard), then runs *.test.mjs,
// or those FILEs alone.
// Screenshots are left in OUT_DIR/screenshots. REPORT gets three lines: passed, failed and skipped with their numbers. The browser is
// Debian's chromium, or what CHROMIUM names.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { options, web } from "../../../web/bundle.mjs";
import { runFiles } from "../runner.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "..", "..", "..", "build", "e2e", "dashboard"));

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "screenshots"), { recursive: true });
execFileSync(process.execPath, [join(web, "build.mjs"), join(out, "page")], { stdio: "inherit" });
await build({ ...options, entryPoints: { main: "story/main.tsx" }, outdir: join(out, "story"), chunkNames: "[name]-[hash]", write: true });
writeFileSync(join(out, "story", "index.html"), readFileSync(join(web, "story", "index.html")));

const asked = process.argv.slice(4);
const files = readdirSync(here)
  .filter((name) => name.endsWith(".test.mjs") && (asked.length === 0 || asked.includes(name)))
  .map((name) => join(here, name));
process.env.FOOTFALL_E2E_OUT = out;
await runFiles("dashboard", files, process.argv[3]);
