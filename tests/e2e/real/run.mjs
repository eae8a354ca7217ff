// The dashboard and the SDK in a real browser against the real server: node tests/e2e/real/run.mjs [REPORT]
//
// FOOTFALL_BINARY names the program (default: build/dev/src/app/footfall); the page and the script are those within it. REPORT gets three
// lines: passed, failed and skipped with their numbers.
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { runFiles } from "../runner.mjs";

const here = dirname(fileURLToPath(import.meta.url));
process.env.FOOTFALL_BINARY = resolve(process.env.FOOTFALL_BINARY ?? join(here, "..", "..", "..", "build", "dev", "src", "app", "footfall"));
const files = ["visit.test.mjs", "filter.test.mjs", "funnels.test.mjs", "account.test.mjs", "live.test.mjs", "sampling.test.mjs", "xss.test.mjs"].map((name) => join(here, name));
await runFiles("real", files, process.argv[2]);
