"""Probe 1: a loader that reconciles by log offset stores each record once, wherever it is killed.

    loader_probe.py kills [rounds]   kill -9 at random moments and at the n-th rename, then reconcile
    loader_probe.py index            what the reconcile query reads, with and without the minmax index
    loader_probe.py token            what the insert token alone would have done

A file of fixed-size records stands for the log: record i lies at 16 * i. The child loads closed offset ranges, split
by month, one Native block a piece. FAULT_SEED=n replays the choices of a run; a failed run keeps its directory.
"""

import array
import collections
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from engine import DURABLE, Claims, Engine, native_block, table
from faults import run_child

RECORD = struct.Struct("<IIQ")  # event time (s), site, value
MONTHS = [1767225600, 1769904000, 1772323200, 1775001600, 1777593600]  # 2026-01 ... 2026-05, UTC
EVENTS = """CREATE TABLE IF NOT EXISTS {name} (website_id UInt32, timestamp DateTime('UTC'), value UInt64,
    log_partition UInt16, log_offset UInt64 {index})
    ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (website_id, toDate(timestamp), value)
    SETTINGS """ + DURABLE + ", old_parts_lifetime = 5"
MINMAX = ", INDEX log_offset_minmax log_offset TYPE minmax GRANULARITY 1"
INSERT = "INSERT INTO {name} (website_id, timestamp, value, log_partition, log_offset) SETTINGS insert_deduplicate = 0"


