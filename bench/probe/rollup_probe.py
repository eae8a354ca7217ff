"""Probe 4: rollups written as slices over closed log ranges.

    rollup_probe.py answers [rows]   rollup up to P + raw after P = raw alone; bytes a state and CPU against raw
    rollup_probe.py presence         a slice that a kill cut in two is found by asking, and repaired
    rollup_probe.py swap             REPLACE PARTITION under a concurrent reader, and with a mutant that must be seen
    rollup_probe.py swap_kills       REPLACE PARTITION killed before every file call
"""

import collections
import itertools
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from engine import DURABLE, Claims, Engine, table
from faults import run_child

SLICE = 100000  # records of the log in a slice
# 30 days in log order with 2 % late by up to three days; one site with 60 %; 5,000 pages, skewed as 1/rank.
EVENTS = """
CREATE TABLE events ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp)
ORDER BY (website_id, toDate(timestamp), visitor_id, timestamp) SETTINGS """ + DURABLE + """ AS SELECT
    toUInt32(rand(1) % 10 < 6 ? 1 : 2 + rand(2) % 20) AS website_id,
    toDateTime('2026-01-04 00:00:00', 'UTC') + toUInt32(number * 2332800 / {rows})
        - (rand(3) % 50 = 0 ? rand(4) % 259200 : 0) AS timestamp,
    cityHash64(website_id, toUInt32(pow(rand(5) / 4294967296, 1.5) * 200000)) AS visitor_id,
    concat('/articles/', toString(toUInt32(pow(5000, rand(6) / 4294967296)))) AS page,
    toUInt16(0) AS log_partition, number AS log_offset
FROM numbers({rows})
"""
SKETCHES = ("uniqCombined64", "uniqCombined64(12)", "uniqExact")
# Wide parts, so that the engine tells the size of one column. Not durable where only answers and CPU are asked.
ROLLUP = """CREATE TABLE {name} (website_id UInt32, day Date, item String, slice UInt32,
    views SimpleAggregateFunction(sum, UInt64), visitors AggregateFunction({sketch}, UInt64))
    ENGINE = AggregatingMergeTree PARTITION BY day ORDER BY (website_id, day, item, slice)
    SETTINGS min_bytes_for_wide_part = 0, fsync_after_insert = {durable}, fsync_part_directory = {durable}"""
# A slice is one INSERT; each of its days becomes one part, so presence is a question by (slice, day).
FILL = """INSERT INTO {name} SELECT website_id, toDate(timestamp) AS day, {item} AS item, {slice}, count(),
    {state}(visitor_id) FROM events WHERE {where} GROUP BY website_id, day, item
    SETTINGS max_partitions_per_insert_block = 0, max_block_size = 1000000, max_insert_block_size = 1000000,
    insert_deduplicate = 0"""
# What a rollup holds besides the day: 5,000 pages, their 90 sections, nothing.
ITEMS = {"page": "page", "section": "concat('/', substring(toString(cityHash64(page)), 1, 2))", "site": "''"}


def with_suffix(sketch, suffix):
    """uniqCombined64(12) + State = uniqCombined64State(12)."""
    name, _, parameter = sketch.partition("(")
    return name + suffix + (f"({parameter}" if parameter else "")


def slice_range(number):
    return f"log_offset >= {number * SLICE} AND log_offset < {(number + 1) * SLICE}"


def make_events(engine, rows):
    engine.raw(EVENTS.format(rows=rows))
    engine.raw("OPTIMIZE TABLE events FINAL")


