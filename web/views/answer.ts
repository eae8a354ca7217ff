import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { ended } from "../app/session";
import { ApiError, askBatch } from "../lib/api";
import type { OnProgress, Progress } from "../lib/progress";
import { type Answer, type BatchAnswer, isProblem, type Problem, type Query } from "../lib/query";

interface State<Q, A> {
  /** The question that `answer` or `problem` is to. */
  text: string;
  question?: Q | undefined;
  answer?: A | undefined;
  problem?: Problem | undefined;
}

/** A question, asked anew when it changes; an answer to the one before stays until then. Undefined asks nothing. */
export function useAsked<Q extends object, A>(
  question: Q | undefined,
  ask: (question: Q, signal: AbortSignal, onProgress: OnProgress) => Promise<A>,
): State<Q, A> & { waiting: boolean; progress: ReadonlySignal<Progress | undefined>; retry: () => void } {
  const text = question ? JSON.stringify(question) : "";
  const [state, setState] = useState<State<Q, A>>({ text: "" });
  const [turn, setTurn] = useState(0);
  // A signal, since it comes several times a second: only what shows it is drawn anew.
  const progress = useSignal<Progress | undefined>(undefined);
  useEffect(() => {
    progress.value = undefined;
    if (!question) return;
    const controller = new AbortController();
    const onProgress = (far: Progress) => {
      if (!controller.signal.aborted) progress.value = far;
    };
    const answered = ask(question, controller.signal, onProgress).finally(() => {
      if (!controller.signal.aborted) progress.value = undefined;
    });
    answered.then(
      (answer) => setState({ text, question, answer }),
      (error: unknown) => {
        if (controller.signal.aborted) return;
        if (error instanceof ApiError && error.status === 401) ended(true);
        setState({ text, question, problem: problemOf(error) });
      },
    );
    return () => controller.abort();
  }, [text, turn]);
  return {
    ...state,
    waiting: text !== state.text,
    progress,
    retry() {
      setState({ text: "" });
      setTurn(turn + 1);
    },
  };
}

function problemOf(error: unknown): Problem {
  if (!(error instanceof ApiError)) return { code: "", message: error instanceof Error ? error.message : String(error) };
  return { code: error.code, field: error.field, message: error.message, did_you_mean: error.didYouMean };
}

/** The one question of a dialog, as useAsked(). */
export function useAnswer(query: Query | undefined) {
  return useAsked(query, askQuery);
}

export async function askQuery(query: Query, signal: AbortSignal): Promise<Answer> {
  const [given] = (await askBatch([query], signal)) as [BatchAnswer];
  if (!isProblem(given)) return given;
  const { code, field, message, did_you_mean } = given.error;
  throw new ApiError(message, 0, code, field, 0, did_you_mean);
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
