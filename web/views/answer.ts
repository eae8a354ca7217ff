import { useEffect, useState } from "preact/hooks";

import { ended } from "../app/session";
import { ApiError, askBatch } from "../lib/api";
import { type Answer, type BatchAnswer, isProblem, type Problem, type Query } from "../lib/query";

export type Ask = (queries: readonly Query[], signal?: AbortSignal) => Promise<BatchAnswer[]>;

interface State {
  /** The question that `answer` or `problem` is to. */
  text: string;
  answer?: Answer | undefined;
  problem?: Problem | undefined;
}

/** The one question of a dialog, asked anew when it changes; an answer to the one before stays until then. Undefined asks nothing. */
export function useAnswer(query: Query | undefined, ask: Ask = askBatch): State & { waiting: boolean; retry: () => void } {
  const text = query ? JSON.stringify(query) : "";
  const [state, setState] = useState<State>({ text: "" });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!query) return;
    const controller = new AbortController();
    ask([query], controller.signal).then(
      ([given]) => setState(given && isProblem(given) ? { text, problem: given.error } : { text, answer: given }),
      (error: unknown) => {
        if (controller.signal.aborted) return;
        if (error instanceof ApiError && error.status === 401) ended(true);
        setState({ text, problem: { code: "", message: (error as Error).message } });
      },
    );
    return () => controller.abort();
  }, [text, turn]);
  return {
    ...state,
    waiting: text !== state.text,
    retry() {
      setState({ text: "" });
      setTurn(turn + 1);
    },
  };
}

/** The value as it stood when it had not changed for a while: nobody asks a server by the letter. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
