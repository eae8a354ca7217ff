import { computed, signal } from "@preact/signals";

import { ApiError, getSession, type Session } from "../lib/api";

export type SessionState =
  | { state: "asking" }
  /** `expired`: it was there, and has ended while the page was open. */
  | { state: "out"; expired: boolean }
  | { state: "in"; session: Session }
  | { state: "failed"; message: string };

export const session = signal<SessionState>({ state: "asking" });

/** Whether we may make and change what belongs to a site: its segments and annotations. */
export const mayEdit = computed(() => session.value.state === "in" && session.value.session.user.role !== "viewer");

/** Asks who we are. */
export async function ask(): Promise<void> {
  try {
    session.value = { state: "in", session: await getSession() };
  } catch (error) {
    session.value =
      error instanceof ApiError && error.status === 401
        ? { state: "out", expired: session.value.state === "in" }
        : { state: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

/** After a doubt: whether we are still who we were, and what we may see. No answer changes nothing. */
export async function verify(): Promise<void> {
  try {
    const still = await getSession();
    if (session.value.state === "in") session.value = { state: "in", session: still };
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) ended(session.value.state === "in");
  }
}

/** For every answer that says 401: the session has ended, whoever ended it. */
export function ended(expired: boolean): void {
  session.value = { state: "out", expired };
}
