import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { Icon } from "./icons";

/** A modal dialog of the browser's own: it holds the focus, Escape closes it, and the page behind is out of reach. */
export function Dialog({
    title,
    wide = false,
    backTo,
    onClose,
    children,
}: {
    title: string;
    wide?: boolean;
    /** The id of what gets the focus afterwards where nothing opened it, as by a key, or where what did is gone. */
    backTo?: string;
    onClose: () => void;
    children: ComponentChildren;
}) {
    const dialog = useRef<HTMLDialogElement>(null);
    const id = useId();
    useEffect(() => {
        const before = document.activeElement;
        dialog.current?.showModal();
        return () => {
            const hasOpener = before instanceof HTMLElement && before !== document.body && before.isConnected;
            (hasOpener ? before : document.getElementById(backTo ?? ""))?.focus();
        };
    }, []);
    return (
        <dialog
            ref={dialog}
            class={wide ? "wide" : undefined}
            aria-labelledby={id}
            onClose={onClose}
            onClick={(event) => {
                // The backdrop is the dialog itself; what lies on it is not.
                if (event.target === dialog.current) dialog.current?.close();
            }}
        >
            <div class="dialog">
                <div class="dialog-head">
                    <h2 id={id}>{title}</h2>
                    <button type="button" class="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
                        <Icon name="close" />
                    </button>
                </div>
                <div class="dialog-body">{children}</div>
            </div>
        </dialog>
    );
}
