"""Money, engaged time and scroll depth in answers, and sessions under a site's own timeout."""

from decimal import Decimal
from typing import Any

import pytest

from support.events import custom, now_ms, other, pageview, uuid7
from support.server import Site

MINUTE = 60_000


def bought(site: Site, revenue: Any, currency: str | None = None, **more: Any) -> dict[str, Any]:
    return custom(site.id, "purchase", revenue=revenue, **({"currency": currency} if currency else {}), **more)


def set_site(site: Site, *flags: str) -> Any:
    return site.server.command("site", "set", site.id, *flags)


class TestRevenue:
    def test_is_an_exact_sum_and_a_text(self, site: Site):
        prices = ["0.1", "0.2", 19.99, "-5", "99999999999999.9999", "99999999999999.9999"]
        site.send(*(bought(site, price, "EUR") for price in prices))
        site.wait_events(len(prices))
        answer = site.query(["revenue"])
        assert answer["columns"] == [{"name": "revenue", "type": "decimal", "role": "metric"}]
        assert answer["rows"] == [[str(sum(Decimal(str(price)) for price in prices))]] == [["200000000000015.2898"]]

    def test_of_nothing_is_0(self, site: Site):
        assert site.query(["revenue", "revenue_left_out"])["rows"] == [["0", 0]]
        site.send(pageview(site.id))
        site.wait_events(1)
        answer = site.query(["revenue", "pageviews"], ["page"])
        assert answer["rows"][0][1:] == ["0", 1] and answer["totals"]["revenue"] == "0"

    def test_a_site_counts_in_the_currency_of_its_first_event_unless_it_has_one(self, site: Site):
        site.send(bought(site, "7"), bought(site, "10", "eur"))
        site.send(bought(site, "100", "USD"), bought(site, "1", "EUR"), bought(site, "0", "JPY"))
        site.wait_events(5)
        metrics = ["revenue", "revenue_left_out"]
        assert site.query(metrics)["rows"] == [["18", 1]]
        assert set_site(site, "--currency", "USD")["currency"] == "USD"
        assert site.query(metrics)["rows"] == [["107", 2]], "all of history is counted so"

    def test_by_what_events_and_their_sessions_have(self, site: Site):
        then = now_ms() - 10 * MINUTE
        visit = pageview(site.id, "/?utm_source=news", timestamp=then) | {"user_id": "u"}
        sale = bought(site, "12.50", "EUR", page="/shop", timestamp=then + MINUTE) | {"user_id": "u"}
        direct = bought(site, "3", "EUR", page="/shop", timestamp=then) | {"user_id": "v"}
        site.send(visit, sale, direct)
        site.wait_events(3)
        assert site.query(["revenue", "sessions"], ["source"])["rows"] == [["news", "12.5", 1], ["", "3", 1]]
        by_page = site.query(["revenue"], ["page"])
        assert by_page["rows"] == [["/shop", "15.5"]] and by_page["totals"] == {"revenue": "15.5"}
        of_news: list[Any] = [["source", "is", ["news"]]]
        assert site.query(["revenue"], filters=of_news)["rows"] == [["12.5"]]


class TestWhatPingsTell:
    @pytest.fixture
    def read(self, site: Site) -> Site:
        """Ann reads /a twice and /b once, Bob /a once and tells nothing."""
        then = now_ms() - 10 * MINUTE
        views = [
            pageview(site.id, page, timestamp=then + at * MINUTE) | {"user_id": user, "event_id": uuid7()}
            for at, (user, page) in enumerate([("ann", "/a?utm_source=news"), ("ann", "/a"), ("ann", "/b"), ("bob", "/a")])
        ]
        told = [(0, 10, 40), (0, 30, 20), (1, 4, 80), (2, 6, 10)]
        pings = [
            other(site.id, "ping", pageview_id=views[of]["event_id"], time_on_page=seconds, scroll_depth=depth)
            | {"user_id": views[of]["user_id"]}
            for of, seconds, depth in told
        ]
        site.send(*pings[:1], *views, *pings[1:])
        site.wait_events(4)
        return site

    def test_the_largest_of_each_pageview_counts(self, read: Site):
        assert read.query(["time_on_page", "scroll_depth"])["rows"] == [[(30 + 4 + 6 + 0) / 4, (80 + 10) / 2]]

    def test_by_page_and_by_the_sessions_source(self, read: Site):
        by_page = read.query(["time_on_page", "scroll_depth", "pageviews"], ["page"], order_by=[["page", "asc"]])
        assert by_page["rows"] == [["/a", (30 + 4) / 3, 80.0, 3], ["/b", 6.0, 10.0, 1]]
        assert by_page["totals"] == {"time_on_page": 10.0, "scroll_depth": 45.0, "pageviews": 4}
        by_source = read.query(["time_on_page", "scroll_depth"], ["source"], order_by=[["source", "desc"]])
        assert by_source["rows"] == [["news", 40 / 3, 45.0], ["", 0.0, None]]

    def test_a_session_is_engaged_for_the_time_of_all_its_pageviews(self, read: Site):
        assert read.query(["engaged_time", "sessions"])["rows"] == [[40 / 2, 2]]
        by_source = read.query(["engaged_time"], ["source"], order_by=[["source", "desc"]])
        assert by_source["rows"] == [["news", 40.0], ["", 0.0]] and by_source["totals"] == {"engaged_time": 20.0}
        by_page = read.query(["engaged_time"], ["page"], order_by=[["page", "asc"]])
        assert by_page["rows"] == [["/a", 17.0], ["/b", 6.0]]

    def test_without_a_pageview_there_is_none(self, site: Site):
        site.send(custom(site.id))
        site.wait_events(1)
        assert site.query(["time_on_page", "scroll_depth"])["rows"] == [[None, None]]


class TestTimeout:
    @pytest.mark.parametrize("minutes", [1, 5, 30, 90, 1440])
    def test_decides_where_a_session_ends(self, site: Site, minutes: int):
        assert set_site(site, "--session-timeout-minutes", str(minutes))["session_timeout_minutes"] == minutes
        then = now_ms() - 4 * 24 * 60 * MINUTE
        times = [then, then + minutes * MINUTE - 1, then + 2 * minutes * MINUTE - 1]
        site.send(*(pageview(site.id, timestamp=at) | {"user_id": "u"} for at in times), key="collect")
        site.wait_events(3)
        assert site.query(["sessions", "views_per_session"])["rows"] == [[2, 1.5]]

    def test_holds_for_what_is_received_from_then_on(self, site: Site):
        then = now_ms() - 3 * 60 * MINUTE
        view = {"user_id": "u"}
        site.send(pageview(site.id, timestamp=then) | view)
        set_site(site, "--session-timeout-minutes", "60")
        site.send(pageview(site.id, timestamp=then + 45 * MINUTE) | view)
        site.wait_events(2)
        assert site.value("sessions") == 2, "the first event has the timeout of then"
        site.send(pageview(site.id, timestamp=then + 90 * MINUTE) | view)
        site.wait_events(3)
        assert site.value("sessions") == 2
        set_site(site, "--session-timeout-minutes", "30")
        site.wait_events(3)
        assert site.value("sessions") == 2, "what is stored stays as it is"
