// Runs test files, in a browser one after the other, prints a line a test, and counts: what run.mjs of each folder and web/test.mjs are made of.
import { writeFileSync } from "node:fs";
import { run } from "node:test";

const FILE_TIMEOUT_MS = 15 * 60_000;

/** `report` gets three lines: passed, failed and skipped with their numbers. The process fails where a test failed, was skipped, or none ran. */
export async function runFiles(name, files, report, { concurrency = 1 } = {}) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const events = run({ files, concurrency, timeout: FILE_TIMEOUT_MS });
  const ended = new Promise((done) => events.on("end", done));
  // The runner reports each file as a test too; it counts only where it failed without any of its tests.
  const isFile = ({ name: test }) => files.some((file) => file.endsWith(test) || test.endsWith(file));
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
  const lines = Object.entries(count).map(([word, n]) => `${word} ${n}\n`);
  if (report) writeFileSync(report, lines.join(""));
  console.log(`${name}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  process.exitCode = count.failed === 0 && count.skipped === 0 && count.passed > 0 ? 0 : 1;
}
