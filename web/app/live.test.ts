import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { follow } from "./live";

Object.assign(globalThis, { location: { origin: "https://stats.example" } });

function sockets() {
  const opened: { url: string; socket: WebSocket; closed: boolean }[] = [];
  const waits: { run: () => void; ms: number }[] = [];
  const parts = {
    open: (url: string) => {
      const entry = { url, closed: false, socket: { close: () => (entry.closed = true) } as unknown as WebSocket };
      opened.push(entry);
      return entry.socket;
    },
    wait: (run: () => void, ms: number) => {
      waits.push({ run, ms });
      return 0 as unknown as ReturnType<typeof setTimeout>;
    },
    random: () => 1,
  };
  return { opened, waits, parts, last: () => opened[opened.length - 1]!.socket };
}

const say = (socket: WebSocket, message: unknown) =>
  socket.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) } as MessageEvent);
const drop = (socket: WebSocket) => socket.onclose?.({} as CloseEvent);
const snapshot = { type: "snapshot", as_of: "2026-11-24T12:00:00Z", active_visitors: 3, minutes: [] };

test("it asks the server of the page, by its own scheme", () => {
  const { opened, parts } = sockets();
  follow("my site", parts);
  equal(opened[0]?.url, "wss://stats.example/api/v1/live?website_id=my%20site");
});

test("a lost connection is told and opened again, later each time, until a message comes", () => {
  const { opened, waits, parts, last } = sockets();
  const live = follow("s", parts);
  say(last(), snapshot);
  equal(live.value.value.state, "live");
  for (let turn = 0; turn < 4; turn += 1) {
    drop(last());
    equal(live.value.value.state, "off");
    waits[turn]!.run();
  }
  deepEqual(
    waits.map(({ ms }) => ms),
    [4_000, 8_000, 16_000, 30_000],
  );
  say(last(), { ...snapshot, type: "update", active_visitors: 4 });
  drop(last());
  equal(waits[4]?.ms, 4_000);
  equal(opened.length, 5);
});

test("what is not a message of ours changes nothing, and after close() nothing is opened", () => {
  const { opened, waits, parts, last } = sockets();
  const live = follow("s", parts);
  for (const message of ["no json", {}, { type: "ping" }, { type: "snapshot", minutes: 5 }]) say(last(), message);
  equal(live.value.value.state, "connecting");
  live.close();
  drop(last());
  equal(waits.length, 0);
  equal(opened[0]?.closed, true);
});
