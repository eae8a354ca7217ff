"""ADR 19: the store forgets the ids of old events; what pings told of them, sessions, replays and audit stay what they were."""

from typing import Any

from support.events import now_ms, other, pageview
from support.server import Server
from support.store import store
from test_audit import audit
from test_rebuild import rebuild

DAY_MS = 86_400_000
IDS = "SELECT countIf(event_id != toUUIDOrZero('')), countIf(pageview_id != toUUIDOrZero('')) FROM footfall.events"


SECONDS = 17


def test_what_pings_told_outlives_the_ids(start_server: Any):
    server: Server = start_server(env={"FOOTFALL_LOADER_INTERVAL_MS": "50"})
    site = server.add_site(timezone="UTC")
    site.key("read")
    old, new = now_ms() - 30 * DAY_MS, now_ms() - DAY_MS
    views, pings = [], []
    for at, who in ((old, "old"), (new, "new")):
        for number in range(40):
            view = pageview(site.id, f"/{who}/{number % 4}", timestamp=at + number * 1000) | {"user_id": f"{who} {number}"}
            views.append(view)
            ping = other(site.id, "ping", pageview_id=view["event_id"], time_on_page=SECONDS + number % 2, scroll_depth=50, timestamp=at + number * 1000 + 500)
            pings.append(ping | {"user_id": f"{who} {number}"})
    # Some before their pageviews, which are sent after a start: what is remembered of them comes from the table.
    site.send(*views[:30], *pings[:30], *pings[30:], key="collect")
    site.wait_events(30)
    store(server, "OPTIMIZE TABLE footfall.events FINAL")
    server.kill()
    server.start()
    site.send(*views[30:], key="collect")
    site.wait_events(80)
    store(server, "OPTIMIZE TABLE footfall.events FINAL")
    assert store(server, IDS) == "80\t40\n", "those of a day ago have theirs: pageviews, pings and what these name"

    def told() -> list[Any]:
        questions = (["time_on_page", "scroll_depth"], ["page"]), (["session_duration", "engaged_time"], ["date"])
        return [site.query(metrics, dimensions, time_range="12mo")["rows"] for metrics, dimensions in questions]

    before = told()
    assert {tuple(row[1:]) for row in before[0]} == {(SECONDS + 0.0, 50.0), (SECONDS + 1.0, 50.0)}
    engaged = store(server, f"SELECT countIf(engaged >= {SECONDS}), count() FROM footfall.sessions FINAL")
    assert engaged == "80\t80\n"
    audit(server, 0)
    # Pings that come later still find their pageview, and a store that is filled anew says the same.
    site.send(*[ping | {"event_id": other(site.id, "ping")["event_id"], "data": ping["data"] | {"time_on_page": 99}} for ping in pings[:4]], key="collect")
    site.wait_value("time_on_page", 99, time_range="12mo", filters=[["user_id", "is", ["old 0", "old 1", "old 2", "old 3"]]])
    done = told()
    audit(server, 0)
    rebuild(server)
    assert told() == done
    audit(server, 0)
