"""Probe 6: what brought a visitor first, asked of all their sessions each time, instead of being kept (ADR 18).

    touch_probe.py [sessions]

One site's sessions (default 3,300,000 in a year; two thirds as many visitors, of whom each session has one by chance) and a
tenth as many of 20 others, in the product's table. The statements are those of tests/planner/touches.txt, with the range as
the probe sets it, and their answers are held against a window over all sessions. 2 % of the sessions have changed since.
"""

import re
import shutil
import sys
import tempfile
import time

from engine import CHECKOUT, Claims, Engine, EngineError, table

SESSIONS_SQL = """
INSERT INTO footfall.sessions (website_id, visitor_id, session_key, started_at, ended_at, open_until, pageviews, events,
    source, medium, campaign, channel, sign, version)
SELECT if(number < {own}, 's1', concat('other-', toString(number % 20))), cityHash64(rand(1) % {visitors}), cityHash64(number),
    toDateTime64('2025-11-25 00:00:00', 3, 'UTC') + rand(2) % 31536000 AS at, at, at + 1800, 1, {version},
    ['', 'Google', 'Bing', 'X', 'news', 'Reddit', 'partner.example'][rand(3) % 7 + 1] AS from, '',
    if(rand(4) % 5 = 0, concat('campaign-', toString(rand(5) % 40)), ''), if(from = '', 'Direct', 'Referral'), 1, {version}
FROM numbers({from_number}, {count})
"""
CHANGED = """
INSERT INTO footfall.sessions
SELECT * REPLACE ({sign} AS sign, {version} AS version) FROM footfall.sessions
WHERE session_key % 50 = 0 AND sign = 1 AND version = 1
"""
TO = "2026-11-25 00:00:00.000"
RANGES = {"a day": "2026-11-24 00:00:00.000", "30 days": "2026-10-26 00:00:00.000", "a year": "2025-11-25 00:00:00.000"}
WHOLE = """
SELECT s, count() FROM
(
    SELECT started_at, {value} AS s FROM footfall.sessions FINAL WHERE website_id = 's1'
    WINDOW w AS (PARTITION BY visitor_id ORDER BY started_at)
)
WHERE started_at >= '{begin}' GROUP BY s ORDER BY s
"""
TITLES = {
    "by source": ("sessions by their own source", "source"),
    "by first_source": ("sessions by the first source", "first_value(source) OVER w"),
    "by last_source": (
        "sessions by the last source",
        # As the definition has it: 90 days before, and the session's own where nothing was.
        "if(source != '', source, arrayLast(t -> t.2 != '' AND t.1 >= started_at - toIntervalDay(90),"
        " groupArray((started_at, source)) OVER w).2)",
    ),
}


def statement(title, begin):
    golden = (CHECKOUT / "tests/planner/touches.txt").read_text()
    case = golden.split(f"== {title}\n")[1].split("\n== ")[0]
    sql = case[case.index("\nSELECT") : case.index("\nwith\n")]
    given = {"site": "'s1'", "from": f"'{begin}'", "to": f"'{TO}'", "limit": "100"}
    sql = re.sub(r"\{(\w+):[^}]*\}", lambda match: given[match[1]], sql)
    # As touch_settings() has it.
    return sql + ("\nSETTINGS join_algorithm = 'full_sorting_merge'" if "ASOF" in sql else "")


def main():
    own = int(sys.argv[1]) if len(sys.argv) > 1 else 3_300_000
    work = tempfile.mkdtemp(prefix="footfall-touch-")
    engine = Engine(work, max_block_size=65409)
    claims = Claims()
    engine.raw("CREATE DATABASE footfall")
    engine.raw((CHECKOUT / "sql/clickhouse/0034-sessions.sql").read_text())
    count = own + own // 10
    for begin in range(0, count, 500_000):
        engine.raw(
            SESSIONS_SQL.format(
                own=own, visitors=own * 2 // 3, version=1, from_number=begin, count=min(500_000, count - begin)
            )
        )
    for sign, version in ((-1, 1), (1, 2)):
        engine.raw(CHANGED.format(sign=sign, version=version))
    figures = []
    for name, begin in RANGES.items():
        for kind, (title, value) in TITLES.items():
            sql = statement(title, begin)
            try:
                took = time.monotonic()
                answer = engine.rows(sql)
                took = time.monotonic() - took
                cpu, _ = engine.cpu(sql, repeat=3)
            except EngineError as error:
                figures.append([name, kind, "-", "-", str(error)[:60]])
                claims.check(False, f"{kind} over {name} is answered within the memory of a small machine")
                continue
            told = sorted([row[0], row[1]] for row in answer if row[-1] == "0")
            expected = engine.rows(WHOLE.format(value=value, begin=begin))
            claims.check(told == expected, f"{kind} over {name}: the answer is that of a window over all sessions")
            figures.append([name, kind, f"{took * 1000:.0f}", f"{cpu:.0f}", f"{engine.rows_read:,}"])
    table(["range", "sessions", "ms at first", "CPU ms", "rows read"], figures)
    engine.close()
    shutil.rmtree(work)
    return claims.finish()


if __name__ == "__main__":
    sys.exit(main())
