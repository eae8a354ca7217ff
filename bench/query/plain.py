"""The questions of bench/query/year as somebody would write them by hand against the raw table of events, with no other table,
no rollup, no sample and no cache: what the answers are compared with, and what the time is a ratio to."""

from typing import Any

# Sessions as the events' own key has them; bounce and duration are then a group of each.
HEADLINE = """
SELECT uniqExact(visitor_id), countIf(event_type = 'pageview'), uniqExact(session_key)
FROM footfall.events WHERE {where}"""
TIMELINE = """
SELECT toDate(timestamp) AS d, uniqExact(visitor_id) AS v, countIf(event_type = 'pageview')
FROM footfall.events WHERE {where} GROUP BY d ORDER BY d"""
BOUNCES = """
SELECT 100 * countIf(n = 1) / count(), avg(duration) FROM
(SELECT session_key, count() AS n, dateDiff('millisecond', min(timestamp), max(timestamp)) / 1000 AS duration
 FROM footfall.events WHERE {where} GROUP BY session_key)"""
TOP = """
SELECT {column} AS d, uniqExact(visitor_id) AS v, count() FROM footfall.events WHERE {where} AND {more} GROUP BY d ORDER BY v DESC, d LIMIT 10"""
SOURCES = """
SELECT s, uniqExact(v) AS n FROM
(SELECT session_key, argMin(source, timestamp) AS s, any(visitor_id) AS v FROM footfall.events WHERE {where} GROUP BY session_key)
GROUP BY s ORDER BY n DESC, s LIMIT 10"""
FUNNEL = """
SELECT level, count() FROM
(SELECT visitor_id, windowFunnel(2592000000)(toUInt64(toUnixTimestamp64Milli(timestamp)), {steps}) AS level
 FROM footfall.events WHERE {where} GROUP BY visitor_id) WHERE level > 0 GROUP BY level ORDER BY level"""
RETENTION = """
SELECT first, dateDiff('week', first, week) AS later, uniqExact(visitor_id) FROM
(SELECT visitor_id, toMonday(timestamp) AS week, min(week) OVER (PARTITION BY visitor_id) AS first FROM
 (SELECT DISTINCT visitor_id, toStartOfDay(toMonday(timestamp)) AS timestamp FROM footfall.events WHERE {where}))
GROUP BY first, later ORDER BY first, later"""


def where_of(site: str, days: list[str], more: str = "") -> str:
    """Rows of those days, both included; by the day too, as the key has it: whoever writes it by hand knows the key."""
    first, last = days
    where = (
        f"website_id = '{site}' AND toDate(timestamp) BETWEEN '{first}' AND '{last}' "
        "AND event_type IN ('pageview', 'event') AND NOT is_bot"
    )
    return f"{where} AND {more}" if more else where


def overview(site: str, days: list[str], more: str = "") -> dict[str, str]:
    where = where_of(site, days, more)
    return {
        "headline": HEADLINE.format(where=where),
        "bounces": BOUNCES.format(where=where),
        "timeline": TIMELINE.format(where=where),
        "pages": TOP.format(where=where, column="page", more="event_type = 'pageview'"),
        "sources": SOURCES.format(where=where),
        "countries": TOP.format(where=where, column="country", more="true"),
        "devices": TOP.format(where=where, column="device_type", more="true"),
        "events": TOP.format(where=where, column="event_name", more="event_type = 'event'"),
    }


def funnel(site: str, days: list[str], steps: list[str]) -> str:
    tests = ", ".join(f"event_type = 'pageview' AND page = '{page}'" for page in steps)
    return FUNNEL.format(where=where_of(site, days), steps=tests)


def retention(site: str, days: list[str]) -> str:
    return RETENTION.format(where=where_of(site, days))


def rows(text: str) -> list[list[Any]]:
    """Of TabSeparated."""
    return [line.split("\t") for line in text.splitlines()]
