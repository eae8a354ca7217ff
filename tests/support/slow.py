"""Many pageviews straight into the store, since the product would take them as slowly as they come, and questions that take their time over them.
Standard library only."""

from typing import Any

from support.server import Server, Site
from support.store import store

LONG_PAGE = "concat('/shop/', toString(number), '/', repeat(hex(sipHash128(number)), 4))"


def fill(site: Site, count: int, page: str = LONG_PAGE, times: str = "1") -> None:
    """An hour old, each of another visitor; `page` and how many times each is seen are expressions of `number`."""
    at_once = 200_000  # the store has memory for
    for begin in range(0, count, at_once):
        store(
            site.server,
            "INSERT INTO footfall.events (website_id, event_type, timestamp, visitor_id, page) SELECT "
            f"'{site.id}', 'pageview', now64(3) - toIntervalSecond(3600), cityHash64(number), {page} "
            f"FROM numbers({begin}, {min(at_once, count - begin)}) ARRAY JOIN range({times})",
        )


def slow_filters(patterns: int) -> list[Any]:
    """Keep nothing and fit no shortcut: what a question costs grows with the patterns, of which 100 may be asked for."""
    return [["page", "matches", [f"([a-z/]+[0-9]*)+[A-F]{n % 7 + 2}[0-9]+.*q{n}" for n in range(patterns)]]]


def running(server: Server) -> int:
    """Statements in the store that have such filters."""
    return int(store(server, "SELECT count() FROM system.processes WHERE query LIKE '%match(%' AND query NOT LIKE '%system.processes%'"))
