"""Answers that are kept (docs/adr/0022): given again only while they are what the store would answer."""

import datetime
import os
import random
import threading
import time
from typing import Any

import pytest

from support.client import bearer
from support.events import custom, now_ms, other, pageview
from support.server import Server, Site, run_command

pytestmark = pytest.mark.alone

HOUR = 3_600_000
DAY = 24 * HOUR


def day(back: int) -> str:
    return datetime.datetime.fromtimestamp((now_ms() - back * DAY) / 1000, datetime.UTC).date().isoformat()


def noon(back: int) -> int:
    return (now_ms() // DAY - back) * DAY + DAY // 2


def ask(site: Site, path: str = "query", **asked: Any) -> dict[str, Any]:
    answer = site.server.request("POST", f"/api/v1/{path}", {"website_id": site.id} | asked, bearer(site.key("read")))
    assert answer.status == 200, answer
    return answer.json()


def of_days(first: int, last: int) -> dict[str, Any]:
    return {"metrics": ["events", "visitors"], "date_range": [day(first), day(last)]}


def at(site: Site, moment: int, user: str = "ann") -> dict[str, Any]:
    return pageview(site.id, "/", timestamp=moment) | {"user_id": user}


def send(site: Site, *events: dict[str, Any]) -> None:
    """Until every answer has them."""
    site.send(*events, key="collect")
    acknowledged = datetime.datetime.now(datetime.UTC)
    while datetime.datetime.fromisoformat(ask(site, metrics=["events"], time_range="last_30_minutes")["meta"]["as_of"]) <= acknowledged:
        time.sleep(0.02)


def test_a_closed_day_is_kept_until_an_event_comes_for_it(site: Site):
    send(site, at(site, noon(3)), at(site, noon(2)))
    first = ask(site, **of_days(3, 3))
    assert not first["meta"]["cached"] and first["meta"]["rows_read"] > 0
    again = ask(site, **of_days(3, 3))
    assert again["meta"]["cached"] and again["meta"]["rows_read"] == 0
    assert (again["rows"], again["totals"], again["columns"]) == (first["rows"], first["totals"], first["columns"])
    # What it says beside is of now.
    assert again["meta"]["as_of"] >= first["meta"]["as_of"]
    send(site, at(site, noon(1)))
    assert ask(site, **of_days(3, 3))["meta"]["cached"], "an event of another day dropped it"
    send(site, at(site, noon(3) + 1))
    late = ask(site, **of_days(3, 3))
    assert not late["meta"]["cached"] and late["totals"]["events"] == 2


def test_equal_questions_share_an_answer_whatever_their_json(site: Site):
    send(site, at(site, noon(2)))
    ask(site, metrics=["events"], dimensions=["page"], filters=[["page", "is", ["/"]]], time_range="7d")
    same = {"time_range": "7d", "filters": [["and", [["page", "is", ["/"]]]]], "dimensions": ["page"], "metrics": ["events"], "limit": 100}
    assert ask(site, **same)["meta"]["cached"]
    assert not ask(site, **(same | {"limit": 99}))["meta"]["cached"]
    assert not ask(site, **(same | {"include_bots": True}))["meta"]["cached"]
    # Another site's is another one.
    other = site.server.add_site()
    assert not ask(other, **same)["meta"]["cached"]
    assert ask(other, **same)["rows"] == []


def test_what_a_visitor_came_by_at_first_is_of_all_before_the_range(site: Site):
    send(site, at(site, noon(2)))
    asked: dict[str, Any] = {"metrics": ["visitors"], "dimensions": ["first_source"], "date_range": [day(2), day(2)]}
    assert ask(site, **asked)["rows"] == [["", 1]] and ask(site, **asked)["meta"]["cached"]
    send(site, pageview(site.id, "/?utm_source=news", timestamp=noon(5)) | {"user_id": "ann"})
    assert ask(site, **asked)["rows"] == [["news", 1]]


def test_sessions_that_grow_touch_the_days_that_they_began_on(site: Site):
    midnight = (now_ms() // DAY - 1) * DAY
    send(site, at(site, midnight - 10 * 60_000))
    bounced = {"metrics": ["bounce_rate"], "date_range": [day(2), day(2)]}
    assert ask(site, **bounced)["totals"]["bounce_rate"] == 100
    assert ask(site, **bounced)["meta"]["cached"]
    send(site, at(site, midnight + 60_000))
    grown = ask(site, **bounced)
    assert not grown["meta"]["cached"] and grown["totals"]["bounce_rate"] == 0


def test_times_on_pages_that_are_told_after_the_day(site: Site):
    midnight = (now_ms() // DAY - 1) * DAY
    opened = at(site, midnight - 60_000)
    send(site, opened)
    asked = {"metrics": ["time_on_page"], "dimensions": ["page"], "date_range": [day(2), day(2)]}
    ask(site, **asked)
    assert ask(site, **asked)["meta"]["cached"]
    send(site, other(site.id, "ping", pageview_id=opened["event_id"], time_on_page=33, timestamp=midnight + 5 * HOUR) | {"user_id": "ann"})
    assert ask(site, **asked)["rows"] == [["/", 33]]


def test_funnels_and_retention_are_kept_too(site: Site):
    send(site, at(site, noon(3)), at(site, noon(2)))
    funnel: dict[str, Any] = {"steps": [{"page": "/"}], "date_range": [day(3), day(3)]}
    cohorts: dict[str, Any] = {"granularity": "day", "date_range": [day(3), day(2)]}
    ask(site, "funnel", **funnel)
    ask(site, "retention", **cohorts)
    assert ask(site, "funnel", **funnel)["meta"]["cached"]
    assert ask(site, "retention", **cohorts)["meta"]["cached"]
    # Who came before the range is in none of its cohorts.
    send(site, at(site, noon(5)))
    assert ask(site, "funnel", **funnel)["meta"]["cached"]
    changed = ask(site, "retention", **cohorts)
    assert not changed["meta"]["cached"] and [cohort["visitors"] for cohort in changed["cohorts"]] == [0, 0]


def test_the_period_before_is_kept_with_it(site: Site):
    send(site, at(site, noon(3)), at(site, noon(2)))
    asked = of_days(2, 2) | {"compare": "previous_period"}
    ask(site, **asked)
    kept = ask(site, **asked)
    assert kept["meta"]["cached"] and kept["comparison"]["totals"]["events"] == 1
    send(site, at(site, noon(3) + 5))
    half = ask(site, **asked)
    assert not half["meta"]["cached"] and half["comparison"]["totals"]["events"] == 2


def test_explain_asks_anew_and_says_what_is_kept(site: Site):
    send(site, at(site, noon(3)))
    asked = of_days(3, 3)
    told = ask(site, **asked, explain=True)
    assert "cache: the answer is not kept" in told["meta"]["plan"] and not told["meta"]["cached"]
    ask(site, **asked)
    told = ask(site, **asked, explain=True)
    assert any(reason.startswith("cache: the answer is kept") for reason in told["meta"]["plan"])
    assert told["meta"]["rows_read"] > 0


def test_S22_nothing_of_an_erased_visitor_is_kept(site: Site):
    send(site, at(site, noon(3), "ann"), at(site, noon(3), "bob"))
    asked = of_days(3, 3)
    assert ask(site, **asked)["totals"]["visitors"] == 2
    done = run_command("erase", "--site", site.id, "--visitor", "ann", "--now", data=site.server.data)
    assert done.returncode == 0, done.stderr
    assert ask(site, **asked)["totals"] == {"events": 1, "visitors": 1}


def test_it_can_be_turned_off_and_counts_what_it_does(start_server: Any):
    server: Server = start_server()
    site = server.add_site()
    send(site, at(site, noon(3)))
    for _ in range(5):
        ask(site, **of_days(3, 3))
    assert server.metric("footfall_query_cache_total", result="hit") >= 4
    assert server.metric("footfall_query_cache_bytes") > 0
    off: Server = start_server(env={"FOOTFALL_QUERY_CACHE_BYTES_MAX": "0"})
    site = off.add_site()
    send(site, at(site, noon(3)))
    for _ in range(3):
        assert not ask(site, **of_days(3, 3))["meta"]["cached"]


def test_no_answer_is_stale_beside_writers(start_server: Any):
    """Each answer has at least what was acknowledged before the moment up to which it says to be complete."""
    seed = int(os.environ.get("FOOTFALL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nFOOTFALL_SEED={seed}")
    server: Server = start_server(env={"FOOTFALL_LOADER_INTERVAL_MS": "50"})
    site = server.add_site()
    site.key("read")
    acknowledged: list[tuple[datetime.datetime, int]] = []  # and the day's number, in the order of acknowledgement
    lock = threading.Lock()
    failures: list[str] = []
    kept = [0, 0]
    until = time.monotonic() + 12

    def write(number: int) -> None:
        dice = random.Random(seed + number)
        client = server.client()
        while time.monotonic() < until:
            back = dice.choice([1, 2, 3])
            event = custom(site.id, "buy", timestamp=noon(back) + dice.randrange(HOUR)) | {"user_id": f"u{dice.randrange(9)}"}
            answer = client.request("POST", "/api/v1/events", event, bearer(site.key("collect")))
            assert answer.status == 200, answer
            with lock:
                acknowledged.append((datetime.datetime.now(datetime.UTC), back))
            time.sleep(dice.choice([0.02, 0.2, 0.5]))
        client.close()

    def read(number: int) -> None:
        dice = random.Random(seed - number)
        while time.monotonic() < until:
            first = dice.choice([1, 2, 3])
            last = dice.randrange(1, first + 1)
            answer = ask(site, metrics=["events"], date_range=[day(first), day(last)])
            as_of = datetime.datetime.fromisoformat(answer["meta"]["as_of"])
            with lock:
                due = sum(1 for when, back in acknowledged if when < as_of and last <= back <= first)
            told = answer["totals"]["events"]
            kept[answer["meta"]["cached"]] += 1
            if told < due:
                failures.append(f"{first} to {last}: {told} of {due}, {answer['meta']}")

    site.key("collect")
    threads = [threading.Thread(target=write, args=(n,)) for n in range(2)] + [threading.Thread(target=read, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [], (seed, failures[:3])
    assert kept[1] > 50, f"{kept}: hardly anything came from the cache, the test proves little"
    send(site, at(site, noon(9)))
    for back in (1, 2, 3):
        assert ask(site, metrics=["events"], date_range=[day(back), day(back)])["totals"]["events"] == sum(1 for _, of in acknowledged if of == back)
