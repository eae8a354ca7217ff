"""The names of /metrics are an interface: dashboards and alerts are built on them. golden/metrics.txt has each with its
type and labels, docs/metrics.md says what it is; UPDATE_GOLDEN=1 writes both anew."""

import json
import os
import pathlib
import re
from typing import Any

from support.client import bearer
from support.events import pageview
from support.server import ROOT, Server, Site
from support.websocket import WebSocket

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden" / "metrics.txt"
DASHBOARD = ROOT / "deploy" / "grafana" / "footfall.json"
PAGE = ROOT / "docs" / "metrics.md"
PAGE_HEAD = """# Metrics

What `GET /metrics` has, in the Prometheus text format. This page is made of the source by `UPDATE_GOLDEN=1` and the test
that compares the two (`tests/contract/test_metrics.py`). A histogram has `_bucket`, `_sum` and `_count`; its buckets are
powers of two from 1 µs to 67 s. What counts rare things appears with the first of them.

| metric | type | labels | what it is |
|---|---|---|---|
"""

Metrics = dict[str, tuple[str, tuple[str, ...]]]  # name → type, names of labels


def arguments(text: str, begin: int) -> list[str]:
    """Of a call whose arguments begin there: the text of the string literals in each."""
    found, depth, at = [""], 1, begin
    while depth:
        if literal := re.compile(r'"((?:\\.|[^"\\])*)"').match(text, at):
            found[-1] += literal[1].replace('\\"', '"')
            at = literal.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if text[at] == "," and depth == 1:
            found.append("")
        at += 1
    return found


def declared() -> tuple[Metrics, dict[str, str]]:
    """Every metric that the source declares, also those that appear at their first use alone; and what it says of
    them."""
    metrics: Metrics = {}
    help_texts: dict[str, str] = {}
    for path in sorted((ROOT / "src").rglob("*.cc")):
        if path.name.endswith("_test.cc"):
            continue
        text = path.read_text()
        for call in re.finditer(r'metrics::(counter|gauge|histogram)\(\s*(?=")', text):
            name, help_text, labels = (*arguments(text, call.end()), "", "")[:3]
            names = tuple(sorted(set(re.findall(r'(\w+)="', labels))))
            assert metrics.get(name, (call[1],))[0] == call[1], f"{name} is of two types"
            metrics[name] = (call[1], tuple(sorted({*names, *metrics.get(name, ("", ()))[1]})))
            help_texts[name] = help_texts.get(name) or help_text.rstrip(".")
    return metrics, help_texts


def served(server: Server) -> Metrics:
    kinds: dict[str, str] = {}
    labels: dict[str, set[str]] = {}
    for line in server.request("GET", "/metrics").body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            kinds[name] = kind
        elif line and not line.startswith("#"):
            name = re.split(r"[{ ]", line)[0]
            family = name if name in kinds else re.sub("_(bucket|sum|count)$", "", name)
            labels.setdefault(family, set()).update(set(re.findall(r'(\w+)="', line)) - {"le"})
    return {name: (kind, tuple(sorted(labels.get(name, ())))) for name, kind in kinds.items()}


def golden() -> Metrics:
    lines = [line.split() for line in GOLDEN.read_text().splitlines()]
    return {name: (kind, tuple(labels)) for name, kind, *labels in lines}


def page(metrics: Metrics, help_texts: dict[str, str]) -> str:
    rows = [
        f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {help_texts[name]} |"
        for name, (kind, labels) in sorted(metrics.items())
    ]
    return PAGE_HEAD + "\n".join(rows) + "\n"


def test_the_source_has_the_metrics_of_the_golden_file_and_of_the_page():
    metrics, help_texts = declared()
    assert len(metrics) > 50, "is this test still able to read the source?"
    assert all(help_texts.values()), "each says what it is"
    if os.environ.get("UPDATE_GOLDEN"):
        lines = [" ".join([name, kind, *labels]) for name, (kind, labels) in sorted(metrics.items())]
        GOLDEN.write_text("\n".join(lines) + "\n")
        PAGE.write_text(page(metrics, help_texts))
    assert metrics == golden()
    assert PAGE.read_text() == page(metrics, help_texts)


def test_a_server_serves_them_so(server: Server, site: Site):
    site.send(pageview(site.id))
    site.wait_events(1)
    known = golden()
    for name, described in served(server).items():
        assert known.get(name) == described, name


STAGES = {
    "request": ("footfall_http_requests_total", "footfall_ingest_request_seconds"),
    "prepare": ("footfall_events_accepted_total", "footfall_ingest_prepare_seconds"),
    "wait for the group": ("footfall_commit_requests_total", "footfall_commit_wait_seconds"),
    "deduplication": ("footfall_events_duplicate_total", "footfall_dedup_lookup_seconds"),
    "append": ("footfall_log_entries_total", "footfall_log_append_seconds"),
    "sync": ("footfall_log_groups_total", "footfall_log_sync_seconds"),
    "loader": ("footfall_loader_rows_total", "footfall_loader_insert_seconds"),
    "query": ("footfall_queries_total", "footfall_query_seconds"),
    "live numbers": ("footfall_live_entries_total", "footfall_live_fold_seconds"),
    "sockets": ("footfall_live_texts_total", "footfall_live_tell_seconds"),
}


def test_every_stage_counts_and_times_what_goes_through_it(server: Server, site: Site):
    names = [name for stage in STAGES.values() for name in stage]
    kinds = {name: golden()[name][0] for name in names}
    assert all(kinds[count] == "counter" and kinds[time] == "histogram" for count, time in STAGES.values())

    def values() -> dict[str, float]:
        return {
            name: server.metric(name if kind == "counter" else f"{name}_count") for name, kind in kinds.items()
        }

    before = values()
    with WebSocket(server.port, f"/api/v1/live?website_id={site.id}", bearer(site.key("read"))) as live:
        assert live.json(10)["type"] == "snapshot"
        event = pageview(site.id)
        site.send(event)
        assert live.json(10)["type"] == "update"
    site.send(event)
    site.wait_events(1)
    after = values()
    assert not [name for name in names if after[name] <= before[name]], "these did not move"


def expressions(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["expr"]] if "expr" in node else []
        return own + [found for value in node.values() for found in expressions(value)]
    return [found for value in node for found in expressions(value)] if isinstance(node, list) else []


def test_the_grafana_dashboard_asks_for_metrics_that_there_are():
    dashboard = json.loads(DASHBOARD.read_text())
    asked = expressions(dashboard["panels"])
    assert len(asked) > 15 and dashboard["uid"] and dashboard["title"]
    known = golden()
    for expression in asked:
        names = re.findall(r"\bfootfall_\w+", expression)
        assert names, expression
        for name in names:
            family = name if name in known else re.sub("_(bucket|sum|count)$", "", name)
            assert family in known, f"there is no {name}"
            assert (known[family][0] == "histogram") == (family != name), f"{name} of a {known[family][0]}"
        for by in re.findall(r"by \(([^)]*)\)", expression):
            labels = {label.strip() for label in by.split(",")} - {"le"}
            assert labels <= set(known[family][1]), expression
    targets = [target for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert all(target["datasource"]["uid"] == "${datasource}" for target in targets), "of the variable, not of one machine"
