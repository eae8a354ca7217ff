import { deepEqual, equal, ok } from "node:assert/strict";
import test from "node:test";

import type { Answer, BatchAnswer, Query } from "../lib/query";
import { Board } from "./board";

const query = (metric: string, site = "s", range = "7d"): Query => ({ website_id: site, metrics: [metric], time_range: range });
const answer = (value: number) => ({ columns: [], rows: [[value]], totals: {}, comparison: null }) as unknown as Answer;

/** A server whose answers the test gives when it likes. */
function server(partOf?: (key: string) => string) {
  const requests: {
    queries: readonly Query[];
    signal: AbortSignal;
    answer: (answers: BatchAnswer[]) => Promise<void>;
    fail: (error: Error) => Promise<void>;
  }[] = [];
  const board = new Board(
    (queries, signal) =>
      new Promise((resolve, reject) => {
        const settled = async (settle: () => void) => {
          settle();
          for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
        };
        requests.push({ queries, signal, answer: (answers) => settled(() => resolve(answers)), fail: (error) => settled(() => reject(error)) });
      }),
    undefined,
    partOf,
  );
  return { board, requests, first: () => requests[0]!, last: () => requests[requests.length - 1]! };
}

test("a part of a page is one request, and only what changes is asked again", async () => {
  const { board, requests, last } = server();
  board.show({ a: query("visitors"), b: query("pageviews") });
  equal(requests.length, 1);
  deepEqual(
    last().queries.map(({ metrics }) => metrics[0]),
    ["visitors", "pageviews"],
  );
  await last().answer([answer(1), answer(2)]);
  deepEqual(board.reply("b").value.answer?.rows, [[2]]);
  board.show({ a: query("visitors"), b: query("events") });
  equal(requests.length, 2);
  deepEqual(
    last().queries.map(({ metrics }) => metrics[0]),
    ["events"],
  );
});

test("old numbers stay while the same is asked for another range, and go where they would mean something else", async () => {
  const { board, last } = server();
  board.show({ a: query("visitors") });
  await last().answer([answer(1)]);
  board.show({ a: query("visitors", "s", "30d") });
  ok(board.reply("a").value.waiting && board.reply("a").value.answer);
  const by = (dimension: string): Query => ({ ...query("visitors"), dimensions: [dimension] });
  board.show({ a: query("visitors", "s", "30d"), b: by("date"), c: by("page") });
  await last().answer([answer(2), answer(3)]);
  board.show({ a: query("visitors", "s", "30d"), b: by("week"), c: by("source") });
  ok(board.reply("b").value.waiting && board.reply("b").value.answer, "by the week is the same as by the day");
  ok(board.reply("c").value.waiting && !board.reply("c").value.answer);
  board.show({ a: query("visitors", "other") });
  ok(board.reply("a").value.waiting && !board.reply("a").value.answer);
});

test("an answer to an old question is not shown, and its request is given up", async () => {
  const { board, first, last } = server();
  board.show({ a: query("visitors") });
  board.show({ a: query("visitors", "s", "30d") });
  ok(first().signal.aborted);
  await first().answer([answer(1)]);
  equal(board.reply("a").value.answer, undefined);
  await last().answer([answer(30)]);
  deepEqual(board.reply("a").value.answer?.rows, [[30]]);
});

test("a request goes on while one of its questions is still wanted", async () => {
  const { board, first } = server();
  board.show({ a: query("visitors"), b: query("pageviews") });
  board.show({ a: query("visitors"), b: query("events") });
  ok(!first().signal.aborted);
  await first().answer([answer(1), answer(2)]);
  deepEqual(board.reply("a").value.answer?.rows, [[1]]);
  ok(board.reply("b").value.waiting);
});

test("one question may fail alone, a failed request fails each, and retry asks those that failed", async () => {
  const { board, requests, last } = server();
  board.show({ a: query("visitors"), b: query("money") });
  await last().answer([answer(1), { error: { code: "unknown_metric", message: "no" } }]);
  equal(board.reply("b").value.error?.message, "no");
  board.retry();
  equal(last().queries.length, 1);
  await last().fail(new Error("gone"));
  equal(board.reply("b").value.error?.message, "gone");
  equal(board.reply("a").value.error, undefined);
  equal(requests.length, 2);
});

test("numbers of another range do not stand beside an error, those of the same question do", async () => {
  const { board, last } = server();
  board.show({ a: query("visitors") });
  await last().answer([answer(1)]);
  board.refresh();
  await last().fail(new Error("away"));
  deepEqual(board.reply("a").value.answer?.rows, [[1]]);
  ok(board.reply("a").value.error);
  board.show({ a: query("visitors", "s", "12mo") });
  await last().fail(new Error("away"));
  equal(board.reply("a").value.answer, undefined);
  ok(board.reply("a").value.error && !board.reply("a").value.waiting);
});

