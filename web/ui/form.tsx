import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { ApiError } from "../lib/api";

interface FieldProps {
    label: string;
    name: string;
    type?: "text" | "email" | "password" | "date" | "time";
    autocomplete?: string;
    hint?: string;
    error?: string | undefined;
    value?: string;
    minLength?: number;
    maxLength?: number;
    placeholder?: string;
    autofocus?: boolean;
    list?: string;
    optional?: boolean;
    min?: string;
    max?: string;
}

export function Field({ label, hint, error, autofocus = false, optional = false, value, ...input }: FieldProps) {
    const id = useId();
    const node = useRef<HTMLInputElement>(null);
    useEffect(() => {
        if (autofocus) node.current?.focus();
    }, []);
    const notes = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
    return (
        <div class="field">
            <label for={id}>{label}</label>
            {/* What is typed is the browser's until it is sent. */}
            <input
                id={id}
                // A dialog that opens looks for it; elsewhere the effect above does it.
                autofocus={autofocus}
                required={!optional}
                aria-invalid={error ? true : undefined}
                aria-describedby={notes || undefined}
                ref={node}
                defaultValue={value}
                {...(input as object)}
            />
            {hint && (
                <p class="hint" id={`${id}-hint`}>
                    {hint}
                </p>
            )}
            {error && (
                <p class="field-error" id={`${id}-error`}>
                    {error}
                </p>
            )}
        </div>
    );
}

interface Sending {
    busy: boolean;
    /** Of the whole form: fields have their own. */
    error: string | undefined;
    errorOf: (field: string) => string | undefined;
    submit: (event: SubmitEvent) => void;
}

/** Sends a form's fields, once at a time, and keeps what the server said about them. */
export function useSending(fields: readonly string[], send: (values: Record<string, string>) => Promise<void>): Sending {
    const [busy, setBusy] = useState(false);
    const [failure, setFailure] = useState<ApiError>();
    async function submit(event: SubmitEvent): Promise<void> {
        event.preventDefault();
        if (busy) return;
        const data = new FormData(event.currentTarget as HTMLFormElement);
        setBusy(true);
        setFailure(undefined);
        try {
            await send(Object.fromEntries([...data].map(([name, value]) => [name, String(value)])));
        } catch (error) {
            setFailure(error instanceof ApiError ? error : new ApiError(String(error)));
        } finally {
            setBusy(false);
        }
    }
    const ownField = failure !== undefined && fields.includes(failure.field);
    return {
        busy,
        error: failure && !ownField ? sentenceOf(failure) : undefined,
        errorOf: (field) => (failure && ownField && failure.field === field ? failure.message : undefined),
        submit: (event) => void submit(event),
    };
}

function sentenceOf(error: ApiError): string {
    return error.status === 429 ? `Too many attempts. Try again in ${error.retryAfterS || 60} s.` : error.message;
}

export function Form({ sending, button, children }: { sending: Sending; button: string; children: ComponentChildren }) {
    return (
        <form onSubmit={sending.submit}>
            {children}
            {sending.error && (
                <p class="form-error" role="alert">
                    {sending.error}
                </p>
            )}
            <button type="submit" class="button primary" aria-disabled={sending.busy}>
                {sending.busy ? "One moment\u2026" : button}
            </button>
        </form>
    );
}
