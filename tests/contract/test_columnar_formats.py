"""Arrow and Parquet of POST /api/v1/query, read by others' readers (Apache Arrow's own, and DuckDB): the rows are those of
JSON, in columns of their types."""

import datetime
import json
import pathlib
import subprocess
from decimal import Decimal
from typing import Any

import pytest

from support.archive import duckdb
from support.client import bearer
from support.events import custom, pageview
from support.server import ROOT, Site

MEDIA_TYPES = {
    "arrow": "application/vnd.apache.arrow.file",
    "arrowstream": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
# A name that would end a quoted one, and texts that are no number, no date and no null.
HOSTILE = "property:a`b\\c, d String"
QUESTION = {
    "metrics": ["pageviews", "bounce_rate", "revenue", "time_on_page"],
    "dimensions": ["date", "hour", "title", HOSTILE],
    "order_by": [["title", "asc"], ["pageviews", "desc"]],
    "time_range": "all",
}


@pytest.fixture
def visited(site: Site) -> Site:
    titles = ["", "null", "\\N", "=1+1", '"quoted", \u00fcber\nzwei', "1e3"]
    site.send(*[pageview(site.id, "/", title=title, user_id=title) for title in titles])
    site.send(custom(site.id, "buy", revenue="1249.90", currency="EUR", properties={"a`b\\c, d String": "x\ty"}))
    site.wait_events(len(titles) + 1)
    return site


def ask(site: Site, more: dict[str, Any], suffix: str = "", accept: str = "*/*") -> Any:
    headers = bearer(site.key("read")) | {"Accept": accept}
    answer = site.server.request("POST", "/api/v1/query" + suffix, {"website_id": site.id} | QUESTION | more, headers)
    assert answer.status == 200, answer
    return answer


def read_arrow(body: bytes) -> dict[str, Any]:
    done = subprocess.run(["node", str(ROOT / "tests/support/arrow.mjs")], input=body, capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_each_is_asked_for_by_name_or_by_its_media_type(visited: Site, name: str):
    for answer in (ask(visited, {}, suffix=f"?format={name}"), ask(visited, {}, accept=MEDIA_TYPES[name])):
        assert answer.headers.get_content_type() == MEDIA_TYPES[name]
        assert answer.body.startswith({"arrow": b"ARROW1", "arrowstream": b"\xff\xff\xff\xff", "parquet": b"PAR1"}[name])


@pytest.mark.parametrize("name", ["arrow", "arrowstream"])
def test_arrow_has_the_rows_in_columns_of_their_types(visited: Site, name: str):
    told = ask(visited, {}).json()
    read = read_arrow(ask(visited, {}, suffix=f"?format={name}").body)
    assert [column["name"] for column in read["columns"]] == [column["name"] for column in told["columns"]]
    types = [column["type"] for column in read["columns"]]
    assert types[0] == "Date32<DAY>" and types[1].startswith("Timestamp<MILLISECOND") and types[2:4] == ["Utf8", "Utf8"], types
    assert types[4] == "Int64" and types[5] == types[7] == "Float64" and types[6].startswith("Decimal"), types
    assert len(read["rows"]) == len(told["rows"]) == 7
    for row, expected in zip(read["rows"], told["rows"], strict=True):
        day, hour, *texts = row[:4]
        assert datetime.datetime.fromtimestamp(day / 1000, datetime.timezone.utc).date().isoformat() == expected[0]
        assert hour == datetime.datetime.fromisoformat(expected[1]).timestamp() * 1000
        assert texts == expected[2:4]
        assert row[4] == expected[4] and row[5] == expected[5] and row[7] == expected[7]


def test_parquet_has_the_rows_in_columns_of_their_types(visited: Site, tmp_path: pathlib.Path):
    told = ask(visited, {}).json()
    file = tmp_path / "answer.parquet"
    file.write_bytes(ask(visited, {}, suffix="?format=parquet").body)
    columns = duckdb(f"DESCRIBE SELECT * FROM '{file}'")
    assert [column["column_name"] for column in columns] == [column["name"] for column in told["columns"]]
    assert [column["column_type"] for column in columns] == [
        *("DATE", "TIMESTAMP WITH TIME ZONE", "VARCHAR", "VARCHAR", "BIGINT", "DOUBLE", "DECIMAL(38,4)", "DOUBLE")
    ]
    read = [list(row.values()) for row in duckdb(f"SELECT * REPLACE (epoch_ms(hour) AS hour) FROM '{file}'")]
    assert len(read) == len(told["rows"])
    for row, expected in zip(read, told["rows"], strict=True):
        assert row[0] == expected[0] and int(row[1]) == datetime.datetime.fromisoformat(expected[1]).timestamp() * 1000
        assert row[2:4] == expected[2:4] and int(row[4]) == expected[4]
        assert Decimal(row[6]) == Decimal(expected[6])
        assert [None if cell is None else float(cell) for cell in (row[5], row[7])] == [expected[5], expected[7]]


@pytest.mark.parametrize("name", ["arrow", "arrowstream"])
def test_of_no_rows_the_columns_are_there(visited: Site, name: str):
    read = read_arrow(ask(visited, {"filters": [["page", "is", "/nowhere"]]}, suffix=f"?format={name}").body)
    assert read["rows"] == [] and len(read["columns"]) == 8


def test_a_large_answer_comes_whole(visited: Site):
    visited.send(*[pageview(visited.id, f"/page/{number}") for number in range(1_000)])
    visited.wait_events(1_007)
    more = {"dimensions": ["page"], "metrics": ["pageviews"], "order_by": [["page", "asc"]], "limit": 10_000}
    told = ask(visited, more).json()["rows"]
    assert len(told) == 1_001
    assert read_arrow(ask(visited, more, suffix="?format=arrow").body)["rows"] == told


def test_errors_are_json(visited: Site):
    headers = bearer(visited.key("read"))
    body = {"website_id": visited.id, "metrics": ["nonsense"]}
    answer = visited.server.request("POST", "/api/v1/query?format=parquet", body, headers)
    assert answer.status == 400 and answer.json()["error"]["code"] == "unknown_metric"