test("a question that is put again is heard by whoever followed it before", async () => {
  const { board, requests, last } = server();
  const followed = board.reply("a");
  board.show({ b: query("pageviews") });
  board.show({ a: query("visitors"), b: query("pageviews") });
  await last().answer([answer(1)]);
  deepEqual(followed.value.answer?.rows, [[1]]);
  board.show({ b: query("pageviews") });
  ok(followed.value.waiting && !followed.value.answer);
  board.show({ a: query("visitors"), b: query("pageviews") });
  await last().answer([answer(2)]);
  deepEqual(followed.value.answer?.rows, [[2]]);
  equal(requests.length, 3);
});

/** Two parts: a and b, and c. */
function parted() {
  const { board, requests } = server((key) => (key === "c" ? "below" : "top"));
  board.show({ a: query("visitors"), c: query("events"), b: query("pageviews") }, "7d");
  const asked = () => requests.map(({ queries }) => queries.map(({ metrics }) => metrics[0]));
  const states = () => ["a", "b", "c"].map((key) => board.reply(key).value).map(({ answer: given, error, waiting }) => `${given?.rows[0]?.[0] ?? ""}${error ? "!" : ""}${waiting ? "?" : ""}`);
  return { board, requests, asked, states };
}

test("each part of a page is asked and shown by itself, in any order", async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const { board, requests, asked, states } = parted();
    deepEqual(asked(), [["visitors", "pageviews"], ["events"]], "both at once");
    const answers = [[answer(1), answer(2)], [answer(3)]];
    await requests[order[0]]!.answer(answers[order[0]]!);
    deepEqual(states(), order[0] === 0 ? ["1", "2", "?"] : ["?", "?", "3"]);
    await requests[order[1]]!.answer(answers[order[1]]!);
    deepEqual(states(), ["1", "2", "3"]);
    board.refresh();
    deepEqual(asked().slice(2), [["visitors", "pageviews"], ["events"]]);
  }
});

test("a part fails, is tried again and is given up without the other", async () => {
  const { board, requests, asked, states } = parted();
  await requests[0]!.answer([answer(1), answer(2)]);
  await requests[1]!.fail(new Error("away"));
  deepEqual(states(), ["1", "2", "!"]);
  board.retry();
  deepEqual([asked().length, asked()[2], states()], [3, ["events"], ["1", "2", "?"]]);
  board.show({ a: query("visitors"), c: query("events", "s", "30d"), b: query("pageviews") }, "30d");
  deepEqual([requests[2]!.signal.aborted, asked()[3]], [true, ["events"]]);
  board.show({ a: query("visitors", "s", "12mo"), c: query("events", "s", "12mo"), b: query("pageviews", "s", "12mo") }, "12mo");
  deepEqual([requests[3]!.signal.aborted, asked().length, states()], [true, 6, ["1?", "2?", "?"]]);
  await requests[5]!.answer([answer(33)]);
  deepEqual(states(), ["1?", "2?", "33"]);
  await requests[2]!.answer([answer(99)]);
  deepEqual(states(), ["1?", "2?", "33"], "what was given up says nothing");
});

test("an answer says what it is about while its question is about something else", async () => {
  const { board, requests } = parted();
  const about = () => ["a", "c"].map((key) => board.reply(key).value.about);
  deepEqual(about(), ["", ""]);
  await requests[0]!.answer([answer(1), answer(2)]);
  await requests[1]!.answer([answer(3)]);
  deepEqual(about(), ["7d", "7d"]);
  board.show({ a: query("visitors", "s", "30d"), c: query("events", "s", "30d") }, "30d");
  deepEqual(about(), ["7d", "7d"]);
  await requests[3]!.answer([answer(30)]);
  deepEqual(about(), ["7d", "30d"]);
  board.show({ a: query("visitors", "s", "30d"), c: { ...query("events", "s", "30d"), dimensions: ["page"] } }, "30d");
  deepEqual(about(), ["7d", ""], "no answer is about nothing");
});

test("a refresh leaves no trace until it is here", async () => {
  const { board, last } = server();
  board.show({ a: query("visitors") });
  await last().answer([answer(1)]);
  board.refresh();
  ok(!board.reply("a").value.waiting);
  await last().answer([answer(2)]);
  deepEqual(board.reply("a").value.answer?.rows, [[2]]);
});
