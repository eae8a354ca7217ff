import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { LiveRow } from "../../app/live";
import type { Answer } from "../../lib/query";
import { RankingTable } from "../ranking/ranking";
import type { RankingTab } from "../ranking/spec";
import { steady } from "./order";

const ROWS = 8;
const MOVE_MS = 260;

interface Props {
    title: string;
    tab: RankingTab;
    rows: readonly LiveRow[];
    active: number;
    domain: string;
    onFilter: (dimension: string, value: string) => void;
}

/** A ranking that changes by itself. Under the pointer, or with the keyboard in it, no row moves; otherwise rows glide to their places. */
export function LiveList({ title, tab, rows, active, domain, onFilter }: Props) {
    const [held, setHeld] = useState(false);
    const order = useRef<string[]>([]);
    const body = useRef<HTMLDivElement>(null);
    const shown = (held ? steady(order.current, rows) : rows).slice(0, ROWS);
    order.current = shown.map(({ name }) => name);
    useGlide(body);
    return (
        <section
            class="panel live-list"
            aria-label={title}
            onPointerEnter={() => setHeld(true)}
            onPointerLeave={() => setHeld(false)}
            onFocusCapture={() => setHeld(true)}
            onBlurCapture={() => setHeld(false)}
        >
            <div class="panel-head">
                <h2>{title}</h2>
            </div>
            <div class="panel-body" ref={body}>
                {shown.length === 0 ? (
                    <p class="empty quiet">{tab.empty}</p>
                ) : (
                    <RankingTable tab={tab} answer={answerOf(tab, shown)} numbers={{ visitors: active }} domain={domain} filters={[]} rows={ROWS} onFilter={onFilter} />
                )}
            </div>
        </section>
    );
}

/** In the shape of the query interface, so that live rows look like all others. */
function answerOf(tab: RankingTab, rows: readonly LiveRow[]): Pick<Answer, "columns" | "rows"> {
    return {
        columns: [
            { name: tab.dimension, type: "string", role: "dimension" },
            { name: "visitors", type: "integer", role: "metric" },
        ],
        rows: rows.map(({ name, visitors }) => [name, visitors]),
    };
}

/** Lets each row of a table glide from where it was. */
function useGlide(body: { current: HTMLElement | null }): void {
    const tops = useRef(new Map<string, number>());
    useLayoutEffect(() => {
        const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
        const now = new Map<string, number>();
        for (const row of body.current?.querySelectorAll("tbody tr") ?? []) {
            const name = row.textContent ?? "";
            const key = row.querySelector("button")?.title ?? name;
            const top = (row as HTMLElement).offsetTop;
            const before = tops.current.get(key);
            now.set(key, top);
            if (!still && before !== undefined && before !== top)
                row.animate([{ transform: `translateY(${before - top}px)` }, { transform: "none" }], { duration: MOVE_MS, easing: "ease-out" });
        }
        tops.current = now;
    });
}
