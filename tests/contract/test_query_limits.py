"""What a question may take, and what becomes of those that ask for more: turns by site, bounds, deadline, memory, and the
end of what nobody waits for any more."""

import http.client
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from support.client import Answer, bearer
from support.server import Server, Site
from support.slow import fill, running, slow_filters
from support.store import store
from support.wait import wait_until

pytestmark = pytest.mark.alone

SLOW = 100
FILLED = 1_000_000
QUICK = {"metrics": ["events"], "time_range": "30d"}


def slow(patterns: int = SLOW, **more: Any) -> dict[str, Any]:
    """Takes tens of seconds, with fewer patterns less."""
    return {
        "metrics": ["events"],
        "time_range": "30d",
        "filters": slow_filters(patterns),
    } | more


def wait_ended_early(server: Server) -> None:
    """Until no statement of a slow question, which reads FILLED events, runs; none came near its end."""
    shares: list[float] = []
    # Not of total_rows_approx, which is none before a statement's parts are chosen, and can be for a moment after.
    asked = (
        f"SELECT max(read_rows) / {FILLED}, count() FROM system.processes "
        "WHERE query LIKE '%match(%' AND query NOT LIKE '%system.processes%'"
    )

    def has_ended() -> bool:
        share, count = store(server, asked).split()
        shares.append(float(share) if count != "0" else 0)
        return count == "0"

    wait_until(has_ended, 60, "the statement ends")
    assert max(shares) < 0.6, f"it went on: {shares}"


def waiting(server: Server) -> int:
    return int(server.metric("footfall_queries_waiting"))


class Asker:
    """A client that asks and does not read the answer before it is told to; it may hang up instead."""

    def __init__(self, site: Site, question: dict[str, Any], path: str = "query"):
        body = question if "queries" in question else {"website_id": site.id} | question
        self.connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=60)
        self.connection.request("POST", f"/api/v1/{path}", json.dumps(body).encode(), bearer(site.key("read")))

    def answer(self) -> Answer:
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def leave(self) -> None:
        self.connection.close()


def error(answer: Answer, status: int) -> dict[str, Any]:
    assert answer.status == status, answer
    return answer.json()["error"]


@pytest.fixture
def one_at_a_time(start_server: Callable[..., Server]) -> Server:
    return start_server(
        *("--query.concurrency_max", "1", "--query.site_waiting_max", "2", "--query.waiting_max", "3"),
        *("--query.timeout", "10m"),
    )


