import type { LiveState } from "../../app/live";
import { Spark } from "../../charts/spark";
import { count, plural } from "../../lib/format";
import { Link } from "../../ui/link";
import { useAnnouncement } from "./announce";

/** Who is there now, and the way to the live view. Without a connection it says so, quietly, instead of showing an old number. */
export function LiveStrip({ live, href }: { live: LiveState; href: string }) {
    const spoken = useAnnouncement(live);
    const minutes = live.snapshot?.minutes ?? [];
    const pageviews = minutes.reduce((sum, minute) => sum + minute.pageviews, 0);
    return (
        <>
            <Link class={`live ${live.state}`} href={href}>
                <span class="live-dot" aria-hidden="true" />
                {live.snapshot ? (
                    <>
                        <span class="live-now">
                            <strong>{count(live.snapshot.active_visitors)}</strong> {live.snapshot.active_visitors === 1 ? "visitor" : "visitors"} now
                        </span>
                        <Spark values={minutes.map(({ pageviews: value }) => value)} />
                        <span class="live-note">
                            {plural(pageviews, "pageview")}
                            <span class="wide-only"> in 30 min</span>
                        </span>
                    </>
                ) : (
                    <span class="live-now quiet">{live.state === "off" ? "Live view not connected" : "Connecting\u2026"}</span>
                )}
                <span class="visually-hidden">: to the live view</span>
            </Link>
            <p class="visually-hidden" role="status">
                {spoken}
            </p>
        </>
    );
}
