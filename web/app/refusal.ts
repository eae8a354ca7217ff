import { signal } from "@preact/signals";

import type { Problem } from "../lib/query";

/** Why a view that asks for itself has no answer: what is wrong with the filters is told where they stand. */
export const refusal = signal<Problem | undefined>(undefined);
