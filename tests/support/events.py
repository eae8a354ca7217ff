"""Events as clients build them."""

import os
import time
import uuid
from typing import Any

from support.client import FIREFOX  # noqa: F401: a browser's name beside the others

SAFARI_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def uuid7(at_ms: int | None = None) -> str:
    """A UUIDv7 (RFC 9562): 48 bits of time, 74 random ones."""
    value = bytearray((now_ms() if at_ms is None else at_ms).to_bytes(6, "big") + os.urandom(10))
    value[6] = 0x70 | value[6] & 0x0F
    value[8] = 0x80 | value[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(value)))


def pageview(
    site: str, page: str | None = "/", *, context: dict[str, Any] | None = None, **data: Any
) -> dict[str, Any]:
    event: dict[str, Any] = {
        "event_id": uuid7(),
        "type": "pageview",
        "tracking_id": site,
        "data": {"page": page, **data},
    }
    if page is None:
        del event["data"]["page"]
    if context is not None:
        event["context"] = context
    return event


def custom(site: str, name: str | None = "signup", **data: Any) -> dict[str, Any]:
    if name is not None:
        data = {"name": name, **data}
    return {"event_id": uuid7(), "type": "event", "tracking_id": site, "data": data}


def other(site: str, kind: str, **data: Any) -> dict[str, Any]:
    return {"event_id": uuid7(), "type": kind, "tracking_id": site, "data": data}
