"""Sessions by what an event has of its own: one counts once for each host, language, device or country that one of its
events has, and once in the total, whatever else is asked beside it.
"""

from typing import Any

import pytest

from support.events import SAFARI_IPHONE, custom, now_ms, pageview
from support.server import Site

MINUTE = 60_000


def visit(site: Site, visitor: str, at_ms: int, url: str, **context: Any) -> dict[str, Any]:
    event = pageview(site.id, None, context={"url": url, **context}, timestamp=at_ms)
    event["user_id"] = visitor
    return event


class TestSessionsAcrossHosts:
    @pytest.fixture
    def hosts(self, site: Site) -> Site:
        """One visitor goes from the blog to the shop, one reads the blog alone, one the shop alone."""
        then = now_ms() - 10 * MINUTE
        events = [
            visit(site, "both", then, "https://blog.example/a"),
            visit(site, "both", then + MINUTE, "https://shop.example/b"),
            visit(site, "reader", then, "https://blog.example/a"),
            visit(site, "buyer", then, "https://shop.example/b"),
        ]
        site.send(*events)
        site.wait_events(len(events))
        return site

    def test_each_host_has_the_sessions_that_were_on_it(self, hosts: Site):
        answer = hosts.query(["sessions", "pageviews", "bounce_rate"], ["hostname"])
        assert answer["rows"] == [["blog.example", 2, 2, 50.0], ["shop.example", 2, 2, 50.0]]
        assert answer["totals"]["sessions"] == 3

    @pytest.mark.parametrize("host", ["blog.example", "shop.example"])
    def test_a_filter_that_changes_nothing_changes_no_number(self, hosts: Site, host: str):
        by_host: list[Any] = ["hostname", "is", [host]]
        metrics = ["sessions", "bounce_rate", "session_duration"]
        alone = hosts.query(metrics, filters=[by_host])["rows"]
        assert alone == [[2, 50.0, 30.0]]
        assert hosts.query(metrics, filters=[by_host, ["page", "is_set"]])["rows"] == alone

    def test_what_is_the_sessions_own_stays(self, hosts: Site):
        of_shop = {"filters": [["hostname", "is", ["shop.example"]]]}
        assert hosts.query(["sessions"], ["entry_page"], **of_shop)["rows"] == [["/a", 1], ["/b", 1]]
        assert hosts.query(["sessions"], ["source"], **of_shop)["rows"] == [["", 2]]


@pytest.mark.parametrize(
    ("dimension", "first", "second", "rows"),
    [
        ("language", {"language": "de"}, {"language": "fr"}, [["de", 1], ["fr", 1]]),
        (
            "device_type",
            {"user_agent": SAFARI_IPHONE},
            {"user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
            [["desktop", 1], ["mobile", 1]],
        ),
        (
            "screen_class",
            {"screen": "390x844"},
            {"screen": "2560x1440"},
            [["desktop", 1], ["mobile", 1]],
        ),
    ],
)
def test_a_session_counts_for_each_value_of_its_events(
    site: Site, dimension: str, first: dict[str, Any], second: dict[str, Any], rows: list[Any]
):
    then = now_ms() - 10 * MINUTE
    key = "collect"  # which may say whose browser it was
    page = "https://site.example/"
    site.send(visit(site, "u", then, page, **first), visit(site, "u", then + MINUTE, page, **second), key=key)
    site.wait_events(2)
    answer = site.query(["sessions"], [dimension], order_by=[[dimension, "asc"]])
    assert answer["rows"] == rows
    assert answer["totals"]["sessions"] == 1


def test_a_late_event_between_two_sessions_joins_them_for_each_of_its_values(site: Site):
    then = now_ms() - 70 * MINUTE
    early = visit(site, "u", then, "https://a.example/")
    later = visit(site, "u", then + 40 * MINUTE, "https://b.example/")
    site.send(early, later)
    site.wait_events(2)
    assert site.query(["sessions"], ["hostname"])["rows"] == [["a.example", 1], ["b.example", 1]]
    assert site.query(["sessions"])["rows"] == [[2]]
    between = custom(site.id, "play", timestamp=then + 20 * MINUTE)
    between |= {"user_id": "u", "context": {"url": "https://c.example/"}}
    site.send(between)
    site.wait_events(3)
    answer = site.query(["sessions"], ["hostname"])
    assert answer["rows"] == [["a.example", 1], ["b.example", 1], ["c.example", 1]]
    assert answer["totals"]["sessions"] == 1
