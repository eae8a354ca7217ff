"""Instants by the clock of a site: its days, weeks and months, daylight saving included."""

import dataclasses
import datetime
import functools
import zoneinfo

MINUTE_MS = 60_000
TIME_DIMENSIONS = ("minute", "hour", "date", "week", "month")


def local(at_ms: int, zone: str) -> datetime.datetime:
    utc = datetime.datetime.fromtimestamp(0, datetime.timezone.utc) + datetime.timedelta(milliseconds=at_ms)
    return utc.astimezone(zoneinfo.ZoneInfo(zone))


@functools.cache
def bucket_of_minute(dimension: str, minute_ms: int, zone: str) -> str:
    at = local(minute_ms, zone)
    if dimension == "minute":
        return at.isoformat()
    if dimension == "hour":
        # An hour of the wall clock, by its first instant; one that the clock shows twice is two.
        def shown(ms: int) -> tuple[object, ...]:
            then = local(ms, zone)
            return then.date(), then.hour, then.utcoffset()

        first_ms = minute_ms
        while shown(first_ms - MINUTE_MS) == shown(minute_ms):
            first_ms -= MINUTE_MS
        return local(first_ms, zone).isoformat()
    day = at.date()
    if dimension == "week":
        day -= datetime.timedelta(days=day.weekday())  # to its Monday
    if dimension == "month":
        day = day.replace(day=1)
    return day.isoformat()


def bucket(dimension: str, at_ms: int, zone: str) -> str:
    """As an answer names it: a day, or the first instant with its offset from UTC."""
    return bucket_of_minute(dimension, at_ms // MINUTE_MS * MINUTE_MS, zone)


def instant_ms(text: str) -> int:
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def place_in_time(dimension: str, label: str) -> int:
    """What a bucket's label sorts by."""
    if dimension in ("minute", "hour"):
        return instant_ms(label)
    return datetime.date.fromisoformat(label).toordinal()


def bucket_named(dimension: str, text: str, zone: str) -> str:
    """The bucket that a filter names by any day or instant inside."""
    if dimension in ("minute", "hour"):
        return bucket(dimension, instant_ms(text), zone)
    noon = datetime.datetime.combine(datetime.date.fromisoformat(text), datetime.time(12), zoneinfo.ZoneInfo(zone))
    return bucket(dimension, round(noon.timestamp() * 1000), zone)


@dataclasses.dataclass(frozen=True)
class Days:
    """Both days included."""

    first: str
    last: str

    def contains(self, at_ms: int, zone: str) -> bool:
        return self.first <= bucket("date", at_ms, zone) <= self.last


@dataclasses.dataclass(frozen=True)
class Instants:
    from_ms: int  # included
    to_ms: int  # not

    def contains(self, at_ms: int, _: str) -> bool:
        return self.from_ms <= at_ms < self.to_ms


@dataclasses.dataclass(frozen=True)
class Everything:
    def contains(self, _: int, __: str) -> bool:
        return True


Range = Days | Instants | Everything
