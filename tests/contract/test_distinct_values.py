"""S4: who makes up values without number for one site costs that site its names, and nobody anything else."""

import json
import pathlib
from typing import Any

from support.events import custom, pageview
from support.server import Server, Site

SCHEMA = json.loads(pathlib.Path(__file__).resolve().parent.parent.parent.joinpath("schema/event.schema.json").read_text())


def most(field: str) -> int:
    return SCHEMA["properties"][field]["x-distinct-max"]


def send(site: Site, events: list[dict[str, Any]]) -> None:
    for begin in range(0, len(events), 1000):
        site.send(*events[begin : begin + 1000], key="collect")


def test_S4_names_beyond_the_bound_are_one_and_other_sites_have_theirs(server: Server):
    site, other = server.add_site(), server.add_site()
    bound = most("event_name")
    before = server.metric("footfall_values_other_total", field="event_name")
    send(site, [custom(site.id, f"made up {number}") for number in range(bound + 300)])
    send(site, [custom(site.id, "made up 7"), custom(site.id, "one more")])
    send(other, [custom(other.id, "made up 2299"), custom(other.id, "signup")])
    site.wait_events(bound + 302)
    counts = site.table("event_name", limit=10_000, include_bots=True)
    assert len(counts) == bound + 1 and counts["(other)"] == 301 and counts["made up 7"] == 2
    assert server.metric("footfall_values_other_total", field="event_name") - before == 301
    other.wait_events(2)
    assert other.table("event_name", include_bots=True) == {"made up 2299": 1, "signup": 1}


def test_S4_property_names_and_utm_values_have_their_bounds(server: Server, site: Site):
    properties, media = most("properties"), most("medium")
    send(site, [custom(site.id, "a", properties={f"p{n}-{k}": "v" for k in range(10)}) for n in range(properties // 10 + 20)])
    # Each of another visitor: a medium is the session's.
    send(site, [pageview(site.id, f"/?utm_source=s&utm_medium=m{n}") | {"user_id": f"u{n}"} for n in range(media + 50)])
    site.wait_events(properties // 10 + 20 + media + 50)
    assert site.table("medium", "pageviews", limit=10_000, include_bots=True)["(other)"] == 50
    # Names beyond the bound are one for each event, which has one value then.
    assert sum(site.table("property:(other)", include_bots=True, filters=[["property:(other)", "is_set"]]).values()) == 20
