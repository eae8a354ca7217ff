"""WS /api/v1/live: what it says, when, and to whom."""

import datetime
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.accounts import User
from support.client import bearer
from support.events import custom, pageview
from support.server import Server, Site
from support.websocket import PING, TEXT, Closed, Refused, WebSocket

pytestmark = pytest.mark.alone

PATH = "/api/v1/live"


def follow(server: Server, site: Site, **options: Any) -> WebSocket:
    return WebSocket(server.port, f"{PATH}?website_id={site.id}", bearer(site.key("read")), **options)


def until(socket: WebSocket, holds: Callable[[Any], bool], limit_s: float = 10) -> Any:
    """The first message of which it is true."""
    deadline = time.monotonic() + limit_s
    while True:
        message = socket.json(deadline - time.monotonic())
        if holds(message):
            return message


def by(visitor: str, event: dict[str, Any]) -> dict[str, Any]:
    return event | {"user_id": visitor}


def counts(message: Any) -> list[int]:
    return [sum(minute[name] for minute in message["minutes"]) for name in ("pageviews", "events", "visitors")]


class TestMessages:
    def test_the_first_is_a_snapshot_of_thirty_minutes(self, server: Server, site: Site):
        with follow(server, site) as socket:
            message = socket.json()
        assert set(message) == {
            *("type", "as_of", "active_visitors", "minutes", "ten_seconds", "pages", "sources", "countries", "events", "sample_rate")
        }
        assert message["type"] == "snapshot" and message["active_visitors"] == 0 and message["sample_rate"] == 1
        starts = [datetime.datetime.fromisoformat(minute["minute"]) for minute in message["minutes"]]
        assert len(starts) == 30 and all(set(minute) == {"minute", "pageviews", "events", "visitors"} for minute in message["minutes"])
        assert {b - a for a, b in zip(starts, starts[1:])} == {datetime.timedelta(minutes=1)}
        as_of = datetime.datetime.fromisoformat(message["as_of"])
        assert starts[-1] <= as_of + datetime.timedelta(seconds=1) and as_of - starts[-1] < datetime.timedelta(minutes=2)

    def test_the_last_five_minutes_are_told_by_ten_seconds(self, server: Server, site: Site):
        now = int(time.time() * 1000)
        late_by = [0, 0, 40_000, 41_000, 200_000, 400_000]
        site.send(*[pageview(site.id, timestamp=now - late) for late in late_by], custom(site.id, "signup", timestamp=now))
        with follow(server, site) as socket:
            message = until(socket, lambda m: counts(m)[1] == 7)
        told = message["ten_seconds"]
        starts = [int(datetime.datetime.fromisoformat(one["start"]).timestamp() * 1000) for one in told]
        assert len(told) == 30 and all(start % 10_000 == 0 for start in starts)
        assert {b - a for a, b in zip(starts, starts[1:])} == {10_000}
        for start, one in zip(starts, told):
            pageviews = sum(start <= now - late < start + 10_000 for late in late_by)
            assert (one["pageviews"], one["events"]) == (pageviews, pageviews + (start <= now < start + 10_000))

    def test_an_update_comes_within_a_second_of_the_acknowledgement(self, server: Server, site: Site):
        with follow(server, site) as socket:
            assert socket.json()["type"] == "snapshot"
            for number in range(1, 6):
                site.send(pageview(site.id, f"/page-{number}"))
                acknowledged = time.monotonic()
                message = until(socket, lambda m: counts(m)[0] == number)
                assert time.monotonic() - acknowledged < 1
                assert message["type"] == "update"
                time.sleep(0.3)

    def test_names_pages_sources_countries_and_events_by_their_visitors(self, server: Server, site: Site):
        site.send(
            by("one", pageview(site.id, "/a?utm_source=news")),
            by("one", pageview(site.id, "/b")),
            by("two", pageview(site.id, "/b")),
            by("two", custom(site.id, "signup")),
        )
        with follow(server, site) as socket:
            message = until(socket, lambda m: counts(m)[1] == 4)
        assert message["active_visitors"] == 2
        assert message["pages"] == [{"name": "/b", "visitors": 2}, {"name": "/a", "visitors": 1}]
        assert message["sources"] == [{"name": "", "visitors": 1}, {"name": "news", "visitors": 1}]
        assert [entry["visitors"] for entry in message["countries"]] == [2]
        assert message["events"] == [{"name": "signup", "visitors": 1}]
        assert counts(message)[:2] == [3, 4]

    def test_says_what_the_query_says(self, server: Server, site: Site):
        now = int(time.time() * 1000)
        site.send(*[by(f"v{i % 7}", pageview(site.id, f"/{i % 4}", timestamp=now - i * 20_000)) for i in range(60)])
        site.wait_events(60)
        with follow(server, site) as socket:
            message = until(socket, lambda m: counts(m)[1] > 0)
        answer = site.query(["pageviews", "events", "visitors"], ["minute"], time_range="last_30_minutes", limit=100)
        asked = {row[0][:16]: row[1:] for row in answer["rows"]}
        told = {m["minute"][:16].replace("T", " "): [m["pageviews"], m["events"], m["visitors"]] for m in message["minutes"]}
        same = {minute.replace("T", " "): row for minute, row in asked.items()}
        assert {minute: row for minute, row in told.items() if row[1]} == same

    def test_hostile_names_come_as_text(self, server: Server, site: Site):
        name = '</script><img src=x onerror=alert(1)>"\\\u202e'
        site.send(pageview(site.id, "/" + name), custom(site.id, name))
        with follow(server, site) as socket:
            message = until(socket, lambda m: m["events"])
        assert message["events"][0]["name"] == name

    def test_other_sites_events_are_not_in_it(self, server: Server):
        mine, other = server.add_site(), server.add_site()
        with follow(server, mine) as socket:
            socket.json()
            other.send(pageview(other.id, "/secret"))
            mine.send(pageview(mine.id, "/own"))
            message = until(socket, lambda m: counts(m)[0] == 1)
            assert [page["name"] for page in message["pages"]] == ["/own"]

    def test_a_minute_without_events_is_told_too(self, server: Server, site: Site):
        with follow(server, site) as socket:
            first = socket.json()
            assert socket.json(15)["as_of"] > first["as_of"], "a heart-beat"

    def test_is_exact_right_after_a_kill(self, start_server: Any):
        server = start_server()
        site = server.add_site()
        now_ms = int(time.time() * 1000)
        # Sessions that began before the half hour: what a queue sends that had no net.
        for minutes in (40, 20):
            site.send(*[by(f"v{i}", pageview(site.id, f"/?utm_source=s{i}-{minutes}", timestamp=now_ms - minutes * 60_000)) for i in range(5)])
        site.send(*[by(f"v{i % 5}", pageview(site.id, f"/{i}")) for i in range(50)], by("v0", custom(site.id, "signup")))
        with follow(server, site) as socket:
            before = until(socket, lambda m: counts(m)[1] == 56)
            assert before["sources"] == [{"name": f"s{i}-40", "visitors": 1} for i in range(5)]
            server.kill()
            with pytest.raises((Closed, ConnectionError)):
                while True:
                    socket.message()
        server.start()
        with follow(server, site) as socket:
            after = socket.json()
        assert after["type"] == "snapshot"
        for name in ("active_visitors", "pages", "sources", "countries", "events"):
            assert after[name] == before[name], name
        minutes = [{minute["minute"]: minute for minute in message["minutes"] if minute["events"]} for message in (after, before)]
        assert minutes[0] == minutes[1] and counts(after)[:2] == [55, 56]


