import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { addDays, addMonths, dayIn, dayRange, daysBetween, isDay, monday } from "./calendar";

test("days and months are those of the calendar, over leap days and turns of the year", () => {
  equal(addDays("2028-02-28", 1), "2028-02-29");
  equal(addDays("2026-01-01", -1), "2025-12-31");
  equal(addMonths("2026-01-31", 1), "2026-02-01");
  equal(addMonths("2026-01-15", -1), "2025-12-01");
  equal(monday("2026-11-24"), "2026-11-23");
  equal(monday("2026-11-29"), "2026-11-23");
  equal(daysBetween("2026-03-28", "2026-03-30"), 2);
});

test("an impossible day is none", () => {
  deepEqual(["2026-02-29", "2026-11-31", "2026-1-1", "", "2026-11-24"].map(isDay), [false, false, false, false, true]);
});

test("the day of an instant is the zone's", () => {
  const instant = Date.parse("2026-11-24T23:30:00Z");
  equal(dayIn("UTC", instant), "2026-11-24");
  equal(dayIn("Europe/Berlin", instant), "2026-11-25");
  equal(dayIn("America/Los_Angeles", instant), "2026-11-24");
  equal(dayIn("Mars/Olympus", instant), "2026-11-24", "an unknown zone counts as UTC");
});

test("a range says no more than it must", () => {
  equal(dayRange("2026-11-24", "2026-11-24"), "24 Nov 2026");
  equal(dayRange("2026-11-01", "2026-11-24"), "1\u201324 Nov 2026");
  equal(dayRange("2026-10-25", "2026-11-23"), "25 Oct \u2013 23 Nov 2026");
  equal(dayRange("2025-12-01", "2026-11-23"), "1 Dec 2025 \u2013 23 Nov 2026");
});
