"""contract.md, "Collecting": what an event may be, what is rejected, timestamps, duplicates. Bodies:
test_collecting_bodies.py."""

import uuid
from typing import Any

import pytest

from support.client import bearer
from support.events import custom, now_ms, other, pageview, uuid7
from support.server import Server, Site

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def rejection(site: Site, event: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """The one reason why an event between two good ones was not taken; the neighbours were."""
    answer = site.post([custom(site.id, "before"), event, custom(site.id, "behind")], headers)
    assert answer.status == 200, answer
    told = answer.json()
    assert told["status"] == "ok" and told["received"] == 2 and len(told["rejected"]) == 1, told
    assert told["rejected"][0]["index"] == 1, told
    return told["rejected"][0]


def without(event: dict[str, Any], *path: str) -> dict[str, Any]:
    part = event
    for name in path[:-1]:
        part = part[name]
    del part[path[-1]]
    return event


class TestTypes:
    def test_every_type_is_taken_and_only_pageviews_and_events_count(self, site: Site):
        seen = pageview(site.id, "/a")
        site.send(
            seen,
            custom(site.id, "signup"),
            other(site.id, "identify", user_id="u-1", traits={"plan": "pro"}),
            other(site.id, "ping", pageview_id=seen["event_id"], time_on_page=12.5, scroll_depth=80),
            other(site.id, "vitals", pageview_id=seen["event_id"], lcp=1200, inp=40, cls=0.05, fcp=800, ttfb=90),
        )
        site.send(custom(site.id, "last"))
        site.wait_events(3)
        assert site.value("pageviews") == 1

    def test_an_event_carries_what_it_was_given(self, site: Site):
        site.send(
            custom(
                site.id,
                None,
                category="shop",
                action="buy",
                label="blue",
                value=2.5,
                revenue="19.99",
                currency="EUR",
                non_interactive=True,
                properties={"plan": "pro", "seats": 5, "trial": False},
            )
        )
        site.wait_events(1)
        names = ["event_category", "event_action", "event_label", "property:plan", "property:seats", "property:trial"]
        assert site.query(["events"], names)["rows"] == [["shop", "buy", "blue", "pro", "5", "false", 1]]

    def test_the_name_of_an_event_is_its_dimension(self, site: Site):
        site.send(custom(site.id, "signup"), custom(site.id, "signup"), custom(site.id, "download"))
        site.wait_events(3)
        assert site.table("event_name") == {"signup": 2, "download": 1}

    @pytest.mark.parametrize("revenue", ["12.34", "0.1", "-5", 12.34, 7])
    def test_revenue_is_a_decimal_as_text_or_number(self, site: Site, revenue: Any):
        site.send(custom(site.id, revenue=revenue, currency="USD"))

    def test_members_that_nobody_knows_are_no_error(self, site: Site):
        site.send(pageview(site.id) | {"future": {"x": [1]}})

    def test_null_is_as_good_as_absent(self, site: Site):
        site.send(
            pageview(site.id, title=None, referrer=None, timestamp=None)
            | {"user_id": None, "session_id": None, "context": None}
        )


class TestRequired:
    @pytest.mark.parametrize(
        "event, field",
        [
            (lambda s: without(pageview(s), "type"), "type"),
            (lambda s: without(pageview(s), "tracking_id"), "tracking_id"),
            (lambda s: pageview(s, None), "data.page"),
            (lambda s: without(pageview(s), "data"), "data.page"),
            (lambda s: pageview(s, ""), "data.page"),
        ],
    )
    def test_what_is_missing_is_named(self, site: Site, event: Any, field: str):
        assert rejection(site, event(site.id)) == {"index": 1, "field": field, "reason": "missing"}

    def test_a_pageview_may_name_its_page_by_the_url_alone(self, site: Site):
        site.send(pageview(site.id, None, context={"url": "https://Site.Example/from/url?x=1#y"}))
        site.wait_events(1)
        assert site.query(["events"], ["page", "hostname"])["rows"] == [["/from/url", "site.example", 1]]

    @pytest.mark.parametrize("page", ["?utm_source=news", "#/cart"])
    def test_a_page_without_a_path_leaves_that_of_the_url(self, site: Site, page: str):
        site.send(pageview(site.id, page, context={"url": "https://site.example/pricing"}))
        site.wait_events(1)
        assert site.table("page") == {"/pricing": 1}

    @pytest.mark.parametrize(
        "page, url, expected",
        [
            pytest.param("//a//b?utm_source=news#x", None, ["//a//b", "", "news"], id="a page is a path"),
            pytest.param("//a", "https://site.example/", ["//a", "site.example", "Direct"], id="beside a URL"),
            pytest.param("https://Site.Example//a", None, ["//a", "site.example", "Direct"], id="a page with a host"),
            pytest.param(None, "https://site.example//a//b", ["//a//b", "site.example", "Direct"], id="behind a host"),
            pytest.param(None, "//site.example/a", ["/a", "site.example", "Direct"], id="a URL without a scheme"),
        ],
    )
    def test_two_slashes_begin_a_host_in_a_url_alone(
        self, site: Site, page: str | None, url: str | None, expected: list[str]
    ):
        site.send(pageview(site.id, page, context={"url": url}))
        site.wait_events(1)
        [[path, host, source, _]] = site.query(["events"], ["page", "hostname", "source"])["rows"]
        assert [path, host, source or "Direct"] == expected

    @pytest.mark.parametrize(
        "url",
        [
            "garbage",
            "site.example/pricing",
            "javascript:alert(1)",
            "javascript://site.example/%0aalert(1)",
            "JavaScript://site.example/%0aalert(1)",
            "data:text/html,<script>alert(1)</script>",
            "data://text/html,x",
            "about:blank",
            "mailto:ann@site.example",
            "blob:https://site.example/0b1c",
            "https:///pricing",
            "https://",
            "http://:8080/x",
            "?utm_source=news",
            " ",
        ],
    )
    def test_a_url_at_which_no_page_can_be_is_no_page(self, site: Site, url: str):
        for data in ({}, {"page": ""}, {"page": "#top"}):
            event = pageview(site.id, context={"url": url}) | {"data": data}
            assert rejection(site, event) == {"index": 1, "field": "context.url", "reason": "invalid"}
        # Only a pageview needs a page, and one that has its page lacks nothing.
        site.send(pageview(site.id, "/told", context={"url": url}), custom(site.id, "here") | {"context": {"url": url}})
        site.wait_events(6 + 2)
        assert site.table("page", filters=[["page", "is_set"]]) == {"/told": 1}
        assert site.table("hostname", filters=[["hostname", "is_set"]]) == {}

    @pytest.mark.parametrize(
        "url, page, host",
        [
            ("HTTPS://Site.Example:8443?x=1", "/", "site.example"),
            ("https://user:secret@site.example/a", "/a", "site.example"),
            ("http://[2001:db8::1]/a", "/a", "2001:db8::1"),
            ("http://localhost:3000/a", "/a", "localhost"),
            ("app://com.example.shop/cart", "/cart", "com.example.shop"),
            ("capacitor://localhost/cart", "/cart", "localhost"),
            ("app:///cart", "/cart", ""),
            ("file:///android_asset/www/index.html", "/android_asset/www/index.html", ""),
            ("/pricing?x=1", "/pricing", ""),
        ],
    )
    def test_a_url_may_be_of_an_app_and_of_every_host(self, site: Site, url: str, page: str, host: str):
        site.send(pageview(site.id, None, context={"url": url}))
        site.wait_events(1)
        assert site.query(["events"], ["page", "hostname"])["rows"] == [[page, host, 1]]

    def test_an_unknown_type_is_rejected(self, site: Site):
        assert rejection(site, pageview(site.id) | {"type": "explosion"})["field"] == "type"

    def test_an_unknown_tracking_id_is_a_rejection_and_no_error(self, site: Site):
        assert rejection(site, pageview("no-such-site"))["field"] == "tracking_id"

    def test_a_removed_site_is_unknown(self, server: Server, site: Site):
        site.send(pageview(site.id))
        server.command("site", "remove", site.id)
        told = site.post(pageview(site.id)).json()
        assert told["received"] == 0 and told["rejected"][0]["field"] == "tracking_id"

    def test_events_of_several_sites_share_a_body(self, server: Server, site: Site):
        second = server.add_site()
        assert (
            site.post([pageview(site.id), pageview(second.id), pageview("nobody"), pageview(second.id)]).json()[
                "received"
            ]
            == 3
        )
        site.wait_events(1)
        second.wait_events(2)

    def test_received_and_rejected_are_all_of_the_body_in_order(self, site: Site):
        told = site.post([pageview(site.id), 1, pageview(site.id, None), pageview(site.id), "x", None, []]).json()
        assert told["received"] == 2
        assert [one["index"] for one in told["rejected"]] == [1, 2, 4, 5, 6]
        assert all(set(one) == {"index", "field", "reason"} for one in told["rejected"])


class TestWrongTypes:
    @pytest.mark.parametrize(
        "field",
        [
            "tracking_id",
            "type",
            "event_id",
            "session_id",
            "user_id",
            "data",
            "context",
            "data.page",
            "data.title",
            "data.referrer",
            "data.timestamp",
            "context.url",
            "context.screen",
            "context.viewport",
            "context.language",
            "context.timezone",
            "context.sdk",
        ],
    )
    def test_of_a_pageview_is_rejected_by_its_path(self, site: Site, field: str):
        event = pageview(site.id, context={"url": "https://site.example/"})
        where = event
        *path, name = field.split(".")
        for part in path:
            where = where[part]
        where[name] = ["x"]
        assert rejection(site, event) == {"index": 1, "field": field, "reason": "wrong_type"}

    def test_of_sent_at_is_rejected_also_without_data(self, site: Site):
        event = {key: value for key, value in pageview(site.id).items() if key != "data"}
        event |= {"sent_at": "soon", "context": {"url": "https://site.example/z"}}
        assert rejection(site, event) == {"index": 1, "field": "sent_at", "reason": "wrong_type"}

    @pytest.mark.parametrize(
        "name, value",
        [
            ("name", 1),
            ("category", {}),
            ("action", True),
            ("label", []),
            ("value", "2"),
            ("properties", "x"),
            ("revenue", True),
            ("currency", 978),
            ("non_interactive", "yes"),
        ],
    )
    def test_of_an_event_is_rejected_by_its_path(self, site: Site, name: str, value: Any):
        assert rejection(
            site,
            (
                custom(site.id, "signup", **({name: value} if name != "name" else {}))
                if name != "name"
                else custom(site.id, value)
            ),
        ) == {"index": 1, "field": f"data.{name}", "reason": "wrong_type"}

    @pytest.mark.parametrize("value", [{}, [], {"deep": 1}])
    def test_of_a_property_is_rejected_by_its_path(self, site: Site, value: Any):
        assert rejection(site, custom(site.id, properties={"good": 1, "bad": value})) == {
            "index": 1,
            "field": "data.properties.bad",
            "reason": "wrong_type",
        }

    @pytest.mark.parametrize(
        "kind, name",
        [
            ("identify", "user_id"),
            ("identify", "traits"),
            ("ping", "pageview_id"),
            ("ping", "time_on_page"),
            ("ping", "scroll_depth"),
            ("vitals", "lcp"),
            ("vitals", "cls"),
        ],
    )
    def test_of_the_others_is_rejected_by_its_path(self, site: Site, kind: str, name: str):
        assert rejection(site, other(site.id, kind, **{name: ["x"]})) == {
            "index": 1,
            "field": f"data.{name}",
            "reason": "wrong_type",
        }

    @pytest.mark.parametrize(
        "event, field",
        [
            (lambda s: pageview(s) | {"event_id": "not-a-uuid"}, "event_id"),
            (lambda s: custom(s, revenue="12,50"), "data.revenue"),
            (lambda s: custom(s, revenue="abc"), "data.revenue"),
            (lambda s: custom(s, revenue="1", currency="EURO"), "data.currency"),
        ],
    )
    def test_what_has_the_type_and_no_sense_is_rejected_too(self, site: Site, event: Any, field: str):
        assert rejection(site, event(site.id))["field"] == field


class TestTimestamps:
    """R18, of the contract: what the client's clock may say."""

    @pytest.mark.parametrize("offset", [0, -1, -6 * DAY, -7 * DAY + MINUTE, 5 * MINUTE - 30_000])
    def test_R18_within_seven_days_late_and_five_minutes_early_is_taken(self, site: Site, offset: int):
        site.send(pageview(site.id, timestamp=now_ms() + offset))
        site.wait_events(1)

    @pytest.mark.parametrize(
        "timestamp",
        [
            pytest.param(lambda: now_ms() - 7 * DAY - MINUTE, id="eight days"),
            pytest.param(lambda: now_ms() + 5 * MINUTE + 30_000, id="six minutes"),
            pytest.param(lambda: 0, id="1970"),
            pytest.param(lambda: -1, id="1969"),
            pytest.param(lambda: 253_370_764_800_000, id="9999"),
            pytest.param(lambda: now_ms() // 1000, id="seconds"),
            pytest.param(lambda: now_ms() * 1000, id="microseconds"),
            pytest.param(lambda: 2**63 - 1, id="2^63-1"),
            pytest.param(lambda: -(2**63), id="-2^63"),
            pytest.param(lambda: 2**64 - 1, id="2^64-1"),
            pytest.param(lambda: 1e300, id="1e300"),
        ],
    )
    def test_R18_outside_of_it_is_out_of_range(self, site: Site, timestamp: Any):
        assert rejection(site, pageview(site.id, timestamp=timestamp())) == {
            "index": 1,
            "field": "data.timestamp",
            "reason": "out_of_range",
        }

    @pytest.mark.parametrize("timestamp", ["1795500000000", "2026-11-24T00:00:00Z", True])
    def test_R18_another_type_is_wrong(self, site: Site, timestamp: Any):
        assert rejection(site, pageview(site.id, timestamp=timestamp)) == {
            "index": 1,
            "field": "data.timestamp",
            "reason": "wrong_type",
        }

    def test_a_fraction_of_a_millisecond_is_no_error(self, site: Site):
        site.send(pageview(site.id, timestamp=now_ms() + 0.25))

    def test_without_one_the_receive_time_counts(self, site: Site):
        before = now_ms()
        site.send(pageview(site.id))
        site.wait_value("pageviews", 1, time_range=[iso(before - 1000), iso(now_ms() + 1000)])

    def test_sent_at_corrects_a_clock_that_is_wrong(self, site: Site):
        wrong = now_ms() + 3 * DAY
        site.send(pageview(site.id, "/skewed", timestamp=wrong - MINUTE) | {"sent_at": wrong})
        site.wait_value("pageviews", 1, time_range=[iso(now_ms() - 3 * MINUTE), iso(now_ms())])
        assert site.value("pageviews", time_range=[iso(now_ms() - 30_000), iso(now_ms() + 4 * DAY)]) == 0

    def test_sent_at_is_of_each_event(self, site: Site):
        wrong = now_ms() - 300 * DAY
        site.send(pageview(site.id, timestamp=wrong) | {"sent_at": wrong}, pageview(site.id, timestamp=now_ms()))
        told = site.post(
            [pageview(site.id, timestamp=wrong) | {"sent_at": wrong}, pageview(site.id, timestamp=wrong)]
        ).json()
        assert [one["index"] for one in told["rejected"]] == [1]

    def test_sent_at_does_not_make_a_late_event_young(self, site: Site):
        assert (
            rejection(site, pageview(site.id, timestamp=now_ms() - 8 * DAY) | {"sent_at": now_ms()})["reason"]
            == "out_of_range"
        )

    @pytest.mark.parametrize("scope", ["collect", "admin"])
    def test_a_key_for_imports_may_go_further_back_and_not_forward(self, site: Site, scope: str):
        site.send(pageview(site.id, timestamp=1_262_304_000_000), key=scope)  # 2010-01-01
        site.wait_value("pageviews", 1, date_range=["2010-01-01", "2010-01-01"])
        ahead = rejection(site, pageview(site.id, timestamp=now_ms() + 10 * MINUTE), bearer(site.key(scope)))
        assert ahead["reason"] == "out_of_range"


def iso(ms: int) -> str:
    import datetime

    return (
        datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


class TestDuplicates:
    def test_R11_the_same_id_twice_in_a_body_counts_once(self, site: Site):
        event = pageview(site.id)
        assert site.post([event, pageview(site.id), event]).json() == {
            "status": "ok",
            "received": 3,
            "rejected": [],
            "duplicates": 1,
        }
        site.send(custom(site.id, "last"))
        site.wait_events(3)

    def test_R11_the_same_id_in_another_request_counts_once(self, site: Site):
        event = pageview(site.id)
        assert site.post(event).json()["duplicates"] == 0
        for _ in range(3):
            assert site.post([event]).json() == {"status": "ok", "received": 1, "rejected": [], "duplicates": 1}
        site.send(custom(site.id, "last"))
        site.wait_events(2)

    @pytest.mark.parametrize(
        "make_id",
        [uuid7, lambda: str(uuid.uuid4()), lambda: uuid7(now_ms() - 30 * DAY), lambda: uuid7(now_ms() + 400 * DAY)],
        ids=["v7", "v4", "v7 of last month", "v7 of next year"],
    )
    def test_R11_every_kind_of_uuid_is_recognised(self, site: Site, make_id: Any):
        event = pageview(site.id) | {"event_id": make_id()}
        assert site.post(event).json()["duplicates"] == 0
        assert site.post(event).json()["duplicates"] == 1

    def test_an_id_is_a_number_however_it_is_written(self, site: Site):
        event = pageview(site.id)
        site.send(event)
        assert site.post(event | {"event_id": event["event_id"].upper()}).json()["duplicates"] == 1

    def test_the_first_content_wins(self, site: Site):
        event = pageview(site.id, "/first")
        site.send(event)
        assert site.post(pageview(site.id, "/second") | {"event_id": event["event_id"]}).json()["duplicates"] == 1
        site.send(custom(site.id, "last"))
        site.wait_events(2)
        assert site.table("page", "pageviews", filters=[["page", "contains", ["/"]]]).get("/first") == 1
        assert "/second" not in site.table("page")

    def test_the_same_id_on_two_sites_is_two_events(self, server: Server, site: Site):
        second = server.add_site()
        event = pageview(site.id)
        told = site.post([event, event | {"tracking_id": second.id}]).json()
        assert told["received"] == 2 and told["duplicates"] == 0
        site.wait_events(1)
        second.wait_events(1)

    def test_a_rejected_event_does_not_take_its_id(self, site: Site):
        bad = pageview(site.id, None)
        told = site.post([bad, bad | {"data": {"page": "/good"}}]).json()
        assert told["received"] == 1 and told["duplicates"] == 0
        site.wait_events(1)

    def test_without_an_id_there_is_no_protection(self, site: Site):
        event = without(pageview(site.id), "event_id")
        assert site.post([event, event]).json()["duplicates"] == 0
        assert site.post([event]).json()["duplicates"] == 0
        site.wait_events(3)

    def test_R11_audit_counts_what_the_answers_said(self, server: Server, site: Site):
        event = pageview(site.id)
        site.send(event, pageview(site.id))
        site.post([event, event, pageview(site.id, None)])
        [row] = [row for row in server.command("audit", "--site", site.id) if row["table"] == "events"]
        assert {name: row[name] for name in ("received", "stored", "duplicates", "rejected", "erased", "ok")} == {
            "received": 4,
            "stored": 2,
            "duplicates": 2,
            "rejected": 1,
            "erased": 0,
            "ok": True,
        }


class TestLongValues:
    def test_are_cut_and_counted_and_not_rejected(self, server: Server, site: Site):
        before = cut_count(server)
        site.send(
            pageview(site.id, "/" + "p" * 9_000, title="t" * 9_000),
            custom(site.id, "n" * 9_000, properties={"plan": "v" * 9_000}),
        )
        assert cut_count(server) >= before + 4
        site.wait_events(2)
        rows = {tuple(row[:3]) for row in site.query(["events"], ["page", "title", "event_name"])["rows"]}
        assert all(len(value) < 9_000 for row in rows for value in row)
        assert any(page.startswith("/ppp") and title.startswith("ttt") for page, title, _ in rows)
        assert any(name.startswith("nnn") for _, _, name in rows)

    def test_are_cut_at_the_edge_of_a_character(self, site: Site):
        site.send(*[pageview(site.id, title="x" * shift + "€" * 3_000) for shift in range(3)])
        site.wait_events(3)
        titles = set(site.table("title"))
        assert len(titles) == 3
        assert all(title.strip("x").strip("€") == "" for title in titles), titles

    def test_an_address_keeps_its_path(self, site: Site):
        site.send(pageview(site.id, "/short?" + "q" * 5_000))
        site.wait_events(1)
        assert site.table("page") == {"/short": 1}


def cut_count(server: Server) -> float:
    lines = server.request("GET", "/metrics").body.decode().splitlines()
    counters = [line for line in lines if "cut" in line.partition("{")[0].partition(" ")[0]]
    assert counters, "no metric of values that were cut"
    return sum(float(line.rpartition(" ")[2]) for line in counters)


class TestPages:
    @pytest.mark.parametrize(
        "sent, stored",
        [
            ("/a?b=c", "/a"),
            ("/a#b", "/a"),
            ("/a?b#c", "/a"),
            ("https://site.example/a/b?c", "/a/b"),
            ("/größe/日本", "/größe/日本"),
            ("/a//b/", "/a//b/"),
            ("/", "/"),
        ],
    )
    def test_a_page_is_its_path(self, site: Site, sent: str, stored: str):
        site.send(pageview(site.id, sent))
        site.wait_events(1)
        assert site.table("page") == {stored: 1}

    def test_S8_markup_is_text(self, site: Site):
        hostile = "/<script>alert(1)</script>'\"`\\{x:String} -- ; DROP TABLE events"
        site.send(pageview(site.id, hostile, title=hostile))
        site.wait_events(1)
        assert site.table("page") == {hostile: 1} and site.table("title") == {hostile: 1}
