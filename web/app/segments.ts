import { signal } from "@preact/signals";

import { ApiError } from "../lib/api";
import { getSegments, type Segment } from "../lib/segments";
import { ended } from "./session";

/** The segments of a site, and what became of asking for them. While they are asked anew the old ones stay. */
export class Segments {
  readonly list = signal<readonly Segment[] | undefined>(undefined);
  readonly failure = signal("");

  constructor(readonly siteId: string) {}

  async load(): Promise<void> {
    try {
      this.list.value = await getSegments(this.siteId);
      this.failure.value = "";
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) ended(true);
      this.failure.value = error instanceof Error ? error.message : String(error);
    }
  }
}
