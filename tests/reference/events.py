"""Events as they are sent, in the order in which they were acknowledged → events that count."""

import dataclasses
import decimal
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Sent:
    """An event as a client sends it, and what its sender knows of it beside."""

    body: dict[str, Any]  # as in the contract, "Collecting"; with event_id and data.timestamp
    visitor: str  # who that is: the same text, the same visitor of the site
    is_bot: bool = False
    # Dimension → value, of those that are derived: country, browser, source, screen_class … What is absent is empty.
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Event:
    site: str
    event_id: str
    type: str
    at_ms: int
    visitor: str
    is_bot: bool
    # Dimension → value, of all that an event has of its own, and of what it would give its session. What is absent is
    # empty.
    values: Mapping[str, str]
    is_interactive: bool
    revenue: decimal.Decimal
    currency: str
    pageview_id: str
    time_on_page: float
    scroll_depth: float

    def value(self, dimension: str) -> str:
        return self.values.get(dimension, "")

    @property
    def counts(self) -> bool:
        """Pings, vitals and identify calls neither count nor extend a session."""
        return self.type in ("pageview", "event")

    @property
    def is_pageview(self) -> bool:
        return self.type == "pageview"


def first_receipts(acknowledged: Iterable[Sent]) -> list[Event]:
    """The same event_id of a site counts once, and the first content wins."""
    kept: dict[tuple[str, str], Event] = {}
    for sent in acknowledged:
        event = read(sent)
        kept.setdefault((event.site, event.event_id), event)
    return list(kept.values())


def read(sent: Sent) -> Event:
    body, data, context = sent.body, sent.body["data"], sent.body.get("context", {})
    # A page is a path and perhaps a query; a URL has the same behind its host, and gives the path where no page does.
    url = urllib.parse.urlsplit(context.get("url", ""))
    values = {
        "page": urllib.parse.urlsplit(data.get("page", "")).path or url.path,
        "title": data.get("title", ""),
        "hostname": url.hostname or "",
        "language": context.get("language", ""),
        "user_id": body.get("user_id", ""),
        "session_id": body.get("session_id", ""),
        **sent.facts,
    }
    if body["type"] == "event":
        # An event without a name is listed under its action.
        values["event_name"] = data.get("name") or data.get("action", "")
        for part in ("category", "action", "label"):
            values[f"event_{part}"] = data.get(part, "")
        for name, value in data.get("properties", {}).items():
            values[f"property:{name}"] = text_of(value)
    return Event(
        site=body["tracking_id"],
        event_id=body["event_id"],
        type=body["type"],
        at_ms=data["timestamp"],
        visitor=sent.visitor,
        is_bot=sent.is_bot,
        values=values,
        is_interactive=body["type"] == "event" and not data.get("non_interactive", False),
        revenue=decimal.Decimal(str(data.get("revenue", 0))),
        currency=data.get("currency", ""),
        pageview_id=data.get("pageview_id", ""),
        time_on_page=data.get("time_on_page", 0),
        scroll_depth=data.get("scroll_depth", 0),
    )


def text_of(value: str | float | bool) -> str:
    """A property is a text, as JSON writes it where it was sent as something else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
