import { deepEqual, equal, rejects } from "node:assert/strict";
import test from "node:test";

import { EventParser, type ServerEvent, serverEvents } from "./eventstream";

const eventsOf = (...pieces: string[]): ServerEvent[] => {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
};

/** Every way to cut a text in two, and the one into single letters. */
const cuts = (text: string): string[][] => [...Array.from(text, (_, at) => [text.slice(0, at), text.slice(at)]), text.split("")];

const STREAM = ': hello\nevent: progress\ndata: {"rows_read":1}\n\nid: 7\nretry: 10\nevent: answer\ndata: {"a":\ndata:  1}\n\ndata: x\n\n';
const EVENTS = [
  { type: "progress", data: '{"rows_read":1}' },
  // One space behind the colon is no part of the value; a second one is.
  { type: "answer", data: '{"a":\n 1}' },
  // The name of an event is its own.
  { type: "message", data: "x" },
];

test("events are the same wherever a stream is cut, and by whatever its lines end", () => {
  for (const end of ["\n", "\r\n", "\r"])
    for (const pieces of cuts(STREAM.replaceAll("\n", end))) deepEqual(eventsOf(...pieces), EVENTS, JSON.stringify(pieces));
});

test("an empty piece between the two halves of a line's end changes nothing", () => {
  deepEqual(eventsOf("data: a\r", "", "\n", "\r\n"), [{ type: "message", data: "a" }]);
});

test("an event is given as soon as its empty line is there", () => {
  const parser = new EventParser();
  deepEqual(parser.push("data: a\r\n"), []);
  deepEqual(parser.push("\r"), [{ type: "message", data: "a" }]);
  deepEqual(parser.push("\ndata: b\n\n"), [{ type: "message", data: "b" }]);
});

test("what a stream ends within is no event", () => {
  deepEqual(eventsOf("data: a\n\nevent: answer\ndata: half"), [{ type: "message", data: "a" }]);
  deepEqual(eventsOf("data: whole line, and no empty one\n"), []);
});

test("an event without data is none, one with empty data is", () => {
  deepEqual(eventsOf("event: progress\n\ndata\n\n"), [{ type: "message", data: "" }]);
  deepEqual(eventsOf("data:\ndata:\n\n"), [{ type: "message", data: "\n" }]);
});

test("fields that are not known, comments and colons within a value are no mistake", () => {
  deepEqual(eventsOf(":\nfoo: bar\ndata: a: b\nDATA: c\n\n"), [{ type: "message", data: "a: b" }]);
});

/** A body of these pieces; tells whether it was ended by its reader. */
function bodyOf(pieces: Uint8Array[], { fails = false, isOpen = false } = {}) {
  const state = { cancelled: false };
  const left = [...pieces];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = left.shift();
      if (next) controller.enqueue(next);
      else if (fails) controller.error(new TypeError("network error"));
      else if (!isOpen) controller.close();
    },
    cancel: () => void (state.cancelled = true),
  });
  return { body, state };
}

async function collected(body: ReadableStream<Uint8Array>, onBytes?: () => void): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of serverEvents(body, onBytes)) events.push(event);
  return events;
}

test("a body is read as UTF-8, also where a letter is cut, and without a mark of its encoding", async () => {
  const bytes = new TextEncoder().encode("\ufeffdata: \u00fcber \u{1f469}\n\n");
  for (let at = 0; at <= bytes.length; at += 1) {
    let came = 0;
    const { body } = bodyOf([bytes.slice(0, at), bytes.slice(at)].filter(({ length }) => length > 0));
    deepEqual(await collected(body, () => (came += 1)), [{ type: "message", data: "\u00fcber \u{1f469}" }]);
    equal(came, at === 0 || at === bytes.length ? 1 : 2);
  }
});

test("whoever has seen enough ends the request", async () => {
  const { body, state } = bodyOf([new TextEncoder().encode("data: a\n\ndata: b\n\n")], { isOpen: true });
  for await (const event of serverEvents(body)) {
    equal(event.data, "a");
    break;
  }
  equal(state.cancelled, true);
});

test("a body that breaks off rejects, after the events that came whole", async () => {
  const seen: string[] = [];
  const { body } = bodyOf([new TextEncoder().encode("data: a\n\ndata: b")], { fails: true });
  const reading = async () => {
    for await (const { data } of serverEvents(body)) seen.push(data);
  };
  await rejects(reading(), /network error/);
  deepEqual(seen, ["a"]);
});