class TestTurns:
    def test_a_site_with_many_questions_makes_no_other_wait_for_all_of_them(self, one_at_a_time: Server):
        busy, other = one_at_a_time.add_site(), one_at_a_time.add_site()
        fill(busy, 200_000)
        fill(other, 10)
        first = Asker(busy, slow())
        wait_until(lambda: running(one_at_a_time) == 1, 30, "the first runs")
        # Different ones, since equal ones are asked once.
        second = Asker(busy, slow(SLOW - 1))
        wait_until(lambda: waiting(one_at_a_time) == 1, 30, "the second waits")
        third = Asker(busy, slow(SLOW - 2))
        wait_until(lambda: waiting(one_at_a_time) == 2, 30, "the third waits")
        quick = Asker(other, QUICK)
        wait_until(lambda: waiting(one_at_a_time) == 3, 30, "the other site waits")
        first.leave()
        wait_until(lambda: waiting(one_at_a_time) == 2, 30, "the second has its turn")
        second.leave()
        answer = quick.answer()
        assert answer.status == 200 and answer.json()["rows"] == [[10]], answer
        wait_until(lambda: running(one_at_a_time) == 1 and waiting(one_at_a_time) == 0, 30, "the third has its turn after it")
        third.leave()

    def test_a_site_leaves_room_for_others_to_run_beside_it(self, start_server: Callable[..., Server]):
        server = start_server("--query.concurrency_max", "2", "--query.site_concurrency_max", "1", "--query.timeout", "10m")
        busy, other = server.add_site(), server.add_site()
        fill(busy, 200_000)
        fill(other, 10)
        askers = [Asker(busy, slow()), Asker(busy, slow(SLOW - 1))]
        wait_until(lambda: running(server) == 1 and waiting(server) == 1, 30, "one runs and one waits")
        answer = Asker(other, QUICK).answer()
        assert answer.status == 200 and answer.json()["rows"] == [[10]], answer
        assert waiting(server) == 1 and server.metric("footfall_queries_running") == 1
        for asker in askers:
            asker.leave()

    def test_more_than_may_wait_is_refused_and_told_when_to_come_again(self, one_at_a_time: Server):
        busy, other, third = (one_at_a_time.add_site() for _ in range(3))
        fill(busy, 200_000)
        askers = [Asker(busy, slow(SLOW - n)) for n in range(3)]
        wait_until(lambda: running(one_at_a_time) == 1 and waiting(one_at_a_time) == 2, 30, "one runs and two wait")
        of_site = busy.ask(**QUICK)
        assert error(of_site, 429)["code"] == "limited" and int(of_site.headers["Retry-After"]) > 0
        assert "query.site_waiting_max" in error(of_site, 429)["message"]
        of_batch = one_at_a_time.request(
            "POST", "/api/v1/query/batch", {"queries": [{"website_id": busy.id} | QUICK]}, bearer(busy.key("read"))
        )
        assert error(of_batch, 429)["code"] == "limited"
        askers.append(Asker(other, QUICK))
        wait_until(lambda: waiting(one_at_a_time) == 3, 30, "the other site waits")
        of_all = third.ask(**QUICK)
        assert error(of_all, 503)["code"] == "overloaded" and int(of_all.headers["Retry-After"]) > 0
        # One of the wrong shape is told so without a turn.
        assert error(busy.ask(metrics=["events"], limit=-1), 400)["field"] == "limit"
        assert one_at_a_time.metric("footfall_queries_refused_total", why="site_waiting_max") == 2
        assert one_at_a_time.metric("footfall_queries_refused_total", why="waiting_max") == 1
        for asker in askers:
            asker.leave()
        wait_until(lambda: waiting(one_at_a_time) == 0, 30, "who has gone waits no more")
        assert third.ask(**QUICK).status == 200

    def test_the_queries_of_a_batch_take_their_turns_among_others(self, start_server: Callable[..., Server]):
        server = start_server("--query.concurrency_max", "1", "--query.cache_bytes_max", "0")
        site, other = server.add_site(), server.add_site()
        fill(site, 50_000)
        fill(other, 10)
        queries = [{"website_id": site.id} | slow(8, limit=n + 1) for n in range(10)]
        batch = Asker(site, {"queries": [*queries, {"website_id": site.id, "metrics": ["nothing"]}]}, "query/batch")
        wait_until(lambda: running(server) == 1, 30, "the first of the batch runs")
        assert Asker(other, QUICK).answer().json()["rows"] == [[10]]
        assert server.metric("footfall_queries_total", result="answered") < 11, "it waited for all of the batch"
        answers = batch.answer().json()["answers"]
        assert [list(answer)[0] for answer in answers] == ["columns"] * 10 + ["error"]
        assert server.metric("footfall_queries_total", result="answered") == 11


class TestDeadline:
    def test_what_takes_too_long_is_told_what_to_do(self, start_server: Callable[..., Server]):
        server = start_server("--query.timeout_ms", "500")
        site = server.add_site()
        fill(site, 200_000)
        told = error(site.ask(**slow()), 504)
        assert told["code"] == "timeout" and "shorter time range" in told["message"] and "query.timeout" in told["message"]
        assert server.metric("footfall_queries_total", result="timeout") == 1
        wait_until(lambda: running(server) == 0, 30, "its statement ends")