def answers(rows="2000000"):
    rows = int(rows)
    slices = rows * 9 // 10 // SLICE
    work = tempfile.mkdtemp(prefix="footfall-rollup-")
    engine = Engine(work)
    claims = Claims()
    make_events(engine, rows)
    figures = []
    for item, sketch in ((item, sketch) for item in ITEMS for sketch in SKETCHES):
        state, merge = with_suffix(sketch, "State"), with_suffix(sketch, "Merge")
        # The same states, once as slices up to P and once as closed days are rebuilt, without slices.
        for name in ("sliced", "rebuilt"):
            engine.raw(f"DROP TABLE IF EXISTS {name} SYNC")
            engine.raw(ROLLUP.format(name=name, sketch=sketch, durable=0))
        for i in range(slices):
            engine.raw(FILL.format(name="sliced", item=ITEMS[item], slice=i, state=state, where=slice_range(i)))
        engine.raw(FILL.format(name="rebuilt", item=ITEMS[item], slice=0, state=state, where="1"))
        for name in ("sliced", "rebuilt"):
            engine.raw(f"OPTIMIZE TABLE {name} FINAL")
        (states,) = engine.ints("SELECT count() FROM rebuilt")
        (size,) = engine.ints("SELECT sum(column_data_compressed_bytes) FROM system.parts_columns"
                              " WHERE active AND table = 'rebuilt' AND column = 'visitors'")
        group, order = ("day", "g") if item == "site" else ("item", "n DESC, g LIMIT 100")
        raw_group = "toDate(timestamp)" if item == "site" else ITEMS[item]
        raw = (f"SELECT {raw_group} AS g, count() AS n, {sketch}(visitor_id) FROM events WHERE website_id = 1"
               f" GROUP BY g ORDER BY {order}")
        split = (f"SELECT g, sum(v) AS n, {merge}(s) FROM (SELECT {group} AS g, views AS v, visitors AS s FROM sliced"
                 f" WHERE website_id = 1 AND slice < {slices} UNION ALL SELECT {raw_group} AS g, count() AS v,"
                 f" {state}(visitor_id) AS s FROM events WHERE website_id = 1 AND log_offset >= {slices * SLICE}"
                 f" GROUP BY g) GROUP BY g ORDER BY {order}")
        closed = (f"SELECT {group} AS g, sum(views) AS n, {merge}(visitors) FROM rebuilt WHERE website_id = 1"
                  f" GROUP BY g ORDER BY {order}")
        (raw_ms, answer), (split_ms, by_slices), (closed_ms, by_days) = map(engine.cpu, (raw, split, closed))
        claims.check(answer == by_slices == by_days, f"{item}, {sketch}: rollup to P + raw after P = rebuilt = raw")
        figures.append([item, sketch, f"{rows / states:.0f}", f"{size / states:.0f}", f"{raw_ms:.0f}",
                        f"{split_ms:.0f}", f"{closed_ms:.0f}", f"{raw_ms / closed_ms:.1f}"])
    table(["rollup by day and", "sketch", "events a state", "bytes a state", "CPU ms raw", "slices to P + raw",
           "rebuilt days", "raw / rebuilt"], figures)
    gains = {(row[0], row[1]): float(row[-1]) for row in figures}
    claims.check(min(gains["section", SKETCHES[1]], gains["site", SKETCHES[1]]) >= 1.3,
                 "with 12-bit sketches, rollups of few states need at least 1.3 times less CPU than raw")
    engine.close()
    shutil.rmtree(work)
    return claims.finish()


