"""The archive as others read it: by DuckDB, over the files of Parquet."""

import json
import pathlib
import subprocess
from typing import Any

from support.server import ROOT, Server, run_command
from support.wait import wait_until


def duckdb(sql: str) -> list[dict[str, Any]]:
    """The rows of a question. 64-bit numbers and decimals come as text, which keeps them exact."""
    done = subprocess.run(
        ["node", str(ROOT / "tests/support/duckdb.mjs")], input=sql, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{done.stderr}\n{sql}"
    return json.loads(done.stdout)


def ask(archive: pathlib.Path, select: str, files: str = "events") -> list[dict[str, Any]]:
    """`select` asks `archive`, the files of events, or of entries, all of them as one table."""
    if not any((archive / files).rglob("*.parquet")):
        return []
    table = f"read_parquet('{archive}/{files}/**/*.parquet', hive_partitioning = true, union_by_name = true)"
    return duckdb(f"WITH archive AS (SELECT * FROM {table}) {select}")


def one(archive: pathlib.Path, expression: str, files: str = "events") -> Any:
    """A single value; None where there is no file."""
    rows = ask(archive, f"SELECT {expression} AS value FROM archive", files)
    return rows[0]["value"] if rows else None


def wait_archived(server: Server, offset: int, limit_s: float = 30) -> None:
    """Until the archive holds everything before the offset."""

    def reached() -> bool:
        return server.request("GET", "/api/v1/status").json()["archive"]["next_offset"] >= offset

    wait_until(reached, limit_s, f"the archive holds the log up to {offset}")


def doctor(server: Server) -> dict[str, Any]:
    """What doctor finds of the archive."""
    findings = json.loads(run_command("doctor", "--json", data=server.data).stdout)["findings"]
    [finding] = [finding for finding in findings if finding["part"] == "archive"]
    return finding


def log_end(server: Server) -> int:
    return server.request("GET", "/api/v1/status").json()["log"]["end_offset"]
