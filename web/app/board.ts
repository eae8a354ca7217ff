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
  /** What the answer is about, as show() was told; a question may be about something else by now. */
  about: string;
}

interface Entry {
  text: string;
  /** The question that the answer is to. */
  answered: string;
  query: Query;
  about: string;
  reply: Signal<Reply>;
  batch: number;
}

type Ask = (queries: readonly Query[], signal: AbortSignal) => Promise<BatchAnswer[]>;

/** The questions of a view, by panel. Whatever changes together is asked at once, in a request for each part of the page; a request that
 *  nobody waits for any more is given up. */
export class Board {
  private readonly entries = new Map<string, Entry>();
  private readonly requests = new Map<number, AbortController>();
  private batches = 0;

  constructor(
    private readonly ask: Ask,
    private readonly onUnauthorised: () => void = () => undefined,
    /** The part of the page that a panel is in: it is answered as a whole, and waits for no other. */
    private readonly partOf: (key: string) => string = () => "",
  ) {}

  /** Sets the questions; those that are new or different are asked. `about`: of what all of them are, for whoever compares answers. */
  show(questions: Readonly<Record<string, Query>>, about = ""): void {
    for (const [key, entry] of this.entries) if (!(key in questions) && entry.text !== "") this.forget(entry);
    const changed: string[] = [];
    for (const [key, query] of Object.entries(questions)) {
      const entry = this.entry(key, query);
      const text = JSON.stringify(query);
      if (entry.text === text && (entry.reply.peek().waiting || entry.reply.peek().answer)) continue;
      const old = entry.reply.peek();
      const kept = sameSubject(entry.query, query) ? { answer: old.answer, about: old.about } : { answer: undefined, about: "" };
      entry.reply.value = { ...kept, error: undefined, waiting: true, query };
      entry.text = text;
      entry.query = query;
      entry.about = about;
      changed.push(key);
    }
    this.send(changed);
  }

  /** Asks everything again, without a sign of it: the numbers change when they are here. */
  refresh(): void {
    this.send([...this.entries].filter(([, { reply }]) => !reply.peek().waiting).map(([key]) => key));
  }

  /** Asks everything that failed. */
  retry(): void {
    const failed = [...this.entries].filter(([, { reply }]) => reply.peek().error);
    for (const [, { reply }] of failed) reply.value = { ...reply.peek(), error: undefined, waiting: true };
    this.send(failed.map(([key]) => key));
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
        about: "",
        reply: signal({ answer: undefined, error: undefined, waiting: true, query, about: "" }),
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
    entry.reply.value = { answer: undefined, error: undefined, waiting: true, query: undefined, about: "" };
  }

  /** A request whose last question was changed is of no use. */
  private leave(entry: Entry): void {
    const batch = entry.batch;
    entry.batch = 0;
    if (batch === 0 || [...this.entries.values()].some((other) => other.batch === batch)) return;
    this.requests.get(batch)?.abort();
    this.requests.delete(batch);
  }

  private send(keys: readonly string[]): void {
    for (const part of new Set(keys.map(this.partOf))) void this.request(keys.filter((key) => this.partOf(key) === part));
  }

  private async request(keys: readonly string[]): Promise<void> {
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
        entry.reply.value = { answer: kept, error: answer.error, waiting: false, query: entry.query, about: old.about };
      } else {
        entry.answered = entry.text;
        entry.reply.value = { answer, error: undefined, waiting: false, query: entry.query, about: entry.about };
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
