import { equal } from "node:assert/strict";
import test from "node:test";

import { fileName } from "./csv";

test("a file's name is one for every file system", () => {
  equal(fileName("demo page 2026-10-26..2026-11-24"), "demo-page-2026-10-26..2026-11-24.csv");
  equal(fileName("../a:b/\\ entry_page 30d"), "a-b-entry_page-30d.csv");
});