def presence():
    """Slice 3 loses one of its days, as a kill between two parts would leave it; slice 5 was written twice."""
    work = tempfile.mkdtemp(prefix="footfall-rollup-")
    engine = Engine(work)
    claims = Claims()
    make_events(engine, 800000)
    engine.raw(ROLLUP.format(name="rollup", sketch="uniqExact", durable=1))

    def fill(number, condition="1"):
        engine.raw(FILL.format(name="rollup", item="page", slice=number, state="uniqExactState",
                               where=f"{slice_range(number)} AND {condition}"))

    (day,) = engine.rows(f"SELECT max(toDate(timestamp)) FROM events WHERE {slice_range(3)}")[0]
    for number in range(8):
        fill(number, f"toDate(timestamp) != '{day}'" if number == 3 else "1")
    fill(5)

    def wrong():
        """(slice, day) where the rollup's views are not those of the log range."""
        return engine.rows(
            f"SELECT slice, day FROM (SELECT toUInt32(intDiv(log_offset, {SLICE})) AS slice, toDate(timestamp) AS day,"
            " toInt64(count()) AS n FROM events GROUP BY slice, day UNION ALL"
            " SELECT slice, day, -toInt64(sum(views)) FROM rollup GROUP BY slice, day)"
            " GROUP BY slice, day HAVING sum(n) != 0 ORDER BY slice, day")

    found = wrong()
    before = time.process_time()
    for (bad_day,) in {(d,) for _, d in found}:
        engine.raw("CREATE TABLE staging AS rollup")
        engine.raw(f"INSERT INTO staging SELECT website_id, toDate(timestamp) AS day, page,"
                   f" toUInt32(intDiv(log_offset, {SLICE})) AS slice, count(), uniqExactState(visitor_id) FROM events"
                   f" WHERE toDate(timestamp) = '{bad_day}' GROUP BY website_id, day, page, slice")
        engine.raw(f"ALTER TABLE rollup REPLACE PARTITION '{bad_day}' FROM staging")
        engine.raw("DROP TABLE staging SYNC")
    spent = time.process_time() - before
    days = len({d for _, d in found})
    table(["(slice, day) found wrong", "of them in slice 3", "in slice 5", "days rebuilt", "CPU ms a day"],
          [[len(found), sum(s == "3" for s, _ in found), sum(s == "5" for s, _ in found), days,
            f"{spent * 1000 / days:.0f}"]])
    claims.check(["3", day] in found, "the day that slice 3 lacks is found")
    claims.check({s for s, _ in found} == {"3", "5"}, "only the two damaged slices are found")
    claims.check(wrong() == [], "after the rebuild of those days every slice is right")
    engine.close()
    shutil.rmtree(work)
    return claims.finish()


