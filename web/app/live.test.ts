import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { follow, parse } from "./live";

Object.assign(globalThis, { location: { origin: "https://stats.example" } });

function sockets() {
  const opened: { url: string; socket: WebSocket; closed: boolean }[] = [];
  let waits: { run: () => void; ms: number }[] = [];
  const view = { hidden: false, changed: () => undefined as void };
  const clock = { ms: 1_000 };
  let doubts = 0;
  const parts = {
    open: (url: string) => {
      const entry = { url, closed: false, socket: { close: () => (entry.closed = true) } as unknown as WebSocket };
      opened.push(entry);
      return entry.socket;
    },
    wait: (run: () => void, ms: number) => {
      waits = [{ run, ms }];
      return 0 as unknown as ReturnType<typeof setTimeout>;
    },
    random: () => 1,
    now: () => clock.ms,
    hidden: () => view.hidden,
    onVisibility: (changed: () => void) => {
      view.changed = changed;
      return () => (view.changed = () => undefined);
    },
    onDoubt: () => (doubts += 1),
  };
  return {
    opened,
    parts,
    clock,
    last: () => opened[opened.length - 1]!.socket,
    waiting: () => waits[0]?.ms,
    elapse: () => waits[0]!.run(),
    doubts: () => doubts,
    look: (seen: boolean) => {
      view.hidden = !seen;
      view.changed();
    },
  };
}

const say = (socket: WebSocket, message: unknown) =>
  socket.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) } as MessageEvent);
const drop = (socket: WebSocket, code = 1006) => socket.onclose?.({ code } as CloseEvent);
const snapshot = { type: "snapshot", as_of: "2026-11-24T12:00:00Z", active_visitors: 3, minutes: [], pages: [], sources: [], countries: [], events: [] };
const minute = { minute: "2026-11-24T12:00:00Z", pageviews: 1, events: 2, visitors: 1 };

test("it asks the server of the page, by its own scheme", () => {
  const { opened, parts } = sockets();
  follow("my site", parts);
  equal(opened[0]?.url, "wss://stats.example/api/v1/live?website_id=my%20site");
});

test("a lost connection is told and opened again, later each time, until a message comes", () => {
  const { opened, waiting, elapse, parts, last } = sockets();
  const live = follow("s", parts);
  say(last(), snapshot);
  equal(live.value.value.state, "live");
  for (const ms of [4_000, 8_000, 16_000, 30_000]) {
    drop(last());
    equal(live.value.value.state, "off");
    equal(waiting(), ms);
    elapse();
  }
  say(last(), { ...snapshot, type: "update", active_visitors: 4 });
  drop(last());
  equal(waiting(), 4_000);
  equal(opened.length, 5);
});

test("a server that lets in and has no numbers is asked again soon", () => {
  const { waiting, elapse, parts, last } = sockets();
  const live = follow("s", parts);
  say(last(), snapshot);
  drop(last(), 1013);
  for (let turn = 0; turn < 4; turn += 1) {
    equal(live.value.value.state, "off");
    equal(waiting(), 4_000);
    elapse();
    last().onopen?.(new Event("open"));
    elapse();
  }
});

test("old numbers are kept apart, with the time at which they were true", () => {
  const { parts, last, clock } = sockets();
  const live = follow("s", parts);
  drop(last());
  equal(live.value.value.last, undefined);
  const other = sockets();
  const second = follow("s", other.parts);
  say(other.last(), snapshot);
  other.clock.ms += 5_000;
  drop(other.last());
  other.elapse();
  drop(other.last());
  const { snapshot: current, last: old } = second.value.value;
  deepEqual([current, old?.snapshot.active_visitors, old?.receivedAtMs], [undefined, 3, clock.ms]);
});

test("an ended access, and a refused connection, raise a doubt; a lost one does not", () => {
  for (const [code, messages, doubts] of [
    [1006, 1, 0],
    [1001, 1, 0],
    [1006, 0, 1],
    [4401, 1, 1],
    [1008, 1, 1],
  ] as const) {
    const { parts, last, doubts: counted } = sockets();
    follow("s", parts);
    if (messages) say(last(), snapshot);
    drop(last(), code);
    equal(counted(), doubts, `code ${code} after ${messages} messages`);
  }
});

