import { signal } from "@preact/signals";

import { type Annotation, getAnnotations } from "../lib/annotations";
import { ApiError } from "../lib/api";
import { ended } from "./session";
import type { Days } from "./state";

/** The annotations of a period, and what became of asking for them. Until those of another period are here the old ones stay. */
export class Annotations {
  readonly list = signal<readonly Annotation[]>([]);
  readonly failure = signal("");
  private days: Days | undefined;
  private turn = 0;

  constructor(readonly siteId: string) {}

  /** Undefined: of all time. */
  async show(days: Days | undefined): Promise<void> {
    this.days = days;
    await this.load();
  }

  async load(): Promise<void> {
    const turn = (this.turn += 1);
    try {
      const list = await getAnnotations(this.siteId, this.days);
      if (turn !== this.turn) return;
      this.list.value = list;
      this.failure.value = "";
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) ended(true);
      if (turn === this.turn) this.failure.value = error instanceof Error ? error.message : String(error);
    }
  }
}
