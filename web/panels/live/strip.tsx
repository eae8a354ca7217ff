import { useEffect, useRef, useState } from "preact/hooks";

import type { LiveState } from "../../app/live";
import { Spark } from "../../charts/spark";
import { count, plural } from "../../lib/format";

/** A screen reader is told at most this often: a busy site changes its number every second. */
const ANNOUNCE_EVERY_MS = 60_000;

/** Who is there now. Without a connection it says so, quietly, instead of showing an old number. */
export function LiveStrip({ live }: { live: LiveState }) {
    const spoken = useAnnouncement(live);
    const minutes = live.snapshot?.minutes.slice(-30) ?? [];
    const pageviews = minutes.reduce((sum, minute) => sum + minute.pageviews, 0);
    return (
        <div class={`live ${live.state}`}>
            <span class="live-dot" aria-hidden="true" />
            {live.snapshot ? (
                <>
                    <p class="live-now">
                        <strong>{count(live.snapshot.active_visitors)}</strong> {live.snapshot.active_visitors === 1 ? "visitor" : "visitors"} now
                    </p>
                    <Spark values={minutes.map(({ pageviews: value }) => value)} />
                    <p class="live-note">
                        {plural(pageviews, "pageview")}
                        <span class="wide-only"> in 30 min</span>
                    </p>
                </>
            ) : (
                <p class="live-now quiet">{live.state === "off" ? "Live view not connected" : "Connecting\u2026"}</p>
            )}
            <p class="visually-hidden" role="status">
                {spoken}
            </p>
        </div>
    );
}

function useAnnouncement(live: LiveState): string {
    const [text, setText] = useState("");
    const saidAt = useRef(-Infinity);
    useEffect(() => {
        const now = performance.now();
        if (!live.snapshot || now - saidAt.current < ANNOUNCE_EVERY_MS) return;
        saidAt.current = now;
        setText(`${plural(live.snapshot.active_visitors, "active visitor")} now`);
    }, [live]);
    return text;
}
