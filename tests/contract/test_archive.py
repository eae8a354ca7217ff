"""The archive as Parquet, read by DuckDB: what was acknowledged, column by column, in files that it needs no help to understand."""

from collections import Counter
from typing import Any

from support.archive import ask, doctor, duckdb, log_end, one, wait_archived
from support.events import custom, other, pageview
from support.server import Server

# So many entries make a file, so that nobody has to wait for the end of an hour.
SMALL = ("--archive.enabled", "on", "--archive.range_entries_max", "100")


def test_duckdb_reads_what_was_acknowledged(start_server: Any):
    server: Server = start_server(*SMALL)
    site, second = server.add_site(), server.add_site()
    sent: list[dict[str, Any]] = []
    for n in range(20):
        events = [
            pageview(site.id, f"/page/{n}", title=f"Größe {n}", context={"language": "de-DE"}) | {"user_id": f"user-{n % 3}"},
            custom(site.id, "buy", revenue="19.99", currency="EUR", properties={"plan": "pro", "seats": n}),
            pageview(second.id, "/second"),
            other(site.id, "vitals", lcp=1234.5),
        ]
        events[3]["data"]["pageview_id"] = events[0]["event_id"]
        site.send(*events)
        sent += events
    repeated = site.post([sent[0]]).json()
    assert repeated["duplicates"] == 1
    assert len(site.post([{"type": "pageview", "tracking_id": site.id, "data": {}}]).json()["rejected"]) == 1
    # The file that these are in has to be full.
    site.send(*[pageview(site.id, "/filler") for _ in range(100)])
    wait_archived(server, len(sent))
    archive = server.data / "archive"
    mine = f"website_id = '{site.id}' AND page <> '/filler'"
    rows = ask(archive, "SELECT * FROM archive WHERE page <> '/filler' ORDER BY log_offset")
    assert [row["event_id"] for row in rows] == [event["event_id"] for event in sent]
    assert Counter(row["website_id"] for row in rows) == {site.id: 60, second.id: 20}
    first, bought, _, vitals = rows[:4]
    assert (first["event_type"], first["page"], first["title"], first["user_id"], first["language"]) == (
        "pageview",
        "/page/0",
        "Größe 0",
        "user-0",
        "de-DE",
    )
    assert bought["properties"] == [{"key": "plan", "value": "pro"}, {"key": "seats", "value": "0"}], bought["properties"]
    assert (vitals["lcp"], vitals["pageview_id"]) == (1234.5, first["event_id"])
    # Types are those that one counts with: money is exact, time is time, a hash is the number that the store has.
    assert one(archive, f"sum(revenue) FILTER ({mine})") == "399.8000"
    assert int(one(archive, f"count(DISTINCT visitor_id) FILTER ({mine} AND user_id <> '')")) == 3
    assert one(archive, "max(properties['plan'])") == "pro"
    assert one(archive, "max(abs(epoch_ms(received_at) - epoch_ms(now()::TIMESTAMP))) < 600000") is True
    assert int(one(archive, "count(*) FILTER (strftime(received_at, '%Y-%m-%d') <> received_date::VARCHAR)")) == 0
    # Of the rest, the repetition and the refusal are counted.
    tallies = ask(archive, "SELECT kind, payload FROM archive ORDER BY log_offset", "entries")
    assert {row["kind"] for row in tallies} == {"tally"} and len(tallies) >= 1


def test_files_are_sorted_by_site_and_say_so(start_server: Any):
    server: Server = start_server(*SMALL)
    sites = [server.add_site(site_id=name) for name in ("zebra", "ant", "mole")]
    for n in range(70):
        sites[n % 3].send(*[pageview(sites[(n + i) % 3].id, f"/{n}") for i in range(3)])
    wait_archived(server, 200)
    files = sorted(str(path) for path in (server.data / "archive/events").rglob("*.parquet"))
    assert len(files) == 2
    for file in files:
        rows = duckdb(f"SELECT website_id, epoch_ms(timestamp) AS time, log_offset FROM read_parquet('{file}')")
        found = [(row["website_id"], int(row["time"]), int(row["log_offset"])) for row in rows]
        assert len(found) == 100 and found == sorted(found)
        [bounds] = duckdb(
            "SELECT stats_min_value AS least, stats_max_value AS greatest "
            f"FROM parquet_metadata('{file}') WHERE path_in_schema = 'website_id'"
        )
        assert bounds == {"least": "ant", "greatest": "zebra"}
    assert log_end(server) == 210


def test_doctor_and_metrics_say_how_far_the_archive_is(start_server: Any):
    server: Server = start_server(*SMALL)
    site = server.add_site()
    site.send(*[pageview(site.id, "/") for _ in range(150)])
    wait_archived(server, 100)
    finding = doctor(server)
    assert finding["ok"] and "up to 100 of 150" in finding["what"], finding
    assert server.metric("footfall_archive_events_total") == 100
    assert server.metric("footfall_archive_bytes_total") > 1_000
    assert server.metric("footfall_archive_lag_seconds") >= 0


def test_the_archive_is_off_unless_asked_for(server: Server):
    assert server.request("GET", "/api/v1/status").json()["archive"]["on"] is False
    assert not (server.data / "archive").exists()
    finding = doctor(server)
    assert finding["ok"] and "archive.enabled" in finding["what"], finding
