"""Paths of the contract ("Asking") over sessions → which nodes they went through, one after the other.

A session's events are walked one by one; everything that is told is counted of the walks that come of it."""

import collections
import dataclasses
from collections.abc import Iterable, Sequence

from reference.events import Event
from reference.funnels import Step
from reference.questions import Filter, ValueOf, doings, event_values, passes
from reference.sessions import Session, touches_of
from reference.zones import Everything, Range

Node = tuple[str, str]  # "page" or "event", and which
OTHER: Node = ("other", "")


@dataclasses.dataclass(frozen=True)
class Paths:
    zone: str
    first: Step | None = None
    is_backwards: bool = False  # to it, not from it
    depth: int = 5
    nodes: str = "pages"  # or "events", or "both"
    collapse: bool = True
    limit: int = 8
    paths_limit: int = 20
    range: Range = Everything()
    filters: tuple[Filter, ...] = ()
    include_bots: bool = False


@dataclasses.dataclass(frozen=True)
class PathsAnswer:
    sessions: int
    nodes: list[list[tuple[Node, int, int]]]  # by depth: node, sessions, of these ended; the others last
    links: dict[tuple[int, Node, Node], int]  # depth, from, to
    paths: list[tuple[tuple[Node, ...], int]]


def answer(sessions: Iterable[Session], received: Sequence[Event], asked: Paths) -> PathsAnswer:
    """`received`: all events in the order in which they came, which is that of those of one millisecond."""
    sessions = list(sessions)
    place = {event.event_id: number for number, event in enumerate(received)}
    touches = touches_of(sessions)
    done = doings(asked, sessions, touches)
    first = asked.first and dataclasses.replace(asked.first, filters=done.resolved(asked.first.filters))
    asked = dataclasses.replace(asked, first=first, filters=done.resolved(asked.filters))
    walks: list[list[Node]] = []
    for session in sessions:
        if session.is_bot and not asked.include_bots:
            continue
        events = [(event, event_values(event, session, touches, asked.zone)) for event in session.events]
        events.sort(key=lambda pair: (pair[0].at_ms, place[pair[0].event_id]))
        counted = [
            (event, value_of)
            for event, value_of in events
            if asked.range.contains(event.at_ms, asked.zone) and all(passes(one, value_of, asked.zone) for one in asked.filters)
        ]
        walk = walk_of(counted, asked)
        if walk:
            walks.append(walk)

    nodes: list[list[tuple[Node, int, int]]] = []
    told: list[list[Node]] = []
    for depth in range(asked.depth):
        reached = collections.Counter(walk[depth] for walk in walks if len(walk) > depth)
        ended = collections.Counter(walk[depth] for walk in walks if len(walk) == depth + 1)
        most = in_order(reached)[: asked.limit]
        told.append(most)
        row = [(node, reached[node], ended[node]) for node in most]
        rest = sum(reached.values()) - sum(reached[node] for node in most)
        if rest:
            row.append((OTHER, rest, sum(ended.values()) - sum(ended[node] for node in most)))
        if row:
            nodes.append(row)

    def as_told(walk: list[Node], depth: int) -> Node:
        return walk[depth] if walk[depth] in told[depth] else OTHER

    links = collections.Counter(
        (depth + 1, as_told(walk, depth), as_told(walk, depth + 1))
        for walk in walks
        for depth in range(asked.depth - 1)
        if len(walk) > depth + 1
    )
    whole = collections.Counter(tuple(walk[: asked.depth]) for walk in walks)
    return PathsAnswer(len(walks), nodes, dict(links), [(path, whole[path]) for path in in_order(whole)[: asked.paths_limit]])


def in_order(counted: collections.Counter) -> list:
    """Most first; of equally many custom events before pages, and the smaller text in bytes."""

    def text(key):
        return [[kind, value.encode()] for kind, value in ([key] if isinstance(key[0], str) else key)]

    return sorted(counted, key=lambda key: (-counted[key], text(key)))


def walk_of(events: list[tuple[Event, ValueOf]], asked: Paths) -> list[Node]:
    """All nodes of a session, however many."""
    if asked.first:
        meeting = [number for number, (event, value_of) in enumerate(events) if asked.first.is_met(event, value_of, asked.zone)]
        if not meeting:
            return []
        events = list(reversed(events[: meeting[0] + 1])) if asked.is_backwards else events[meeting[0] :]
    walk: list[Node] = []
    for number, (event, _) in enumerate(events):
        is_page = event.is_pageview
        is_asked = asked.nodes == "both" or is_page == (asked.nodes == "pages")
        is_first = asked.first is not None and number == 0
        if not is_asked and not is_first:
            continue
        node = ("page", event.value("page")) if is_page else ("event", event.value("event_name"))
        if not (asked.collapse and walk and walk[-1] == node):
            walk.append(node)
    return walk
