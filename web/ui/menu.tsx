import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";

import { Icon } from "./icons";

export interface MenuItem {
    label: string;
    /** Given for a choice of one; a menu of actions leaves it out. */
    checked?: boolean;
    /** `checked` is on or off, whatever else is chosen. */
    alone?: boolean;
    run: () => void;
    /** A second line, quiet. */
    note?: string;
    separated?: boolean;
    /** Takes the item while the menu is open. */
    key?: string | undefined;
}

/** Of a list to the window's edges. */
const MARGIN_PX = 8;

/** A button that opens a list. Arrows, Home, End and first letters move, an item's own key takes it, Escape and Tab close, and focus comes back to the button. */
export function Menu({
    label,
    items,
    children,
    kind = "button",
    align = "start",
}: {
    label: string;
    items: MenuItem[];
    children: ComponentChildren;
    kind?: string;
    align?: "start" | "end";
}) {
    const [open, setOpen] = useState(false);
    const root = useRef<HTMLDivElement>(null);
    const button = useRef<HTMLButtonElement>(null);
    const list = useRef<HTMLUListElement>(null);
    const id = useId();

    const rows = () => [...(list.current?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];

    // Before the next key can come.
    useLayoutEffect(() => {
        if (!open || !list.current) return;
        const { left, right } = list.current.getBoundingClientRect();
        const inside = Math.max(MARGIN_PX - left, 0) || Math.min(document.documentElement.clientWidth - MARGIN_PX - right, 0);
        list.current.style.translate = `${inside}px`;
        (rows().find((row) => row.getAttribute("aria-checked") === "true") ?? rows()[0])?.focus();
    }, [open]);

    useEffect(() => {
        if (!open) return;
        const outside = (event: Event) => {
            if (!root.current?.contains(event.target as Node)) setOpen(false);
        };
        document.addEventListener("pointerdown", outside);
        return () => document.removeEventListener("pointerdown", outside);
    }, [open]);

    function close(): void {
        setOpen(false);
        button.current?.focus();
    }

    function take(item: MenuItem): void {
        close();
        item.run();
    }

    function onKey(event: KeyboardEvent): void {
        const all = rows();
        const at = all.indexOf(document.activeElement as HTMLElement);
        const step = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[event.key];
        if (step !== undefined) {
            event.preventDefault();
            all[step]?.focus();
        } else if (event.key === "Escape") {
            event.stopPropagation();
            close();
        } else if (event.key === "Tab") setOpen(false);
        else if (/^\S$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
            const keyed = items.find(({ key }) => key === event.key.toUpperCase());
            if (keyed) {
                event.preventDefault();
                return take(keyed);
            }
            const after = [...all.slice(at + 1), ...all.slice(0, at + 1)];
            after.find((row) => row.textContent?.toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
        }
    }

    return (
        <div class="menu" ref={root}>
            <button
                type="button"
                class={kind}
                ref={button}
                aria-haspopup="menu"
                aria-expanded={open}
                aria-controls={open ? id : undefined}
                aria-label={label}
                onClick={() => setOpen(!open)}
                onKeyDown={(event) => {
                    if (event.key !== "ArrowDown" || open) return;
                    event.preventDefault();
                    setOpen(true);
                }}
            >
                {children}
            </button>
            {open && (
                <ul class={`menu-list menu-${align}`} role="menu" aria-label={label} id={id} ref={list} onKeyDown={onKey}>
                    {items.map((item, index) => (
                        <li role="none" key={`${index} ${item.label}`} class={item.separated ? "separated" : undefined}>
                            <button
                                type="button"
                                role={item.checked === undefined ? "menuitem" : item.alone ? "menuitemcheckbox" : "menuitemradio"}
                                aria-checked={item.checked}
                                tabIndex={-1}
                                aria-keyshortcuts={item.key}
                                onClick={() => take(item)}
                            >
                                <span class="menu-check">{item.checked && <Icon name="check" size={14} />}</span>
                                <span class="menu-text">
                                    {item.label}
                                    {item.note && <small>{item.note}</small>}
                                </span>
                                {item.key && <kbd aria-hidden="true">{item.key}</kbd>}
                            </button>
                        </li>
                    ))}
                </ul>
            )}
        </div>
    );
}
