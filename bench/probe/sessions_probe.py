"""Probe 3: sessions as rows with a sign (VersionedCollapsingMergeTree) against ReplacingMergeTree read with FINAL.

    sessions_probe.py [sessions]

Each session (default 500,000; 30 days, 21 sites, one with 60 %) has three versions, as an open session grows; merges
are stopped, so this is the worst moment of the table. Both reports must give the answer that the source gives. Then 1 %
of the sessions get an earlier start, across midnight, as a late event makes them.
"""

import shutil
import sys
import tempfile

from engine import DURABLE, Claims, Engine, table

SOURCE = """
CREATE TABLE source ENGINE = MergeTree ORDER BY session_key AS SELECT
    number AS session_key,
    toUInt32(rand(1) % 10 < 6 ? 1 : 2 + rand(2) % 20) AS website_id,
    cityHash64(number % 200000) AS visitor_id,
    toDateTime('2026-01-02 00:00:00', 'UTC') + rand(3) % 2505600 AS started_at,
    ['direct', 'search', 'social', 'mail'][rand(4) % 4 + 1] AS source,
    toUInt32(1 + rand(5) % 4) AS last_pages
FROM numbers({sessions})
"""
COLUMNS = """website_id UInt32, started_at DateTime('UTC'), visitor_id UInt64, session_key UInt64,
    source LowCardinality(String), pages UInt32, seconds UInt32, version UInt32"""
KEY = "PARTITION BY toYYYYMM(started_at) ORDER BY (website_id, toDate(started_at), visitor_id, session_key)"
VERSIONS = 3


def version_select(version, sign=None, shift="0"):
    """Rows of `version`: one page more each time, up to the session's last number."""
    pages = f"least(last_pages, {version})"
    row = (f"website_id, started_at - {shift}, visitor_id, session_key, source, {pages}, 30 * ({pages} - 1), {version}")
    return f"SELECT {row}{'' if sign is None else f', {sign}'} FROM source"


def main():
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 500000
    work = tempfile.mkdtemp(prefix="footfall-sessions-")
    engine = Engine(work)
    claims = Claims()
    engine.raw(SOURCE.format(sessions=sessions))
    engine.raw(f"CREATE TABLE by_sign ({COLUMNS}, sign Int8) ENGINE = VersionedCollapsingMergeTree(sign, version)"
               f" {KEY} SETTINGS {DURABLE}")
    engine.raw(f"CREATE TABLE replacing ({COLUMNS}) ENGINE = ReplacingMergeTree(version) {KEY} SETTINGS {DURABLE}")
    for name in ("by_sign", "replacing"):
        engine.raw(f"SYSTEM STOP MERGES {name}")
    for version in range(1, VERSIONS + 1):
        engine.raw(f"INSERT INTO replacing {version_select(version)}")
        if version > 1:
            engine.raw(f"INSERT INTO by_sign {version_select(version - 1, sign=-1)}")
        engine.raw(f"INSERT INTO by_sign {version_select(version, sign=1)}")

    reports = {}
    for label, group in (("by day", "toDate(started_at)"), ("by source", "source"), ("total", "website_id")):
        reports[label] = (
            f"SELECT {group} AS g, sum(sign), sum(pages * sign), sum(toInt64(seconds) * sign), sumIf(sign, pages = 1)"
            " FROM by_sign WHERE website_id = 1 GROUP BY g ORDER BY g",
            f"SELECT {group} AS g, count(), sum(pages), sum(seconds), countIf(pages = 1)"
            " FROM replacing FINAL WHERE website_id = 1 GROUP BY g ORDER BY g",
            f"SELECT {group} AS g, count(), sum(p), sum(30 * (p - 1)), countIf(p = 1) FROM (SELECT *,"
            f" least(last_pages, {VERSIONS}) AS p FROM source) WHERE website_id = 1 GROUP BY g ORDER BY g")
    figures = []
    for label, (by_sign, replacing, source) in reports.items():
        expected = engine.raw(source)
        sign_ms, sign_answer = engine.cpu(by_sign)
        final_ms, final_answer = engine.cpu(replacing)
        claims.check(expected == sign_answer == final_answer, f"{label}: both answer as the source does")
        figures.append([label, f"{sign_ms:.0f}", f"{final_ms:.0f}", f"{final_ms / sign_ms:.1f}"])
    stored = [engine.ints(f"SELECT sum(rows), sum(data_compressed_bytes), count() FROM system.parts"
                          f" WHERE active AND table = '{name}'") for name in ("by_sign", "replacing")]
    table(["table", "rows", "bytes a session", "parts"],
          [[name, rows, f"{size / sessions:.0f}", parts]
           for name, (rows, size, parts) in zip(("by sign", "replacing"), stored)])
    table(["report", "CPU ms by sign", "FINAL", "ratio"], figures)
    claims.check(all(float(row[3]) >= 2 for row in figures), "the sign needs at most half the CPU in every report")

    moved = "WHERE session_key % 100 = 0"
    engine.raw(f"INSERT INTO by_sign {version_select(VERSIONS, sign=-1)} {moved}")
    engine.raw(f"INSERT INTO by_sign {version_select(VERSIONS + 1, sign=1, shift='86400')} {moved}")
    engine.raw(f"INSERT INTO replacing {version_select(VERSIONS + 1, shift='86400')} {moved}")
    (by_sign,) = engine.ints("SELECT sum(sign) FROM by_sign")
    (replacing,) = engine.ints("SELECT count() FROM replacing FINAL")
    claims.check(by_sign == sessions, f"1 % with a new start: {by_sign} sessions by sign")
    claims.check(replacing == sessions + sessions // 100, f"1 % with a new start: {replacing} by FINAL, too many")
    engine.raw("SYSTEM START MERGES by_sign")
    engine.raw("OPTIMIZE TABLE by_sign FINAL")
    (rows,) = engine.ints("SELECT count() FROM by_sign")
    claims.check(rows == sessions, f"merged: {rows} rows for {sessions} sessions")
    engine.close()
    shutil.rmtree(work)
    return claims.finish()


if __name__ == "__main__":
    sys.exit(main())
