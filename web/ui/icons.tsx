/** Drawn on a grid of 16, with strokes of the text's colour. They say nothing that the text beside them does not. */
const SHAPES = {
    down: "M4 6l4 4 4-4",
    left: "M10 4L6 8l4 4",
    right: "M6 4l4 4-4 4",
    compare: "M2 9.5l4-4 3 2.5 5-5M2 14l4-2.5 3 1.5 5-4",
    check: "M3 8.5l3.2 3.2L13 4.8",
    close: "M4 4l8 8M12 4l-8 8",
    more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
    out: "M6 3.5H3.5v9h9V10M9 3.5h3.5V7M12.5 3.5L7.5 8.5",
    back: "M13 8H3.5M7.2 4l-4 4 4 4",
    up: "M8 13V3.5M4 7.2l4-4 4 4",
    sun: "M8 10.8a2.8 2.8 0 100-5.6 2.8 2.8 0 000 5.6zM8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4M3.2 3.2l1 1M11.8 11.8l1 1M12.8 3.2l-1 1M4.2 11.8l-1 1",
    moon: "M13.2 9.6A5.6 5.6 0 016.4 2.8a5.6 5.6 0 106.8 6.8z",
    auto: "M8 2a6 6 0 100 12A6 6 0 008 2zM8 2v12M8 5h4.8M8 8h6M8 11h4.8",
    person: "M8 8a2.6 2.6 0 100-5.2A2.6 2.6 0 008 8zM2.8 13.6c.6-2.4 2.6-3.8 5.2-3.8s4.6 1.4 5.2 3.8",
    calendar: "M2.5 4h11v9.5h-11zM2.5 7h11M5.5 2v3M10.5 2v3",
    filter: "M2.5 4h11M4.5 8h7M6.8 12h2.4",
    segment: "M7 3.2A5.4 5.4 0 1012.8 9H7zM9.6 1.6a5.4 5.4 0 014.8 4.8H9.6z",
    note: "M4 14V2.5M4 3h8.5l-2.2 3 2.2 3H4",
    search: "M7 11.5a4.5 4.5 0 100-9 4.5 4.5 0 000 9zM10.3 10.3l3.4 3.4",
    table: "M2.5 3h11v10h-11zM2.5 6.3h11M2.5 9.6h11M6.5 3v10",
    chart: "M2.5 2.5v11h11M5 10l2.8-3.4 2.2 1.8 3.2-4.2",
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
    return (
        <svg class={name === "more" ? "icon icon-dots" : "icon"} width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d={SHAPES[name]} />
        </svg>
    );
}

/** The mark of the product: three steps up. */
export function Mark({ size = 22 }: { size?: number }) {
    return (
        <svg class="mark" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <rect width="24" height="24" rx="6" />
            <path d="M5 14h3v5H5zM10.5 9h3v10h-3zM16 5h3v14h-3z" />
        </svg>
    );
}
