"""contract.md, "Collecting": 429 with Retry-After when over a limit, and then nothing of the body was taken."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.client import Answer
from support.events import pageview
from support.server import Server, Site

pytestmark = pytest.mark.alone

RATE, BURST = 10, 200  # events/s, and 20 s of it


def events(site: Site, number: int) -> list[dict[str, Any]]:
    return [pageview(site.id) for _ in range(number)]


def sent_from(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def refused(answer: Answer) -> int:
    """The seconds after which it may be sent again."""
    assert answer.status == 429, answer
    assert answer.json()["error"]["code"] == "limited" and answer.headers["Access-Control-Allow-Origin"] == "*"
    seconds = int(answer.headers["Retry-After"])
    assert seconds >= 1
    return seconds


class TestAddress:
    @pytest.fixture(scope="class")
    def server(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        server = Server(tmp_path_factory.mktemp("quotas"), "--ingest.address_events_per_second", str(RATE))
        yield server.start()
        server.close()

    def test_more_than_the_burst_is_refused_whole_and_told_when_to_come_back(self, server: Server, site: Site):
        address = sent_from("203.0.113.9")
        for _ in range(2):
            assert site.post(events(site, BURST // 2 - 5), address).status == 200
        wait_s = refused(site.post(events(site, 30), address))
        assert wait_s <= 3, "20 events too many at 10 a second"
        assert site.post(events(site, 30), sent_from("203.0.113.10")).status == 200, "another address"
        site.wait_events(BURST - 10 + 30)  # and nothing of the refused body
        time.sleep(wait_s + 0.2)
        assert site.post(events(site, 30), address).status == 200

    def test_who_goes_on_is_refused_by_the_head_alone(self, server: Server, site: Site):
        address = sent_from("203.0.113.11")
        assert site.post(events(site, BURST), address).status == 200
        for _ in range(20):
            refused(site.post(events(site, 50), address))
        # Announced, and not sent.
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(
                b"POST /api/v1/events HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.11\r\nContent-Length: 100000\r\n\r\n"
            )
            assert raw.recv(4096).startswith(b"HTTP/1.1 429 ")

    def test_whoever_has_one_address_of_ipv6_has_its_network(self, server: Server, site: Site):
        assert site.post(events(site, BURST), sent_from("2001:db8:1:2::1")).status == 200
        refused(site.post(events(site, 50), sent_from("2001:db8:1:2:ffff::2")))
        assert site.post(events(site, 50), sent_from("2001:db8:1:3::1")).status == 200

    def test_loopback_and_senders_with_a_key_have_none(self, server: Server, site: Site):
        for _ in range(3):
            assert site.post(events(site, BURST)).status == 200
            site.send(*events(site, BURST), headers=sent_from("203.0.113.12"), key="collect")

    def test_the_pixel_is_an_image_all_the_same(self, server: Server, site: Site):
        address = sent_from("203.0.113.13")
        assert site.post(events(site, BURST), address).status == 200
        answer = server.request("GET", f"/api/v1/pixel.gif?tracking_id={site.id}&page=/", None, address)
        assert answer.status == 429 and answer.headers["Content-Type"] == "image/gif" and int(answer.headers["Retry-After"]) >= 1

    def test_it_is_counted(self, server: Server, site: Site):
        assert 'footfall_requests_over_quota_total{quota="address"}' in server.request("GET", "/metrics").body.decode()


class TestSite:
    def test_one_site_does_not_use_up_what_is_there_for_others(self, start_server: Any):
        server = start_server("--ingest.site_events_per_second", str(RATE))
        site, other = server.add_site(), server.add_site()
        assert site.post(events(site, BURST)).status == 200
        refused(site.post(events(site, 50)))
        assert site.post(events(other, 50)).status == 200
        wait_s = refused(site.post(events(other, 100) + events(site, 50)))
        assert wait_s <= 6
        # Of a body that is refused nothing is taken.
        site.wait_events(BURST)
        other.wait_events(50)
        assert site.post(events(other, BURST - 50)).status == 200, "nor of its quota"
        assert site.post([pageview("nobody") for _ in range(1000)]).status == 200, "of no site"