class TestAccess:
    def test_a_session_a_key_or_a_ticket_opens_it(self, server: Server, site: Site):
        browser = User(server, "viewer").browser()
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        own = {"Origin": f"http://127.0.0.1:{server.port}"}
        for headers in (cookie, cookie | own, bearer(site.key("read")), bearer(site.key("admin"))):
            with WebSocket(server.port, f"{PATH}?website_id={site.id}", headers) as socket:
                assert socket.json()["type"] == "snapshot"
        ticket = browser.request("POST", f"{PATH}/ticket", {"website_id": site.id}).json()
        assert ticket["expires_in"] == 30
        with WebSocket(server.port, f"{PATH}?ticket={ticket['ticket']}&website_id={site.id}") as socket:
            assert socket.json()["type"] == "snapshot"
        with pytest.raises(Refused) as refused:
            WebSocket(server.port, f"{PATH}?ticket={ticket['ticket']}")
        assert refused.value.status == 401, "it was used"
        ticket = server.request("POST", f"{PATH}/ticket", None, bearer(site.key("read"))).json()["ticket"]
        with WebSocket(server.port, f"{PATH}?website_id={site.id}&ticket={ticket}") as socket:
            assert socket.json()["type"] == "snapshot"

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 401),
            ({"Authorization": "Bearer nonsense"}, 401),
            ({"Authorization": "Basic eDp5"}, 401),
            ({"Cookie": "footfall_session=" + "x" * 43}, 401),
        ],
    )
    def test_nobody_else_gets_in(self, server: Server, site: Site, headers: dict[str, str], status: int):
        with pytest.raises(Refused) as refused:
            WebSocket(server.port, f"{PATH}?website_id={site.id}", headers)
        assert refused.value.status == status and set(json.loads(refused.value.body)) == {"error"}

    def test_of_another_site_of_none_and_without_one(self, server: Server, site: Site):
        other = server.add_site()
        owner = User(server, "owner").browser()
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in owner.cookies.items())}
        for path, headers, status in [
            (f"?website_id={other.id}", bearer(site.key("read")), 403),
            (f"?website_id={site.id}", bearer(site.key("collect")), 403),
            ("?website_id=nobody", cookie, 404),
            ("", cookie, 400),
            ("?ticket=" + "0" * 64, {}, 401),
        ]:
            with pytest.raises(Refused) as refused:
                WebSocket(server.port, PATH + path, headers)
            assert refused.value.status == status, path
        for body, status in [({"website_id": "nobody"}, 404), ({"site": "x"}, 400), ([], 400)]:
            assert owner.request("POST", f"{PATH}/ticket", body).status == status
        ticket = owner.request("POST", f"{PATH}/ticket", {"website_id": site.id}).json()["ticket"]
        with pytest.raises(Refused) as refused:
            WebSocket(server.port, f"{PATH}?ticket={ticket}&website_id={other.id}")
        assert refused.value.status == 401

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1"])
    def test_S5_a_foreign_page_is_refused(self, server: Server, site: Site, origin: str):
        browser = User(server, "owner").browser()
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        ticket = browser.request("POST", f"{PATH}/ticket", {"website_id": site.id}).json()["ticket"]
        for path, headers in [(f"?website_id={site.id}", cookie), (f"?website_id={site.id}", bearer(site.key("read"))), (f"?ticket={ticket}", {})]:
            with pytest.raises(Refused) as refused:
                WebSocket(server.port, PATH + path, headers | {"Origin": origin})
            assert refused.value.status == 403

    def test_a_plain_request_is_told_how_to_ask(self, server: Server, site: Site):
        answer = server.request("GET", f"{PATH}?website_id={site.id}", None, bearer(site.key("read")))
        assert answer.status == 400 and "websocket" in answer.json()["error"]["message"].lower()

    def test_S16_it_ends_within_a_second_of_what_opened_it(self, server: Server, site: Site):
        browser = User(server, "viewer").browser()
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        key = server.command("key", "create", "--site", site.id, "--scope", "read")
        kept = follow(server, site)
        by_session = WebSocket(server.port, f"{PATH}?website_id={site.id}", cookie)
        by_key = WebSocket(server.port, f"{PATH}?website_id={site.id}", bearer(key["secret"]))
        ticket = browser.request("POST", f"{PATH}/ticket", {"website_id": site.id}).json()["ticket"]
        by_ticket = WebSocket(server.port, f"{PATH}?ticket={ticket}")
        for socket in (kept, by_session, by_key, by_ticket):
            socket.json()
        browser.request("DELETE", "/api/v1/session")
        ended = time.monotonic()
        assert by_session.closed().code == 4401 and by_ticket.closed().code == 4401
        assert time.monotonic() - ended < 1
        server.command("key", "revoke", key["id"])
        ended = time.monotonic()
        assert by_key.closed().code == 4401
        assert time.monotonic() - ended < 1
        site.send(pageview(site.id))
        until(kept, lambda m: counts(m)[0] == 1)
        server.command("site", "remove", site.id)
        assert kept.closed(2).code in (4401, 4404), "its key goes with the site"

    @pytest.mark.parametrize("how", ["role", "password", "remove"])
    def test_S16_it_ends_within_a_second_of_a_change_to_its_user(self, server: Server, site: Site, how: str):
        user, other = User(server, "editor"), User(server, "editor")
        sockets: list[WebSocket] = []
        for browser in (user.browser(), other.browser()):
            cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
            ticket = browser.request("POST", f"{PATH}/ticket", {"website_id": site.id}).json()["ticket"]
            sockets += [WebSocket(server.port, f"{PATH}?website_id={site.id}", cookie), WebSocket(server.port, f"{PATH}?ticket={ticket}")]
        for socket in sockets:
            socket.json()
        server.command("user", how, user.email, *(["viewer"] if how == "role" else []), stdin="another password of theirs")
        ended = time.monotonic()
        assert [socket.closed().code for socket in sockets[:2]] == [4401, 4401]
        assert time.monotonic() - ended < 1
        site.send(pageview(site.id))
        for socket in sockets[2:]:
            until(socket, lambda m: counts(m)[0] == 1)


