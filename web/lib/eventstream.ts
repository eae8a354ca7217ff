/** One of the server-sent events of a stream (HTML Standard, 9.2). */
export interface ServerEvent {
  /** "message" where the stream does not say. */
  type: string;
  data: string;
}

/** Server-sent events out of the pieces of a text, which may be cut anywhere. Ids and times of reconnection are passed over: nothing here
 *  connects again by itself. */
export class EventParser {
  private line = "";
  private type = "";
  private data: string[] = [];
  /** The piece before ended with "\r": a "\n" at the beginning of the next one belongs to it. */
  private afterReturn = false;

  /** The events that this piece completes. What a stream ends within is none. */
  push(piece: string): ServerEvent[] {
    if (piece === "") return [];
    const lines = (this.afterReturn && piece.startsWith("\n") ? piece.slice(1) : piece).split(/\r\n|\r|\n/);
    this.afterReturn = piece.endsWith("\r");
    lines[0] = this.line + lines[0];
    this.line = lines.pop() ?? "";
    return lines.flatMap((line) => this.take(line) ?? []);
  }

  private take(line: string): ServerEvent | undefined {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    if (field === "event") this.type = value;
    return undefined;
  }

  private dispatch(): ServerEvent | undefined {
    const event = this.data.length > 0 ? { type: this.type || "message", data: this.data.join("\n") } : undefined;
    this.type = "";
    this.data = [];
    return event;
  }
}

/** The events of a body, as they come; leaving the loop ends the request. `onBytes` is called whenever anything comes at all. Rejects as the
 *  body does. */
export async function* serverEvents(body: ReadableStream<Uint8Array>, onBytes: () => void = () => undefined): AsyncGenerator<ServerEvent, void> {
  const parser = new EventParser();
  const text = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      yield* parser.push(text.decode(value, { stream: true }));
    }
  } finally {
    // Of a body that has ended or failed there is nothing to end.
    await reader.cancel().catch(() => undefined);
  }
}