def write_log(path, records, rng):
    """Most events are of the newest month; late ones make nearly every batch span all five."""
    weights = [1, 1, 1, 2, 15]
    with open(path, "wb") as file:
        for months in (rng.choices(MONTHS, weights, k=10000) for _ in range(records // 10000)):
            file.write(b"".join(RECORD.pack(month + rng.randrange(28 * 86400), rng.randrange(20), rng.getrandbits(40))
                                for month in months))
        os.fsync(file.fileno())


def month_of(second):
    return max(i for i, start in enumerate(MONTHS) if start <= second)


class Log:
    def __init__(self, path):
        self._file = open(path, "rb")
        self.end = os.path.getsize(path) // RECORD.size

    def pieces(self, offsets):
        """`offsets` (rising) as {month: block}, and {month: offsets}; neighbours are read together."""
        rows = [[] for _ in MONTHS]
        run_start = 0
        for i in range(1, len(offsets) + 1):
            if i < len(offsets) and offsets[i] == offsets[i - 1] + 1:
                continue
            run = offsets[run_start:i]
            self._file.seek(run[0] * RECORD.size)
            for offset, record in zip(run, RECORD.iter_unpack(self._file.read(len(run) * RECORD.size))):
                rows[month_of(record[0])].append((*record, offset))
            run_start = i
        for month, piece in enumerate(rows):
            if piece:
                seconds, sites, values, places = zip(*piece)
                yield month, places, native_block([
                    ("website_id", "UInt32", sites), ("timestamp", "DateTime", seconds), ("value", "UInt64", values),
                    ("log_partition", "UInt16", [0] * len(piece)), ("log_offset", "UInt64", places)])


def replace_file(path, data):
    with open(path + ".new", "wb") as file:
        file.write(data)
        os.fsync(file.fileno())
    os.rename(path + ".new", path)
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


class Loader:
    """The child: reconcile, then load closed ranges until killed or `until` is reached."""

    def __init__(self, work):
        self.work = work
        self.engine = Engine(f"{work}/store")
        self.engine.raw(EVENTS.format(name="events", index=MINMAX))
        self.log = Log(f"{work}/log")
        # The oracle's note of what was about to be inserted; the loader itself never reads it to decide.
        self.journal = open(f"{work}/journal", "a")
        print("start", file=self.journal, flush=True)

    def checkpoint(self):
        path = f"{self.work}/checkpoint"
        return int(open(path).read()) if os.path.exists(path) else 0

    def insert(self, offsets):
        for month, places, block in self.log.pieces(offsets):
            # A refill has holes, so its pieces can't be told from those around them by their first and last offset.
            if isinstance(offsets, range):
                print(month, places[0], places[-1], len(places), file=self.journal, flush=True)
            self.engine.insert(INSERT.format(name="events"), block)

    def held(self, start):
        """Offsets from `start` on that the store holds, with how often."""
        data = array.array("Q")
        data.frombytes(self.engine.raw(
            f"SELECT log_offset, count() FROM events WHERE log_partition = 0 AND log_offset >= {start}"
            " GROUP BY log_offset", "RowBinary"))
        return dict(zip(data[::2], data[1::2]))

    def reconcile(self):
        began = time.monotonic()
        # A delete that a kill interrupted goes on by itself after the restart. Rows that it will still take away must
        # not be taken for present, so it has to be over before the store is asked.
        deadline = began + 30
        while self.engine.ints("SELECT count() FROM system.mutations WHERE table = 'events' AND NOT is_done") != [0]:
            if time.monotonic() > deadline:
                sys.exit("a mutation is not over after 30 s")
            time.sleep(0.005)
        asked = time.monotonic()
        start = self.checkpoint()
        held = self.held(start)
        answered = time.monotonic()
        end = max(held, default=start - 1) + 1
        doubled = [offset for offset, count in held.items() if count > 1]
        if doubled:
            self.note("doubles", {"rows": len(doubled)})
            low, high = min(doubled), max(doubled)
            self.engine.raw(f"ALTER TABLE events DELETE WHERE log_partition = 0 AND log_offset BETWEEN {low} AND {high}"
                            " SETTINGS mutations_sync = 1")
            held = {offset: 1 for offset in held if not low <= offset <= high}
        missing = [offset for offset in range(start, end) if offset not in held]
        self.insert(missing)
        replace_file(f"{self.work}/checkpoint", str(end).encode())
        self.note("stats", {"ms": (time.monotonic() - began) * 1000, "waited_ms": (asked - began) * 1000,
                            "question_ms": (answered - asked) * 1000, "doubt": end - start,
                            "missing": len(missing), "doubled": len(doubled)})
        return end

    def note(self, name, values):
        with open(f"{self.work}/{name}", "a") as file:
            file.write(json.dumps(values) + "\n")

    def run(self, rng, until):
        position = self.reconcile()
        batches = 0
        while position < until and batches < 60:
            end = min(position + rng.randrange(50, 800), until)
            self.insert(range(position, end))
            position = end
            batches += 1
            # The checkpoint lags on purpose: more is then in doubt at the next start.
            if batches % 10 == 0 or position == until:
                replace_file(f"{self.work}/checkpoint", str(position).encode())
        return position


def child(work, seed, until, plant_double):
    loader = Loader(work)
    if plant_double:
        position = loader.reconcile()
        offsets = range(position, position + 1000)
        loader.insert(offsets)
        loader.insert(offsets)  # the retry of a loader that does not ask first
        os.kill(os.getpid(), signal.SIGKILL)
    loader.run(random.Random(seed), min(until, loader.log.end))
    loader.engine.close()


def kill_targets(path):
    """What the kills at a rename hit: {kind of file: times}."""
    kinds = {"tmp_insert": "new part", "tmp_merge": "merged part", "tmp_mutation": "a delete's order",
             "tmp_mut": "part after a delete", "tmp_empty": "part emptied by a delete",
             "tmp_clone": "part that a delete left as it was", "checkpoint": "checkpoint"}
    lines = open(path).read().splitlines() if os.path.exists(path) else []
    found = collections.Counter()
    for line in lines:
        name = os.path.basename(line.rstrip("/"))
        found[next((kind for key, kind in kinds.items() if key in name), "other: " + name)] += 1
    return found


def check_pieces(work):
    """Prints how many pieces of the last run are stored in part: a block of one partition must be all or nothing."""
    engine = Engine(f"{work}/store")
    lines = open(f"{work}/journal").read().split("start\n")[-1].splitlines()
    broken = 0
    for month, first, last, count in (map(int, line.split()) for line in lines[-25:]):
        (found,) = engine.ints(f"SELECT uniqExact(log_offset) FROM events WHERE log_offset BETWEEN {first} AND {last}"
                               f" AND toYYYYMM(timestamp) = {202601 + month}")
        broken += found not in (0, count)
    print(broken, len(lines[-25:]))
    engine.close()


def kills(rounds):
    seed = int(os.environ.get("FAULT_SEED", time.time_ns() % 1000000))
    print(f"seed {seed}")
    rng = random.Random(seed)
    work = tempfile.mkdtemp(prefix="footfall-loader-")
    write_log(f"{work}/log", 40000 + rounds * 27000 // 10000 * 10000, rng)
    no_limit = 1 << 62
    killed = {"random moment": 0, "n-th rename": 0, "planted double": 0}
    broken = checked = 0
    for turn in range(rounds):
        arguments = ["child", work, rng.getrandbits(30), no_limit]
        kind = "planted double" if turn % 10 == 9 else ("random moment", "n-th rename")[turn % 2]
        if kind == "planted double":
            killed[kind] += run_child(__file__, [*arguments, 1])
            # The start that finds the double is itself killed, at a rename while it deletes or refills.
            run_child(__file__, [*arguments, 0], kill_at=turn // 10 + 1, note=f"{work}/targets")
        elif kind == "random moment":
            killed[kind] += run_child(__file__, [*arguments, 0], kill_after=rng.uniform(0.5, 2.0))
        else:
            killed[kind] += run_child(__file__, [*arguments, 0], kill_at=turn // 2 + 1, note=f"{work}/targets")
        if turn % 3 == 0:
            found = subprocess.run([sys.executable, __file__, "check_pieces", work], capture_output=True, check=True)
            broken += int(found.stdout.split()[0])
            checked += int(found.stdout.split()[1])

    position = int(open(f"{work}/checkpoint").read()) + 5000
    run_child(__file__, ["child", work, 1, position, 0])
    engine = Engine(f"{work}/store")
    position = int(open(f"{work}/checkpoint").read())  # past the aim if more than that was stored above the checkpoint
    expected = 0
    with open(f"{work}/log", "rb") as file:
        for _, _, value in RECORD.iter_unpack(file.read(position * RECORD.size)):
            expected += value
    count, distinct, total = engine.ints("SELECT count(), uniqExact(log_offset), sum(value) FROM events")
    (detached,) = engine.ints("SELECT count() FROM system.detached_parts")
    engine.close()

    stats = [json.loads(line) for line in open(f"{work}/stats")]
    doubles = [json.loads(line)["rows"] for line in open(f"{work}/doubles")]
    pieces = sum(line != "start\n" for line in open(f"{work}/journal"))
    plain = sorted(s["ms"] for s in stats if not s["doubled"] and s["waited_ms"] < 100)
    questions = sorted(s["question_ms"] for s in stats)
    deleting = sorted(s["ms"] for s in stats if s["doubled"] or s["waited_ms"] >= 100)
    table(["kill", "rounds that were killed"], killed.items())
    table(["killed at the rename of", "times"], sorted(kill_targets(f"{work}/targets").items()))
    table(["records", "pieces", "starts", "with a refill", "refilled rows", "doubles found", "doubled rows",
           "in doubt p50", "question ms p50", "reconcile ms p50", "p95", "with a delete, max", "detached parts"],
          [[position, pieces, len(stats), sum(s["missing"] > 0 for s in stats), sum(s["missing"] for s in stats),
            len(doubles), sum(doubles), sorted(s["doubt"] for s in stats)[len(stats) // 2],
            f"{questions[len(questions) // 2]:.0f}", f"{plain[len(plain) // 2]:.0f}",
            f"{plain[len(plain) * 95 // 100]:.0f}", f"{max(deleting, default=0):.0f}", detached]])
    claims = Claims()
    claims.check(sum(killed.values()) >= rounds * 0.6, f"{sum(killed.values())} of {rounds} rounds were killed")
    claims.check(pieces >= 2 * rounds, f"{pieces} pieces were inserted: the rounds did work")
    claims.check(len(doubles) >= killed["planted double"], "every planted double was found")
    claims.check(count == distinct == position, f"count {count} = distinct {distinct} = records {position}")
    claims.check(total == expected, f"sum of values {total} = {expected} in the log")
    claims.check(checked > rounds and broken == 0, f"{broken} of {checked} pieces looked at after a kill were partial")
    if claims.finish():
        print(f"kept: {work}")
    else:
        shutil.rmtree(work)
    return claims.finish()


def index():
    """2 M records, the last 1 % above the checkpoint; once in parts of their own, once merged into everything else."""
    claims = Claims()
    figures = []
    work = tempfile.mkdtemp(prefix="footfall-loader-")
    records, doubt = 2000000, 20000
    engine = Engine(f"{work}/store")
    engine.raw(EVENTS.format(name="events", index=MINMAX))
    for start, count in ((0, records - doubt), (records - doubt, doubt)):
        engine.raw("OPTIMIZE TABLE events FINAL")
        month = f"toDateTime(number % 20 = 0 ? {MONTHS[3]} : {MONTHS[4]}, 'UTC')"
        engine.raw(f"INSERT INTO events SELECT rand() % 20, {month} + rand(1) % 2419200, rand64(2), 0, number"
                   f" FROM numbers({start}, {count})"
                   " SETTINGS max_block_size = 65536")
    engine.raw("SYSTEM STOP MERGES events")
    settings = {"neither": (0, 0), "index": (1, 0), "statistics": (0, 1), "index and statistics": (1, 1)}
    rows_read = {}
    for layout in ("own parts", "one part a month"):
        for pruning, (index_on, statistics_on) in settings.items():
            milliseconds, _ = engine.cpu(
                f"SELECT log_offset, count() FROM events WHERE log_partition = 0 AND log_offset >= {records - doubt}"
                f" GROUP BY log_offset SETTINGS use_skip_indexes = {index_on},"
                f" use_statistics_for_part_pruning = {statistics_on} FORMAT Null")
            rows_read[layout, pruning] = engine.rows_read
            figures.append([layout, pruning, engine.rows_read, f"{milliseconds:.1f}"])
        (held,) = engine.ints(f"SELECT uniqExact(log_offset) FROM events WHERE log_offset >= {records - doubt}")
        assert held == doubt, held
        engine.raw("SYSTEM START MERGES events")
        engine.raw("OPTIMIZE TABLE events FINAL")
    (index_bytes,) = engine.ints("SELECT sum(data_compressed_bytes) FROM system.data_skipping_indices"
                                 " WHERE table = 'events'")
    table(["rows in doubt lie in", "pruning by", f"rows read for {doubt} held", "CPU ms"], figures)
    print(f"size of the index: {index_bytes} bytes for {records} rows")
    claims.check(rows_read["own parts", "index"] <= 2 * doubt, "the index leaves only the parts of the rows in doubt")
    claims.check(rows_read["one part a month", "index"] > records * 0.9,
                 "inside a merged part it leaves everything: the key's order mixes offsets")
    engine.raw(EVENTS.format(name="one", index=MINMAX))
    rows = 200000
    engine.raw("SYSTEM STOP MERGES one")
    engine.insert(INSERT.format(name="one"), native_block([
        ("website_id", "UInt32", [1] * rows), ("timestamp", "DateTime", [MONTHS[0]] * rows),
        ("value", "UInt64", range(rows)), ("log_partition", "UInt16", [0] * rows),
        ("log_offset", "UInt64", range(rows))]))
    parts = engine.ints("SELECT count() FROM system.parts WHERE active AND table = 'one'")
    claims.check(parts == [1], f"a Native block of {rows} rows of one month became one part")
    engine.close()
    shutil.rmtree(work)
    return claims.finish()


TOKEN_ROWS = 1000


def token_child(work):
    """One insert with a token into a table that remembers tokens."""
    engine = Engine(f"{work}/store")
    engine.insert("INSERT INTO events (a) SETTINGS insert_deduplicate = 1, insert_deduplication_token = 'events:0-999'",
                  native_block([("a", "UInt64", range(TOKEN_ROWS))]))
    engine.close()


def token():
    claims = Claims()
    outcome = []
    create = ("CREATE TABLE events (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS " + DURABLE +
              ", non_replicated_deduplication_window = {window}")
    for rename in range(1, 30):
        work = tempfile.mkdtemp(prefix="footfall-token-")
        engine = Engine(f"{work}/store")
        engine.raw(create.format(window=1000))
        engine.close()
        was_killed = run_child(__file__, ["token_child", work], kill_at=rename)
        run_child(__file__, ["token_child", work])  # the retry
        engine = Engine(f"{work}/store")
        (rows,) = engine.ints("SELECT count() FROM events")
        engine.close()
        shutil.rmtree(work)
        if not was_killed:
            break
        outcome.append([f"killed at rename {rename}, then retried", rows, rows - TOKEN_ROWS])

    work = tempfile.mkdtemp(prefix="footfall-token-")
    engine = Engine(f"{work}/store")
    engine.raw(create.format(window=3))
    for name in ("first", "b", "c", "d", "first"):  # the retry comes after the window has moved on
        engine.raw(f"INSERT INTO events SELECT number FROM numbers({TOKEN_ROWS}) SETTINGS insert_deduplicate = 1, "
                   f"insert_deduplication_token = '{name}'")
    (rows,) = engine.ints("SELECT count() FROM events")
    engine.close()
    shutil.rmtree(work)
    outcome.append(["retried after the window (3) had passed", rows, rows - 4 * TOKEN_ROWS])
    table(["insert with a token", "rows", "too many (+) or lost (-)"], outcome)
    claims.check(any(row[2] < 0 for row in outcome), "the token loses rows at some kill point")
    claims.check(any(row[2] > 0 for row in outcome), "the token doubles rows once its window has passed")
    return claims.finish()


def main():
    commands = {"kills": lambda rounds="60": kills(int(rounds)), "index": index, "token": token,
                "child": lambda work, seed, until, plant: child(work, int(seed), int(until), plant == "1"),
                "check_pieces": check_pieces, "token_child": token_child}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    return commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
