// Runs test files, in a browser one after the other, prints a line a test, and counts: what run.mjs of each folder and web/test.mjs are made of.
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { run } from "node:test";

const FILE_TIMEOUT_MS = 25 * 60_000;

/** `report` gets three lines: passed, failed and skipped with their numbers. The process fails where a test failed, was skipped, or none ran. */
export async function runFiles(name, files, report, { concurrency = 1 } = {}) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const events = run({ files, concurrency, timeout: FILE_TIMEOUT_MS });
  const ended = new Promise((done) => events.on("end", done));
  // The runner reports each file as a test too; it counts only where it failed without any of its tests, for instance by not loading.
  const isFile = ({ name: test }) => files.some((file) => test === file || test === relative(process.cwd(), file));
  events.on("test:pass", (data) => {
    if (isFile(data)) return;
    const skipped = data.skip !== undefined || data.todo !== undefined;
    count[skipped ? "skipped" : "passed"] += 1;
    console.log(`${skipped ? "SKIP" : "ok  "}  ${data.name} (${(data.details.duration_ms / 1000).toFixed(1)} s)`);
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
  const lines = Object.entries(count).map(([word, n]) => `${word} ${n}\n`);
  if (report) writeFileSync(report, lines.join(""));
  console.log(`${name}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  process.exitCode = count.failed === 0 && count.skipped === 0 && count.passed > 0 ? 0 : 1;
}
