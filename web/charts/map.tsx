import world from "footfall:world";
import { useState } from "preact/hooks";

import { count } from "../lib/format";

export interface Land {
    code: string;
    name: string;
    value: number;
}

/** Steps of colour. Few, since eyes tell few apart; by ratio, since one country often has more than all others. */
const STEPS = 5;

export function stepOf(value: number, most: number): number {
    if (value <= 0 || most <= 0) return 0;
    return Math.max(1, Math.ceil(STEPS * Math.sqrt(value / most)));
}

/** The world, coloured by value. It is a second view of the list beside it: a screen reader is given the list, and so is the keyboard. */
export default function WorldMap({ lands, onChoose }: { lands: readonly Land[]; onChoose: (code: string) => void }) {
    const [active, setActive] = useState<{ land: Land; left: number; top: number }>();
    const byCode = new Map(lands.map((land) => [land.code, land]));
    const most = Math.max(0, ...lands.map(({ value }) => value));
    function look(event: PointerEvent): void {
        const land = byCode.get((event.target as Element).getAttribute("data-code") ?? "");
        const box = (event.currentTarget as Element).getBoundingClientRect();
        setActive(land && { land, left: event.clientX - box.left, top: event.clientY - box.top });
    }
    return (
        <div class="map">
            <svg
                viewBox={`0 0 ${world.width} ${world.height}`}
                aria-hidden="true"
                focusable="false"
                onPointerMove={look}
                onPointerLeave={() => setActive(undefined)}
            >
                {world.countries.map(([code, path], index) => {
                    const land = code === "" ? undefined : byCode.get(code);
                    return (
                        <path
                            key={index}
                            d={path}
                            data-code={code}
                            class={`land step${stepOf(land?.value ?? 0, most)}`}
                            onClick={land && (() => onChoose(code))}
                        />
                    );
                })}
            </svg>
            {active && (
                <p class="tip map-tip" style={{ left: `${active.left}px`, top: `${active.top}px` }} aria-hidden="true">
                    {active.land.name} <strong>{count(active.land.value)}</strong>
                </p>
            )}
        </div>
    );
}
