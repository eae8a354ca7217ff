import { signal, type Signal } from "@preact/signals";

import { ApiError } from "../lib/api";
import { type Answer, type BatchAnswer, isProblem, type Problem, type Query } from "../lib/query";

/** What a panel knows about its question. While a new answer is on its way the old one stays, unless it is about something else. Beside
 *  an error only an earlier answer to the same question stands. */
export interface Reply {
  answer: Answer | undefined;
  error: Problem | undefined;
  /** Asked and not answered. */
  waiting: boolean;
  query: Query | undefined;
}

interface Entry {
  text: string;
  /** The question that the answer is to. */
  answered: string;
  query: Query;
  reply: Signal<Reply>;
  batch: number;
}

type Ask = (queries: readonly Query[], signal: AbortSignal) => Promise<BatchAnswer[]>;

/** The questions of a view, by panel. Whatever changes together is asked in one request; a request that nobody waits for any more is
 *  given up. */
export class Board {
  private readonly entries = new Map<string, Entry>();
  private readonly requests = new Map<number, AbortController>();
  private batches = 0;

  constructor(
    private readonly ask: Ask,
    private readonly onUnauthorised: () => void = () => undefined,
  ) {}

  /** Sets the questions; those that are new or different are asked. */
  show(questions: Readonly<Record<string, Query>>): void {
    for (const [key, entry] of this.entries) if (!(key in questions) && entry.text !== "") this.forget(entry);
    const changed: string[] = [];
    for (const [key, query] of Object.entries(questions)) {
      const entry = this.entry(key, query);
      const text = JSON.stringify(query);
      if (entry.text === text && (entry.reply.peek().waiting || entry.reply.peek().answer)) continue;
      const old = entry.reply.peek();
      entry.reply.value = { answer: sameSubject(entry.query, query) ? old.answer : undefined, error: undefined, waiting: true, query };
      entry.text = text;
      entry.query = query;
      changed.push(key);
    }
    void this.send(changed);
  }

  /** Asks everything again, without a sign of it: the numbers change when they are here. */
  refresh(): void {
    void this.send([...this.entries].filter(([, { reply }]) => !reply.peek().waiting).map(([key]) => key));
  }

  /** Asks everything that failed. */
  retry(): void {
    const failed = [...this.entries].filter(([, { reply }]) => reply.peek().error);
    for (const [, { reply }] of failed) reply.value = { ...reply.peek(), error: undefined, waiting: true };
    void this.send(failed.map(([key]) => key));
  }

  reply(key: string): Signal<Reply> {
    return this.entry(key, undefined).reply;
  }

  private entry(key: string, query: Query | undefined): Entry {
    let entry = this.entries.get(key);
    if (!entry) {
      entry = {
        text: "",
        answered: "",
        query: query ?? { website_id: "", metrics: [] },
        reply: signal({ answer: undefined, error: undefined, waiting: true, query }),
        batch: 0,
      };
      this.entries.set(key, entry);
    }
    return entry;
  }

  /** The signal stays: whoever follows it hears when the question is put again. */
  private forget(entry: Entry): void {
    this.leave(entry);
    entry.text = "";
    entry.reply.value = { answer: undefined, error: undefined, waiting: true, query: undefined };
  }

  /** A request whose last question was changed is of no use. */
  private leave(entry: Entry): void {
    const batch = entry.batch;
    entry.batch = 0;
    if (batch === 0 || [...this.entries.values()].some((other) => other.batch === batch)) return;
    this.requests.get(batch)?.abort();
    this.requests.delete(batch);
  }

  private async send(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const batch = (this.batches += 1);
    const controller = new AbortController();
    const asked = keys.map((key) => this.entries.get(key) as Entry);
    for (const entry of asked) this.leave(entry);
    for (const entry of asked) entry.batch = batch;
    this.requests.set(batch, controller);
    let answers: BatchAnswer[];
    try {
      answers = await this.ask(
        asked.map(({ query }) => query),
        controller.signal,
      );
    } catch (error) {
      if (controller.signal.aborted) return;
      if (error instanceof ApiError && error.status === 401) this.onUnauthorised();
      const problem = { code: error instanceof ApiError ? error.code : "", message: error instanceof Error ? error.message : String(error) };
      answers = asked.map(() => ({ error: problem }));
    }
    this.requests.delete(batch);
    asked.forEach((entry, index) => {
      const answer = answers[index];
      // Asked anew meanwhile, or not any more: this answer is to an old question.
      if (entry.batch !== batch || !answer) return;
      entry.batch = 0;
      const old = entry.reply.peek();
      if (isProblem(answer)) {
        const kept = entry.answered === entry.text ? old.answer : undefined;
        entry.reply.value = { answer: kept, error: answer.error, waiting: false, query: entry.query };
      } else {
        entry.answered = entry.text;
        entry.reply.value = { answer, error: undefined, waiting: false, query: entry.query };
      }
    });
  }
}

const BUCKETS: readonly string[] = ["hour", "date", "week", "month"];

/** Old numbers may stand, dimmed, where they have the same meaning as those to come. By the hour or by the day is the same. */
function sameSubject(before: Query, after: Query): boolean {
  const subject = ({ website_id, metrics, dimensions }: Query) =>
    JSON.stringify([website_id, metrics, dimensions?.map((name) => (BUCKETS.includes(name) ? "time" : name))]);
  return subject(before) === subject(after);
}
