import { deepEqual, equal, ok } from "node:assert/strict";
import test from "node:test";

import { parseView } from "../app/state";
import {
  type Box,
  flowOf,
  linksTable,
  neighboursOf,
  NODE_HEIGHT_MIN,
  nodesTable,
  PATHS_TOLD,
  type PathsAnswer,
  pathsRequest,
  pathsTable,
} from "./paths";

const base = { website_id: "s", time_range: "7d", filters: [["country", "is", ["DE"]]] } as const;

test("an address is a question", () => {
  const rest = { depth: 5, nodes: "pages", collapse: true, limit: 8, paths_limit: PATHS_TOLD };
  deepEqual(pathsRequest(base, parseView("?view=paths")), { ...base, ...rest });
  deepEqual(pathsRequest(base, parseView("?from=event~sign!~up&depth=3&branches=20&nodes=both&repeats=keep")), {
    ...base,
    ...rest,
    from: { event: "sign~up" },
    depth: 3,
    nodes: "both",
    collapse: false,
    limit: 20,
  });
  deepEqual(pathsRequest(base, parseView("?to=goal~Bought")), { ...base, ...rest, to: { goal: "Bought" } });
});

const node = (value: string | null, sessions: number, ended = 0) => ({
  value,
  kind: value === null ? null : ("page" as const),
  sessions,
  ended,
  is_other: value === null,
});

/** Of 100, 40 left at the first page; of the others half went to each of two, and half of those of "/b" left. */
const answer: PathsAnswer = {
  sessions: 100,
  steps: [
    { depth: 1, sessions: 100, ended: 40, nodes: [node("/", 80, 40), node(null, 20)] },
    { depth: 2, sessions: 60, ended: 15, nodes: [node("/b", 30, 15), node("=c", 30)] },
  ],
  links: [
    { depth: 1, source: 0, target: 1, sessions: 25 },
    { depth: 1, source: 0, target: 0, sessions: 15 },
    { depth: 1, source: 1, target: 0, sessions: 15 },
    { depth: 1, source: 1, target: 1, sessions: 5 },
  ],
  paths: [{ nodes: [{ value: "/", kind: "page" }], sessions: 40, rate: 40 }],
  meta: {} as PathsAnswer["meta"],
};

test("columns fill the room from start to end, and backwards from end to start", () => {
  const flow = flowOf(answer, 900, false);
  const [first, second] = flow.boxes.map(([box]) => box);
  equal(first?.x, 0);
  equal(Math.round(flow.width), 900);
  ok(second && second.x + second.width <= 900 - 14 + 0.001, "those who left have their place behind the last column");
  const back = flowOf(answer, 900, true);
  ok((back.boxes[0]?.[0]?.x ?? 0) > (back.boxes[1]?.[0]?.x ?? 0));
  equal(Math.round((back.boxes[0]?.[0]?.x ?? 0) + (back.boxes[0]?.[0]?.width ?? 0)), 900);
  const many = Array.from({ length: 10 }, () => ({ depth: 1, sessions: 0, ended: 0, nodes: [] }));
  ok(flowOf({ sessions: 1, steps: many, links: [] }, 600, false).width > 1_500, "too many scroll");
});

test("a node is as high as its sessions, and never too low for its text; none lies on another", () => {
  const { boxes, height } = flowOf(answer, 900, false);
  const [big, small] = (boxes[0] ?? []) as [Box, Box];
  equal(big.height, (80 * 320) / 100);
  equal(small.height, NODE_HEIGHT_MIN, "20 of 100 are as low as three lines");
  ok(small.y > big.height);
  equal(height, small.y + small.height);
});

test("bands and those who left take the whole side of a node, in its scale", () => {
  const { bands, boxes } = flowOf(answer, 900, false);
  equal(bands.length, 6);
  const out = bands.filter(({ depth, source }) => depth === 1 && source === 0);
  equal(
    out.reduce((sum, { thickness }) => sum + thickness, 0),
    boxes[0]?.[0]?.height,
  );
  deepEqual(
    out.map(({ target, sessions }) => [target, sessions]),
    [
      [0, 15],
      [1, 25],
      [undefined, 40],
    ],
  );
  const starts = out.map(({ line }) => Number(/^M\S+ ([\d.]+)/.exec(line)?.[1]));
  deepEqual(starts, [24, 88, 192], "one below the other");
});

test("a node knows where its sessions went and came from, most first", () => {
  const names = (depth: number, index: number, which: "next" | "before") =>
    neighboursOf(answer, depth, index, which).map(({ value, sessions }) => [value, sessions]);
  deepEqual(names(1, 0, "next"), [["=c", 25], ["/b", 15]]);
  deepEqual(names(2, 0, "before"), [["/", 15], [null, 15]]);
  deepEqual(names(2, 0, "next"), []);
  deepEqual(names(1, 0, "before"), []);
});

test("nobody is drawn as nothing", () => {
  deepEqual(flowOf({ sessions: 0, steps: [], links: [] }, 900, false).boxes, []);
  equal(flowOf({ sessions: 0, steps: [], links: [] }, 900, false).height, 0);
});

test("files have the names of the answer", () => {
  deepEqual(nodesTable(answer).slice(0, 3), [
    ["depth", "value", "kind", "is_other", "sessions", "ended"],
    [1, "/", "page", false, 80, 40],
    [1, null, null, true, 20, 0],
  ]);
  deepEqual(linksTable(answer).slice(0, 2), [
    ["depth", "source", "source_kind", "target", "target_kind", "sessions"],
    [1, "/", "page", "=c", "page", 25],
  ]);
  deepEqual(pathsTable(answer), [
    ["sessions", "rate", "node_1", "node_2"],
    [40, 40, "/", null],
  ]);
});
