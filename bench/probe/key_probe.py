"""Probe 2: the visitor as a UInt64 column in the table key, against `user_id` as text.

    key_probe.py [rows]

The same rows (default 2,500,000; 30 days, 21 sites, one with 60 %; pages skewed as 1/rank; a fifth of the visitors with
a user id that the site sent) in two tables that differ only in the visitor's column and the key built on it. Every
query runs on both, over the 30 days of the large site, and must give the same exact answer.
"""

import shutil
import sys
import tempfile

from engine import DURABLE, Claims, Engine, table

# visitor: number within the site; the text is what a cookieless id or a sent id would be.
SOURCE = """
CREATE TABLE source ENGINE = MergeTree ORDER BY tuple() AS
WITH rand(1) / 4294967296 AS a, rand(2) / 4294967296 AS b, rand(3) / 4294967296 AS c
SELECT
    toUInt32(a < 0.6 ? 1 : 2 + rand(4) % 20) AS website_id,
    generateUUIDv7() AS event_id,
    ['page_view', 'page_view', 'page_view', 'click', 'purchase'][rand(5) % 5 + 1] AS event_type,
    toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(toInt64(rand64(6) % 2592000000)) AS timestamp,
    concat('/articles/', toString(toUInt32(pow(5000, b))), '/a-readable-title') AS page,
    ['', '', 'https://www.google.com/', 'https://news.example.org/', 'https://t.co/'][rand(7) % 5 + 1] AS referrer,
    ['DE', 'FR', 'US', 'GB', 'IN', 'BR'][rand(8) % 6 + 1] AS country,
    toUInt32(pow(c, 1.5) * (website_id = 1 ? 300000 : 20000)) AS visitor,
    visitor % 5 = 0 ? concat('user-', toString(visitor)) : '' AS sent_id,
    sent_id != '' ? sent_id : hex(cityHash64(website_id, visitor)) AS text_id
FROM numbers({rows})
"""
COLUMNS = """website_id UInt32 CODEC(ZSTD(1)), event_id UUID CODEC(ZSTD(1)), event_type LowCardinality(String),
    timestamp DateTime64(3, 'UTC') CODEC(Delta, LZ4), page LowCardinality(String), referrer LowCardinality(String)
    CODEC(ZSTD(1)), country LowCardinality(String) CODEC(ZSTD(1)), user_id String"""
TABLES = {
    "text": ("", "cityHash64(user_id)", "text_id"),
    "number": (", visitor_id UInt64", "visitor_id", "sent_id, cityHash64(text_id)"),
}
QUERIES = {
    "visitors by day, uniq": "SELECT toDate(timestamp) AS day, uniq({v}) FROM {t} WHERE website_id = 1"
                             " GROUP BY day ORDER BY day",
    "visitors by day, uniqExact": "SELECT toDate(timestamp) AS day, uniqExact({v}) FROM {t} WHERE website_id = 1"
                                  " GROUP BY day ORDER BY day",
    "top pages, uniq": "SELECT page, count() AS n, uniq({v}) FROM {t} WHERE website_id = 1"
                       " GROUP BY page ORDER BY n DESC, page LIMIT 100",
    "top pages, uniqExact": "SELECT page, count() AS n, uniqExact({v}) FROM {t} WHERE website_id = 1"
                            " GROUP BY page ORDER BY n DESC, page LIMIT 100",
    "visitors, 30 days, uniqExact": "SELECT uniqExact({v}) FROM {t} WHERE website_id = 1",
    "visitors, 30 days, SAMPLE 0.1": "SELECT uniqExact({v}) FROM {t} SAMPLE 0.1 WHERE website_id = 1",
}


def column_bytes(engine, name, column):
    (size,) = engine.ints(f"SELECT sum(column_data_compressed_bytes) FROM system.parts_columns"
                          f" WHERE active AND table = '{name}' AND column = '{column}'")
    return size


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2500000
    work = tempfile.mkdtemp(prefix="footfall-key-")
    engine = Engine(work)
    claims = Claims()
    engine.raw(SOURCE.format(rows=rows))
    sizes = {}
    for name, (extra, visitor, selected) in TABLES.items():
        engine.raw(f"CREATE TABLE {name} ({COLUMNS}{extra}) ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp)"
                   f" ORDER BY (website_id, toDate(timestamp), {visitor}, timestamp) SAMPLE BY {visitor}"
                   f" SETTINGS {DURABLE}")
        engine.raw(f"INSERT INTO {name} SELECT website_id, event_id, event_type, timestamp, page, referrer, country,"
                   f" {selected} FROM source")
        engine.raw(f"OPTIMIZE TABLE {name} FINAL")
        engine.raw(f"SYSTEM STOP MERGES {name}")
        (size,) = engine.ints(f"SELECT sum(data_compressed_bytes) FROM system.parts WHERE active AND table = '{name}'")
        visitor_bytes = sum(column_bytes(engine, name, column) for column in ("user_id", "visitor_id"))
        (key_bytes,) = engine.ints(f"SELECT sum(primary_key_bytes_in_memory) FROM system.parts"
                                   f" WHERE active AND table = '{name}'")
        sizes[name] = (size / rows, visitor_bytes / rows, key_bytes)
    table(["table", "bytes a row", "of that the visitor", "primary key in memory"],
          [[name, f"{size:.1f}", f"{visitor:.2f}", key] for name, (size, visitor, key) in sizes.items()])

    figures, answers = [], {}
    for label, query in QUERIES.items():
        spent = {}
        for name, column in (("text", "user_id"), ("number", "visitor_id")):
            spent[name], answer = engine.cpu(query.format(v=column, t=name))
            answers[label, name] = [line.split("\t") for line in answer.decode().splitlines()]
            spent[name, "read"] = engine.bytes_read / 1e6
        figures.append([label, f"{spent['text']:.0f}", f"{spent['number']:.0f}",
                        f"{spent['text'] / spent['number']:.2f}",
                        f"{spent['text', 'read']:.1f}", f"{spent['number', 'read']:.1f}"])
    table(["query", "CPU ms text", "number", "ratio", "MB read text", "number"], figures)

    for label in QUERIES:
        text, number = answers[label, "text"], answers[label, "number"]
        if "uniqExact" in label:
            claims.check(text == number, f"{label}: both tables answer the same")
        elif "SAMPLE" not in label:
            worst = max(abs(int(a[-1]) / int(b[-1]) - 1) for a, b in zip(text, number, strict=True))
            claims.check(worst < 0.03, f"{label}: sketches differ by {worst:.2%} at most")
    exact = int(answers["visitors, 30 days, uniqExact", "number"][0][0])
    for name in TABLES:
        sampled = int(answers["visitors, 30 days, SAMPLE 0.1", name][0][0])
        claims.check(abs(10 * sampled / exact - 1) < 0.05, f"SAMPLE 0.1 on {name}: {10 * sampled} for {exact} visitors")
    claims.check(sizes["number"][0] < sizes["text"][0], "the number needs fewer bytes a row")
    claims.check(all(float(row[3]) > 1 for row in figures), "the number needs less CPU in every query")
    engine.close()
    shutil.rmtree(work)
    return claims.finish()


if __name__ == "__main__":
    sys.exit(main())
