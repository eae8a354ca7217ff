"""Exports of a site and of a visitor: complete, ready to be sent again, and harmless in a spreadsheet."""

import csv
import io
import json
import pathlib
from typing import Any

from support.events import custom, other, pageview
from support.server import Server, Site, run_command

USER = "user-4711"


def exported(server: Server, *words: str) -> str:
    done = run_command("export", *words, data=server.data)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def send_all(site: Site) -> list[dict[str, Any]]:
    mine = pageview(site.id, "/a?utm_source=news&utm_campaign=x%20y", title="A \u00fc", context={"url": "https://site.example/a"})
    events = [
        mine,
        custom(site.id, "bought", category="c", action="a", label="l", value=2.5, properties={"k": "v"}, revenue="12.50", currency="EUR"),
        other(site.id, "ping", pageview_id=mine["event_id"], time_on_page=7, scroll_depth=50),
        other(site.id, "vitals", pageview_id=mine["event_id"], lcp=1200.5),
        other(site.id, "identify", user_id=USER, traits={"name": "N"}),
    ]
    events = [event | {"user_id": USER} for event in events]
    site.send(*events, pageview(site.id, "/other") | {"user_id": "somebody-else"})
    site.post([{"type": "pageview", "tracking_id": site.id, "user_id": USER, "data": {}}])
    site.wait_value("pageviews", 2)
    return events


class TestAVisitor:
    def test_S22_all_that_is_kept_is_there_and_nothing_of_others(self, server: Server, site: Site):
        events = send_all(site)
        found = lines(exported(server, "--site", site.id, "--visitor", USER))
        assert [line["event_id"] for line in found if "type" in line] == [event["event_id"] for event in events]
        assert [line["rejected"]["reason"] for line in found if "rejected" in line] == ["missing"]
        assert [line["session"]["events"] for line in found if "session" in line] == [2]
        assert "somebody-else" not in json.dumps(found) and "/other" not in json.dumps(found)
        record = found[0]["record"]
        assert record["user_id"] == USER and record["campaign"] == "x y" and len(record["visitor_id"]) == 16

    def test_it_can_be_sent_to_another_site(self, server: Server, site: Site):
        send_all(site)
        text = exported(server, "--site", site.id)
        new = server.add_site()
        events = [line | {"tracking_id": new.id} for line in lines(text) if "type" in line]
        assert len(events) == 6
        new.send(*events, key="collect")
        new.wait_value("pageviews", 2)
        for dimension in ("page", "title", "source", "campaign", "event_name", "user_id", "hostname", "property:k"):
            assert new.table(dimension) == site.table(dimension), dimension
        again = [line["record"] for line in lines(exported(server, "--site", new.id)) if "type" in line]
        for before, after in zip([line["record"] for line in lines(text) if "type" in line], again, strict=True):
            for name in ("event_id", "event_type", "timestamp", "properties", "revenue", "currency", "time_on_page", "lcp"):
                assert before.get(name) == after.get(name), name


class TestASite:
    def test_by_days(self, server: Server, site: Site):
        site.send(pageview(site.id))
        assert len(lines(exported(server, "--site", site.id, "--since", "2020-01-01"))) == 1
        assert exported(server, "--site", site.id, "--until", "2020-01-01") == ""
        done = run_command("export", "--site", site.id, "--since", "soon", data=server.data)
        assert done.returncode == 2 and "--since" in done.stderr

    def test_page_by_page_it_is_whole(self, start_server: Any):
        server: Server = start_server()
        site = server.add_site()
        for _ in range(12):
            site.send(*[pageview(site.id, f"/{n}", title="t" * 400) for n in range(900)])
        text = exported(server, "--site", site.id)
        assert len(text) > 8 << 20, "else it is one page"
        ids = [line["event_id"] for line in lines(text)]
        assert len(ids) == len(set(ids)) == 12 * 900
        server.terminate()
        done = run_command("export", "--site", site.id, data=server.data)
        assert done.stdout == text, "without a server"

    def test_S9_no_field_of_csv_is_a_formula(self, server: Server, site: Site):
        hostile = ["=1+1", "+1", "-1", "@x", "\tx", "=HYPERLINK(\"http://x\",\"y\")", "a,b\r\nc"]
        site.send(*[custom(site.id, text, label=text) for text in hostile])
        rows = list(csv.DictReader(io.StringIO(exported(server, "--site", site.id, "--format", "csv"), newline="")))
        assert [row["event_label"] for row in rows] == ["'" + text for text in hostile[:-1]] + ["a,b\nc"], "by text mode"
        assert all(row["event_type"] == "event" and row["website_id"] == site.id for row in rows)

    def test_an_unknown_one_is_told(self, server: Server, folder: pathlib.Path):
        done = run_command("export", "--site", "of-no-event", data=server.data)
        assert done.returncode == 1 and "'of-no-event'" in done.stderr and done.stdout == ""
        done = run_command("export", "--site", "x", data=folder / "nothing")
        assert done.returncode == 1 and "no installation" in done.stderr
