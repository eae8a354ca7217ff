import type { ComponentChildren } from "preact";

import { go } from "../app/location";

/** A link inside the page: an ordinary one for the browser (new tab, copy), without a reload for a plain click. */
export function Link({ href, children, ...rest }: { href: string; children: ComponentChildren; class?: string; "aria-label"?: string; "aria-current"?: "page" | undefined }) {
    return (
        <a
            href={href}
            {...rest}
            onClick={(event) => {
                if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
                event.preventDefault();
                go(href);
            }}
        >
            {children}
        </a>
    );
}

/** A link that leaves: the other site learns nothing of this one. */
export function OutLink({ href, label, children }: { href: string; label?: string; children: ComponentChildren }) {
    return (
        <a class="out" href={href} target="_blank" rel="noopener noreferrer" aria-label={label} title={label}>
            {children}
        </a>
    );
}
