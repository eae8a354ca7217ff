import { equal } from "node:assert/strict";
import test from "node:test";

import { csvText, fileName } from "./csv";

test("a file's name is one for every file system", () => {
  equal(fileName("demo page 2026-10-26..2026-11-24"), "demo-page-2026-10-26..2026-11-24.csv");
  equal(fileName("../a:b/\\ entry_page 30d"), "a-b-entry_page-30d.csv");
});

test("a table is written as the server writes one: what a spreadsheet would calculate is text", () => {
  equal(
    csvText([
      ["name", "n"],
      ['a "b", c', 1.5],
      ["=1+1", -2],
      ["@x", null],
      ["two\nlines", 0],
      ["", 3],
    ]),
    'name,n\r\n"a ""b"", c",1.5\r\n"\'=1+1",-2\r\n"\'@x",\r\n"two\nlines",0\r\n,3\r\n',
  );
});
