import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { useSending } from "./form";

interface SureProps {
    question: string;
    button: string;
    act: () => Promise<void>;
    onLeave: () => void;
    children?: ComponentChildren;
}

/** Before what can't be taken back. */
export function Sure({ question, button, act, onLeave, children }: SureProps) {
    const form = useRef<HTMLFormElement>(null);
    const sending = useSending([], act);
    useEffect(() => form.current?.querySelector<HTMLElement>("button[type=button]")?.focus(), []);
    return (
        <form class="segment-form" ref={form} onSubmit={sending.submit} aria-label={question}>
            <p>{question}</p>
            {children}
            <Foot sending={sending} button={button} onLeave={onLeave} />
        </form>
    );
}

/** The end of a form that stands in the place of something else. */
export function Foot({ sending, button, onLeave }: { sending: ReturnType<typeof useSending>; button: string; onLeave: () => void }) {
    return (
        <>
            {sending.error && (
                <p class="form-error" role="alert">
                    {sending.error}
                </p>
            )}
            <div class="form-foot">
                <button type="submit" class="button primary" aria-disabled={sending.busy}>
                    {sending.busy ? "One moment\u2026" : button}
                </button>
                <button type="button" class="button" onClick={onLeave}>
                    Cancel
                </button>
            </div>
        </>
    );
}