test("while nobody looks nothing is open, and then a fresh snapshot comes", () => {
  const { opened, parts, last, look } = sockets();
  const live = follow("s", parts);
  say(last(), snapshot);
  const old = last();
  look(false);
  equal(opened[0]?.closed, true);
  equal(live.value.value.snapshot, undefined, "old numbers are not current ones");
  look(true);
  equal(opened.length, 2);
  say(old, { ...snapshot, active_visitors: 99 });
  drop(old);
  equal(live.value.value.state, "off", "the old connection says nothing any more");
  say(last(), { ...snapshot, active_visitors: 5 });
  equal(live.value.value.snapshot?.active_visitors, 5);
  look(true);
  equal(opened.length, 2);
});

test("a connection on which nothing comes counts as lost, and after silence it is opened again at once", () => {
  const { opened, parts, clock, last, waiting, elapse } = sockets();
  const live = follow("s", parts);
  equal(waiting(), 10_000);
  say(last(), snapshot);
  equal(waiting(), 25_000, "two beats of the server and a half");
  clock.ms += 25_000;
  elapse();
  const { state, snapshot: current, last: old } = live.value.value;
  deepEqual([opened.length, opened[0]?.closed, state], [2, true, "off"]);
  deepEqual([current, old?.snapshot.active_visitors, old?.receivedAtMs], [undefined, 3, 1_000]);
  equal(waiting(), 10_000);
  say(last(), { ...snapshot, active_visitors: 4 });
  deepEqual([live.value.value.state, live.value.value.snapshot?.active_visitors], ["live", 4]);
  elapse();
  elapse();
  deepEqual([opened.length, opened[2]?.closed, live.value.value.state, waiting()], [3, true, "off", 4_000]);
});

test("what is not a message of ours is none", () => {
  const cases: [string, unknown][] = [
    ["no JSON", "no json"],
    ["null", "null"],
    ["a list", []],
    ["another type", { ...snapshot, type: "ping" }],
    ["no minutes", { ...snapshot, minutes: 5 }],
    ["an instant that is none", { ...snapshot, as_of: "soon" }],
    ["half a visitor", { ...snapshot, active_visitors: 0.5 }],
    ["fewer than none", { ...snapshot, active_visitors: -1 }],
    ["a share that is none", { ...snapshot, sample_rate: 0 }],
    ["a number as text", { ...snapshot, active_visitors: "3" }],
    ["a minute that is none", { ...snapshot, minutes: [null] }],
    ["a minute without a number", { ...snapshot, minutes: [{ ...minute, pageviews: "1" }] }],
    ["a minute at no time", { ...snapshot, minutes: [{ ...minute, minute: "<b>" }] }],
    ["a row that is none", { ...snapshot, pages: [["/", 1]] }],
    ["a name that is an object", { ...snapshot, sources: [{ name: { toString: 1 }, visitors: 1 }] }],
    ["a list that is none", { ...snapshot, events: { length: 1 } }],
    ["too much", { ...snapshot, as_of: "2".repeat(1 << 20) }],
  ];
  for (const [name, message] of cases) equal(parse(typeof message === "string" ? message : JSON.stringify(message)), undefined, name);
  equal(parse(new ArrayBuffer(4)), undefined);
  equal(parse(JSON.stringify({ ...snapshot, minutes: Array(40).fill(minute) }))?.minutes.length, 30);
  const { pages, sources, countries, events, ...old } = snapshot;
  deepEqual(parse(JSON.stringify(old))?.pages, pages, "lists that are not sent are empty");
  deepEqual([sources, countries, events], [[], [], []]);
  equal(parse(JSON.stringify(old))?.sample_rate, 1);
  equal(parse(JSON.stringify({ ...snapshot, sample_rate: 0.25 }))?.sample_rate, 0.25);
});

test("nothing changes by a message that is none, and after close() nothing is opened", () => {
  const { opened, parts, last, waiting } = sockets();
  const live = follow("s", parts);
  say(last(), { ...snapshot, minutes: 5 });
  equal(live.value.value.state, "connecting");
  const mine = last();
  live.close();
  drop(mine);
  deepEqual([waiting(), opened.length, opened[0]?.closed], [10_000, 1, true]);
});
