"""Events that are sent one by one, and the questions that count them: how soon a question sees an event. Standard library only."""

import random
import secrets
import sys
import threading
import time

from support.client import Client, bearer
from support.events import custom
from support.server import Site


class Markers(threading.Thread):
    """Sends a marker some ten times a second and notes when it was acknowledged."""

    def __init__(self, site: Site):
        super().__init__()
        self.site = site
        self.name_of_event = f"marker {secrets.token_hex(4)}"  # a folder may have those of an earlier run
        self.acknowledged: dict[str, float] = {}
        self.ended = threading.Event()
        self.failure: str | None = None

    def run(self) -> None:
        client = Client(self.site.server.port)
        dice = random.Random(1)
        while not self.ended.wait(dice.uniform(0.05, 0.15)):
            number = str(len(self.acknowledged))
            answer = client.request(
                "POST", "/api/v1/events", custom(self.site.id, self.name_of_event, properties={"number": number})
            )
            if answer.status != 200:
                self.failure = repr(answer)
                break
            self.acknowledged[number] = time.monotonic()
        client.close()

    def end(self) -> None:
        self.ended.set()
        self.join()
        if self.failure:
            sys.exit(f"markers: {self.failure}")


class Watcher:
    """Asks for the markers and notes, for each, the first answer that holds it and the last question that did not."""

    def __init__(self, markers: Markers):
        self.markers = markers
        self.client = Client(markers.site.server.port, timeout_s=120)
        self.headers = bearer(markers.site.key("read"))
        self.seen: dict[str, float] = {}
        self.missed: dict[str, float] = {}
        self.took: list[float] = []

    def ask(self) -> None:
        known = list(self.markers.acknowledged)
        asked = time.monotonic()
        answer = self.client.request(
            "POST",
            "/api/v1/query",
            {
                "website_id": self.markers.site.id,
                "metrics": ["events"],
                "dimensions": ["property:number"],
                "time_range": "last_30_minutes",
                "filters": [["event_name", "is", [self.markers.name_of_event]]],
                "limit": 10_000,
            },
            self.headers,
        )
        now = time.monotonic()
        if answer.status != 200:
            sys.exit(f"markers: {answer}")
        self.took.append(now - asked)
        found = {row[0] for row in answer.json()["rows"]}
        for number in found - self.seen.keys():
            self.seen[number] = now
        for number in known:
            if number not in found:
                self.missed[number] = asked

    def see_all(self) -> None:
        """When no more come: until the last is there."""
        acknowledged = self.markers.acknowledged
        end = time.monotonic() + 10
        while len(self.seen) < len(acknowledged) and time.monotonic() < end:
            self.ask()
        if len(self.seen) < len(acknowledged):
            sys.exit(f"markers: {len(acknowledged) - len(self.seen)} were never seen")

    def missed_s(self) -> list[float]:
        """Of each marker how long after its acknowledgement the last question was asked that did not have it."""
        return [max(0.0, self.missed.get(number, 0.0) - at) for number, at in self.markers.acknowledged.items()]
