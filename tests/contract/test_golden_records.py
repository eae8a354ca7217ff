"""The golden records, schema/golden/, against schema/event.schema.json: what a reader or writer in another language is
tested with is what the schema says. src/event/record_test.cc holds our own writer and reader to the same files."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.server import ROOT

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
IS_OF: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
}
# What the schema may say. Another keyword has to be checked here before it can be used there.
KEYWORDS = {"type", "const", "pattern", "format", "additionalProperties", "description", "x-distinct-max", "x-kind", "x-column"}
ANOTHER = {"string": 5, "boolean": 1, "integer": 1.5, "number": "1", "object": ["a"]}


def load(name: str) -> list[dict[str, Any]]:
    text = (ROOT / "schema/golden" / name).read_text(encoding="utf-8")
    assert text.endswith("\n")
    # Not splitlines: a record may hold U+2028.
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


SCHEMA: dict[str, Any] = json.loads((ROOT / "schema/event.schema.json").read_text(encoding="utf-8"))
MEMBERS: dict[str, dict[str, Any]] = SCHEMA["properties"]
RECORDS = load("events.jsonl")


def is_right(value: Any, rule: dict[str, Any]) -> bool:
    if "type" in rule and not IS_OF[rule["type"]](value):
        return False
    if "const" in rule and (value != rule["const"] or type(value) is not type(rule["const"])):
        return False
    if "pattern" in rule and not re.search(rule["pattern"].replace("$", r"\Z"), value):
        return False
    if rule.get("format") == "uuid" and not re.fullmatch(UUID, value):
        return False
    inner = rule.get("additionalProperties")
    return inner is None or all(is_right(one, inner) for one in value.values())


def wrong_members(record: dict[str, Any]) -> Iterator[str]:
    """The names of those that are missing or not as the schema says. One that the schema does not name is no mistake."""
    yield from (name for name in SCHEMA["required"] if name not in record)
    yield from (name for name, value in record.items() if name in MEMBERS and not is_right(value, MEMBERS[name]))


def spoiled(record: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Copies of a record with one mistake each, and the member that has it."""

    def with_value(name: str, value: Any) -> tuple[str, dict[str, Any]]:
        return name, copy.deepcopy(record) | {name: value}

    for name in SCHEMA["required"]:
        yield name, {key: value for key, value in record.items() if key != name}
    for name in record:
        rule = MEMBERS[name]
        yield with_value(name, None)
        if "type" in rule:
            yield with_value(name, ANOTHER[rule["type"]])
        if "const" in rule:
            yield from (with_value(name, value) for value in (rule["const"] + 1, str(rule["const"]), True))
        if "pattern" in rule or "format" in rule:
            yield from (with_value(name, value) for value in ("", "x", record[name] + "\n", "g" + record[name][1:]))
        if "additionalProperties" in rule:
            yield with_value(name, {"key": 1})


def test_the_check_knows_every_rule_of_the_schema():
    assert SCHEMA["type"] == "object" and set(SCHEMA["required"]) <= set(MEMBERS)
    for name, rule in MEMBERS.items():
        assert set(rule) <= KEYWORDS and rule.get("format") in (None, "uuid"), name
        assert "type" in rule or "const" in rule, name
        assert set(rule.get("additionalProperties", {})) <= {"type"}, name


@pytest.mark.parametrize("number", range(len(RECORDS)))
def test_a_golden_record_is_as_the_schema_says(number: int):
    """Its members in the schema's order, and none that has its type's zero value."""
    record = RECORDS[number]
    assert list(wrong_members(record)) == []
    assert list(record) == [name for name in MEMBERS if name in record]
    assert not [name for name, value in record.items() if not value]


@pytest.mark.parametrize("number", range(len(RECORDS)))
def test_the_check_finds_every_mistake_in_it(number: int):
    tried = 0
    for name, wrong in spoiled(RECORDS[number]):
        assert list(wrong_members(wrong)) == [name], wrong
        tried += 1
    assert tried > 2 * len(SCHEMA["required"])


def test_there_is_a_golden_record_of_each_type_and_for_each_member():
    types = {record["event_type"] for record in RECORDS}
    assert types == set(re.findall(r"\w+", MEMBERS["event_type"]["description"])) - {"or"}
    assert {name for record in RECORDS for name in record} == set(MEMBERS)


def test_a_record_of_a_later_writer_is_a_golden_one_without_what_is_unknown():
    for record in load("unknown.jsonl"):
        assert list(wrong_members(record)) == []
        assert not set(record) <= set(MEMBERS)
        assert {name: value for name, value in record.items() if name in MEMBERS} in RECORDS


def test_what_is_to_be_refused_has_one_mistake_and_says_where():
    refused = load("refused.jsonl")
    for record in refused:
        assert list(wrong_members(record)) == [record["wrong"]], record
    assert {"v": 2} in [{"v": record["v"]} for record in refused], "a later version is refused"
