"""Exports of a site and of a visitor: complete, ready to be sent again, and harmless in a spreadsheet."""

import csv
import io
import json
import pathlib
from typing import Any

from support.events import GOOGLEBOT, SAFARI_IPHONE, custom, now_ms, other, pageview
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


def with_every_field(site: Site) -> list[dict[str, Any]]:
    """Events that a server sends for its visitors: each field of the contract, and what one of them alone must give."""
    page = "/pricing?utm_source=news&utm_medium=E-Mail&utm_campaign=x%20y&utm_term=t%26t&utm_content=\u00e9&gclid=secret"
    read = pageview(
        site.id, page, title="Preise \u00fcberall", referrer="https://www.google.com/search?q=x", timestamp=now_ms() - 90_000
    )
    whole = {
        "url": "https://site.example/pricing?utm_source=other",
        "screen": "1920x1080",
        "viewport": "1200x800",
        "language": "de-DE",
        "timezone": "Europe/Berlin",
        "sdk": "web/1.0.0",
        "ip": "8.8.8.8",
        "user_agent": SAFARI_IPHONE,
    }
    bought = custom(
        site.id,
        "bought",
        category="c",
        action="a",
        label="l",
        value=0,
        properties={"text": "k", "number": 1.5, "bool": True, "empty": ""},
        revenue="12.5000",
        currency="EUR",
        non_interactive=True,
        referrer="https://blog.example/post",
    )
    of_one = {"session_id": "s-1", "user_id": USER, "sent_at": now_ms() - 5_000, "context": whole}
    pageview_id = read["event_id"]
    events = [
        read | of_one,
        bought | of_one,
        custom(site.id, None, category="c", action="older form", value=2.5) | of_one,
        custom(site.id, "free", revenue=0, currency="usd") | of_one,
        other(site.id, "ping", pageview_id=pageview_id, time_on_page=7.25, scroll_depth=50, page="/pricing") | of_one,
        other(site.id, "ping", pageview_id=pageview_id, time_on_page=0, scroll_depth=0) | of_one,
        other(site.id, "vitals", pageview_id=pageview_id, lcp=1200.5, inp=8, cls=0.25, fcp=700, ttfb=90) | of_one,
        other(site.id, "identify", user_id=USER, traits={"name": "N", "age": 7}) | {"context": whole},
        # Of long ago, and of nobody who is known.
        pageview(site.id, "/old", timestamp=now_ms() - 40 * 86_400_000) | of_one,
        pageview(site.id, "/anonymous", context=whole),
        pageview(site.id, "/bot", context=whole | {"user_agent": GOOGLEBOT}),
        pageview(site.id, "/no-agent", context={"ip": "8.8.4.4"}),
    ]
    # Where it came from, each by another way, and pages whose address is not plain.
    for referrer in ("https://www.google.com/", "https://blog.example/post", "android-app://com.google.android.gm"):
        events.append(pageview(site.id, "/by-referrer", referrer=referrer))
        events.append(pageview(site.id, "/both?utm_source=fb&utm_medium=cpc", referrer=referrer))
        events.append(pageview(site.id, "/both?utm_campaign=only", referrer=referrer))
    for query in ("utm_source=fb", "utm_medium=social", "utm_campaign=c", "gclid=1", "fbclid=1", "msclkid=1&utm_source=x"):
        events.append(pageview(site.id, f"/by-query?{query}"))
        events.append(custom(site.id, "by query") | {"context": {"url": f"https://site.example/a?{query}"}})
    for page, url in (
        ("screen", "https://app.example/"),
        ("//two//slashes", None),
        (None, "https://[2001:db8::7]/v6?utm_source=x"),
        (None, "app:///cart?utm_source=x"),
        ("/" + "p" * 1_980 + "?utm_source=" + "s" * 100, "https://long.example/?utm_campaign=c"),
        ("/" + "p" * 1_990, "https://long.example/?utm_source=long&utm_campaign=" + "\u00e9" * 90),
        ("/" + "p" * 1_990, "app:///?utm_source=long&utm_campaign=" + "\u00e9" * 90),
    ):
        events.append(pageview(site.id, page) | ({"context": {"url": url}} if url else {}))
    return events


class TestSentAgain:
    def test_every_field_comes_back_as_it_was_but_for_what_tells_the_sending_apart(
        self, server: Server, site: Site, start_server: Any
    ):
        """To another installation with a site of the same id, by a program that is nobody's browser."""
        events = with_every_field(site)
        site.send(*events, key="collect")
        # And what a browser itself sends.
        by_browser = [pageview(site.id, f"/by-browser/{n}", referrer="https://www.google.com/") for n in range(3)]
        site.send(*by_browser, headers={"Accept-Language": "fr-CH, fr;q=0.9", "X-Forwarded-For": "203.0.113.9"})
        site.wait_events(len([e for e in events if e["type"] in ("pageview", "event")]) + 3)
        told = lines(exported(server, "--site", site.id))
        assert [line["event_id"] for line in told] == [event["event_id"] for event in events + by_browser]

        again = start_server().add_site(site_id=site.id)
        sent = [{name: value for name, value in line.items() if name != "record"} for line in told]
        again.send(*sent, headers={"User-Agent": "python-requests/2.32.3"}, key="collect")
        copies = [line["record"] for line in lines(exported(again.server, "--site", site.id))]
        visitors: dict[str, str] = {}
        for line, copy in zip(told, copies, strict=True):
            record = line["record"]
            anonymous = "user_id" not in record or record["event_type"] == "identify"
            if anonymous:
                # Of another day's salt; whoever was one visitor is one again.
                assert visitors.setdefault(record["visitor_id"], copy["visitor_id"]) == copy["visitor_id"], line
            apart = {"received_at": 0} | ({"visitor_id": ""} if anonymous else {})
            assert record | apart == copy | apart, line
        assert len(set(visitors.values())) == len(visitors)
        assert all(row["ok"] for one in (server, again.server) for row in one.command("audit", "--site", site.id))


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