def swap(rounds="150"):
    rounds = int(rounds)
    work = tempfile.mkdtemp(prefix="footfall-rollup-")
    writer, reader = Engine(work), Engine(work)
    claims = Claims()
    make_events(writer, 300000)
    writer.raw(ROLLUP.format(name="rollup", sketch="uniqExact", durable=1))
    for number in range(3):
        writer.raw(FILL.format(name="rollup", item="page", slice=number, state="uniqExactState",
                               where=slice_range(number)))
    day = "2026-01-10"
    totals = "SELECT sum(views), sumIf(views, day = '{}') FROM rollup".format(day)
    expected = reader.ints(totals)
    assert expected == reader.ints(f"SELECT count(), countIf(toDate(timestamp) = '{day}') FROM events")
    writer.raw("CREATE TABLE staging AS rollup")
    refill = FILL.format(name="{name}", item="page", slice=0, state="uniqExactState",
                         where=f"toDate(timestamp) = '{day}'")

    def replace():
        writer.raw("TRUNCATE TABLE staging")
        writer.raw(refill.format(name="staging"))
        writer.raw(f"ALTER TABLE rollup REPLACE PARTITION '{day}' FROM staging")

    def delete_and_insert():
        writer.raw(f"ALTER TABLE rollup DROP PARTITION '{day}'")
        writer.raw(refill.format(name="rollup"))

    def watch(rebuild, times):
        """Reads in a loop while `rebuild` runs; how many reads there were, and how many saw another total."""
        reads, wrong, done = [0], [0], threading.Event()

        def loop():
            while not done.is_set():
                reads[0] += 1
                wrong[0] += reader.ints(totals) != expected

        thread = threading.Thread(target=loop)
        thread.start()
        began = time.monotonic()
        for _ in range(times):
            rebuild()
        seconds = time.monotonic() - began
        done.set()
        thread.join()
        return [times, reads[0], wrong[0], f"{seconds * 1000 / times:.0f}"]

    swapped = watch(replace, rounds)
    mutant = watch(delete_and_insert, rounds // 5)
    table(["rebuild by", "rebuilds", "reads meanwhile", "wrong reads", "ms a rebuild"],
          [["REPLACE PARTITION", *swapped], ["drop, then insert (mutant)", *mutant]])
    claims.check(swapped[1] >= 3 * rounds, "the reader read at least three times a rebuild")
    claims.check(swapped[2] == 0, "no read saw a partial or a doubled day under REPLACE PARTITION")
    claims.check(mutant[2] > 0, "the same reader does see the mutant")
    claims.check(reader.ints(totals) == expected, "the totals are unchanged at the end")
    reader.close()
    writer.close()
    shutil.rmtree(work)
    return claims.finish()


KILL_TABLE = ("(day Date, slice UInt32, views UInt64) ENGINE = MergeTree PARTITION BY day ORDER BY slice SETTINGS "
              + DURABLE)


def make_store(work):
    """Old day: 3 parts of 100 views. New day, in `staging`: 2 parts of 1 view."""
    engine = Engine(work)
    for name, parts, views in (("rollup", 3, 100), ("staging", 2, 1)):
        engine.raw(f"CREATE TABLE {name} {KILL_TABLE}")
        engine.raw(f"SYSTEM STOP MERGES {name}")
        for part in range(parts):
            engine.raw(f"INSERT INTO {name} VALUES ('2026-01-01', {part}, {views})")
    engine.close()


def swap_once(work, report="no"):
    """Swaps the day in; with `report` prints the views before and after."""
    engine = Engine(work)
    before = engine.ints("SELECT sum(views) FROM rollup")[0] if report == "yes" else 0
    engine.raw("ALTER TABLE rollup REPLACE PARTITION '2026-01-01' FROM staging")
    if report == "yes":
        print(before, *engine.ints("SELECT sum(views) FROM rollup"))
    engine.close()


def swap_kills():
    """A kill may leave old and new parts side by side; the same swap, repeated on start, must give the new day.

    Each step is a process of its own: a process that opened the store some 50 times came to hang."""
    claims = Claims()
    base = tempfile.mkdtemp(prefix="footfall-swap-")
    names = {300: "old day", 2: "new day", 301: "old and part of new", 302: "old and new"}
    outcome = collections.defaultdict(list)
    repaired = 0
    for call in itertools.count(1):
        work = f"{base}/{call}"
        run_child(__file__, ["make_store", work])
        if not run_child(__file__, ["swap_once", work], kill_at=call, calls="all", note=f"{base}/note"):
            break
        report = subprocess.run([sys.executable, __file__, "swap_once", work, "yes"], capture_output=True, check=True,
                                timeout=60)
        before, after = map(int, report.stdout.split())
        killed_at = open(f"{base}/note").read().splitlines()[-1].split(" ")[0]
        outcome[names.get(before, f"something else: {before} views")].append(f"{call} ({killed_at})")
        repaired += after == 2
        shutil.rmtree(work)
    kills = call - 1
    table(["after the kill and a restart", "kill points", "first", "last"],
          [[kind, len(points), points[0], points[-1]] for kind, points in outcome.items()])
    claims.check(kills >= 20, f"{kills} file calls were killed, one by one, until none was left")
    claims.check(set(outcome) <= set(names.values()), "each kill leaves the old day, the new one, or both")
    claims.check("old and new" in outcome, "the swap is not atomic under a kill: it needs a durable note of intent")
    claims.check(repaired == kills, f"the repeated swap gave the new day {repaired} of {kills} times")
    shutil.rmtree(base)
    return claims.finish()


def main():
    commands = {"answers": answers, "presence": presence, "swap": swap, "swap_kills": swap_kills,
                "make_store": make_store, "swap_once": swap_once}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    return commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