class TestSockets:
    def test_S5_a_reader_that_stops_gets_the_newest_and_holds_nobody_up(self, server: Server, site: Site):
        slow = follow(server, site, receive_buffer=4096)
        slow.json()
        with follow(server, site) as quick:
            quick.json()
            # Long names make long messages: the slow reader's buffers are full after a few.
            for number in range(1, 31):
                site.send(*[by(f"v{i}", pageview(site.id, f"/{'x' * 700}{number}-{i}")) for i in range(20)])
                sent = time.monotonic()
                until(quick, lambda m: counts(m)[0] == 20 * number)
                assert time.monotonic() - sent < 1
                time.sleep(0.2)
        messages = 0
        while True:
            messages += 1
            if counts(slow.json())[0] == 600:
                break
        assert messages < 30, "a backlog"
        slow.socket.close()

    def test_S5_what_clients_must_not_send_closes_their_socket_alone(self, server: Server, site: Site):
        with follow(server, site) as kept:
            kept.json()
            for opcode, payload, code in [(TEXT, b"\xff\xfe", 1007), (2, b"binary", 1003), (TEXT, b"x" * 5000, 1009)]:
                with follow(server, site) as socket:
                    socket.json()
                    socket.send(opcode, payload)
                    assert socket.closed().code == code
            kept.send(TEXT, b'{"subscribe":"everything"}')
            kept.send(PING, b"there?")
            site.send(pageview(site.id))
            until(kept, lambda m: counts(m)[0] == 1)

    def test_a_stop_of_the_server_says_so(self, start_server: Any):
        server = start_server()
        site = server.add_site()
        socket = follow(server, site)
        socket.json()
        assert server.terminate() == 0
        assert socket.closed().code == 1001