class TestLeaving:
    def test_a_question_whose_client_leaves_ends_in_the_store(self, start_server: Callable[..., Server]):
        server = start_server("--query.timeout", "10m")
        site = server.add_site()
        fill(site, FILLED)
        asker = Asker(site, slow())
        wait_until(lambda: running(server) == 1, 30, "it runs")
        asker.leave()
        wait_ended_early(server)
        wait_until(lambda: server.metric("footfall_queries_total", result="client_gone") == 1, 30, "it is counted")
        # So do a funnel, and the queries of a batch.
        for path, question in {
            "funnel": slow(steps=[{"page": "/a"}, {"page": "/b"}], metrics=None),
            "query/batch": {"queries": [{"website_id": site.id} | slow(SLOW - n) for n in range(9)]},
        }.items():
            question = {name: value for name, value in question.items() if value is not None}
            asker = Asker(site, question, path)
            wait_until(lambda: running(server) >= 1, 30, f"{path} runs")
            asker.leave()
            wait_until(lambda: running(server) == 0, 30, f"the statements of {path} end")
            wait_until(lambda: server.metric("footfall_queries_running") == 0, 30, f"{path} ends")
        assert site.ask(**QUICK).status == 200

    def test_one_that_waits_leaves_the_queue(self, one_at_a_time: Server):
        site = one_at_a_time.add_site()
        fill(site, 200_000)
        first = Asker(site, slow())
        wait_until(lambda: running(one_at_a_time) == 1, 30, "the first runs")
        second = Asker(site, slow(SLOW - 1))
        wait_until(lambda: waiting(one_at_a_time) == 1, 30, "the second waits")
        second.leave()
        wait_until(lambda: waiting(one_at_a_time) == 0, 30, "it waits no more")
        assert one_at_a_time.metric("footfall_queries_refused_total", why="client_gone") == 1
        assert running(one_at_a_time) == 1, "the other goes on"
        first.leave()

    def test_others_who_asked_the_same_get_their_answer(self, start_server: Callable[..., Server]):
        server = start_server("--query.timeout", "10m")
        site = server.add_site()
        fill(site, 200_000)
        question = slow(40)
        first = Asker(site, question)
        wait_until(lambda: running(server) == 1, 30, "it runs")
        second = Asker(site, question)
        wait_until(lambda: server.metric("footfall_query_cache_waiting") == 1, 30, "the second waits for its answer")
        first.leave()
        answer = second.answer()
        assert answer.status == 200 and answer.json()["rows"] == [[0]], answer
        assert server.metric("footfall_query_cache_total", result="miss") == 1, "it was asked twice"
        assert server.metric("footfall_query_cache_total", result="joined") == 1
        # Where all of them leave, it ends.
        askers = [Asker(site, slow())]
        wait_until(lambda: running(server) == 1, 30, "it runs")
        askers.append(Asker(site, slow()))
        wait_until(lambda: server.metric("footfall_query_cache_waiting") == 1, 30, "the other waits for its answer")
        for asker in askers:
            asker.leave()
        wait_until(lambda: running(server) == 0, 30, "its statement ends")

    def test_the_server_stops_in_time_while_questions_run_and_wait(self, one_at_a_time: Server):
        site = one_at_a_time.add_site()
        fill(site, 200_000)
        askers = [Asker(site, slow(SLOW - n)) for n in range(3)]
        wait_until(lambda: running(one_at_a_time) == 1 and waiting(one_at_a_time) == 2, 30, "one runs and two wait")
        ended = threading.Event()
        threading.Thread(target=lambda: (one_at_a_time.terminate(), ended.set())).start()
        assert ended.wait(15), "it did not stop"
        for asker in askers:
            asker.leave()


class TestMemory:
    def test_a_question_that_needs_too_much_is_told_what_to_do(self, start_server: Callable[..., Server]):
        server = start_server("--query.memory_max", "10000000")
        site = server.add_site()
        fill(site, 200_000)
        told = error(site.ask(metrics=["visitors"], dimensions=["page"], time_range="30d"), 400)
        assert told["code"] == "memory_limit_exceeded", told
        for advice in ("shorter time range", "fewer dimensions", "query.memory_max"):
            assert advice in told["message"], told
        assert server.metric("footfall_queries_total", result="memory") == 1
        # One that fits is answered.
        assert site.value("events", time_range="30d") == 200_000
