import { useRef } from "preact/hooks";

export interface Tab {
    id: string;
    label: string;
}

/** Tabs with a moving tab stop: arrows choose, Tab goes on to the panel. */
export function Tabs({
    label,
    tabs,
    active,
    controls,
    onChoose,
}: {
    label: string;
    tabs: readonly Tab[];
    active: string;
    controls: string;
    onChoose: (id: string) => void;
}) {
    const list = useRef<HTMLDivElement>(null);
    // What is active may be none of them; the keyboard comes in all the same.
    const stop = (tabs.find(({ id }) => id === active) ?? tabs[0])?.id;
    function onKey(event: KeyboardEvent): void {
        const at = tabs.findIndex(({ id }) => id === active);
        const forward = getComputedStyle(list.current as Element).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
        const backward = forward === "ArrowRight" ? "ArrowLeft" : "ArrowRight";
        const to = { [forward]: (at + 1) % tabs.length, [backward]: (Math.max(at, 0) - 1 + tabs.length) % tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
        const tab = to === undefined ? undefined : tabs[to];
        if (!tab) return;
        event.preventDefault();
        onChoose(tab.id);
        list.current?.querySelectorAll<HTMLElement>("[role=tab]")[to as number]?.focus();
    }
    return (
        <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={onKey}>
            {tabs.map(({ id, label: text }) => (
                <button
                    type="button"
                    role="tab"
                    key={id}
                    id={`${controls}-${id}`}
                    aria-selected={id === active}
                    aria-controls={controls}
                    tabIndex={id === stop ? 0 : -1}
                    onClick={() => onChoose(id)}
                >
                    {text}
                </button>
            ))}
        </div>
    );
}
