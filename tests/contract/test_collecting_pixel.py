"""contract.md, "Collecting": GET /api/v1/pixel.gif, for pages without script and for mail. What becomes of an event in general:
test_collecting_events.py."""

import struct
import time
import urllib.parse
from typing import Any

import pytest

from support.client import Answer, bearer
from support.events import uuid7
from support.server import Site

URL = "/api/v1/pixel.gif"


def show(site: Site, headers: dict[str, str] | None = None, method: str = "GET", **parameters: str) -> Answer:
    query = urllib.parse.urlencode({"tracking_id": site.id} | parameters)
    return site.server.request(method, f"{URL}?{query}", None, headers)


def is_pixel(answer: Answer, status: int = 200) -> bool:
    """A whole GIF of one pixel, as long as such a thing is, that no cache keeps."""
    assert answer.status == status, answer
    assert answer.headers.get_all("Cache-Control") == ["no-store"], answer
    assert answer.headers["Content-Type"] == "image/gif", answer
    body = answer.body
    assert len(body) == 43 and body.startswith(b"GIF89a") and body.endswith(b";"), answer
    assert struct.unpack("<HH", body[6:10]) == (1, 1), answer
    # The graphic control extension says that colour 0, which the one pixel has, is transparent.
    return body[19:22] == b"!\xf9\x04" and body[22] & 1 == 1 and body[25] == 0


class TestPixel:
    def test_counts_a_page_view(self, site: Site):
        answer = show(site, page="/welcome", title="W\u00e4hlen & mehr", referrer="https://news.example/a?b=c")
        assert is_pixel(answer) and answer.headers["Footfall-Rejected"] is None
        site.wait_events(1)
        assert site.value("pageviews") == 1
        assert site.table("page") == {"/welcome": 1}
        assert site.table("title") == {"W\u00e4hlen & mehr": 1}
        assert site.table("referrer") == {"https://news.example/a?b=c": 1}
        assert site.table("browser") == {"Firefox": 1}

    @pytest.mark.parametrize(
        "parameters",
        [
            {"page": "/mail", "utm_source": "letter", "utm_medium": "email", "utm_campaign": "mai & june"},
            {"page": "/mail?utm_source=letter&utm_medium=email&utm_campaign=mai+%26+june"},
            {"page": "/mail?utm_source=other#part", "utm_source": "letter", "utm_medium": "email", "utm_campaign": "mai & june"},
            {"page": "https://site.example/mail?a=b&utm_medium=email#x", "utm_source": "letter", "utm_campaign": "mai & june"},
        ],
    )
    def test_takes_a_campaign_by_its_own_query_or_that_of_the_page(self, site: Site, parameters: dict[str, str]):
        assert is_pixel(show(site, **parameters))
        site.wait_events(1)
        assert site.table("page") == {"/mail": 1}
        assert site.table("source") == {"letter": 1}
        assert site.table("medium") == {"email": 1}
        assert site.table("campaign") == {"mai & june": 1}

    def test_without_a_page_it_is_that_of_the_referer(self, site: Site):
        referer = {"Referer": "https://site.example/from/referer?utm_term=shoes"}
        assert is_pixel(show(site, referer, utm_source="x"))
        time.sleep(0.002)  # of one millisecond the first page is the one whose text is smaller
        assert is_pixel(show(site, referer, page="/told"))
        site.wait_events(2)
        assert site.table("page") == {"/from/referer": 1, "/told": 1}
        assert site.table("hostname") == {"site.example": 1, "": 1}
        assert site.table("term") == {"shoes": 2}, "the session's, as of its first page"

    def test_the_same_id_counts_once(self, site: Site):
        event_id = uuid7()
        for _ in range(3):
            assert is_pixel(show(site, page="/", event_id=event_id))
        assert is_pixel(show(site, page="/last"))
        site.wait_events(2)
        assert site.table("page") == {"/": 1, "/last": 1}

    def test_what_it_says_of_the_visitor_is_what_an_event_says(self, site: Site):
        for user in ("a", "b", "a"):
            assert is_pixel(show(site, page="/", user_id=user))
        assert is_pixel(show(site, {"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}, page="/"))
        site.wait_events(4)
        assert site.value("pageviews") == 3
        assert site.value("visitors") == 2

    @pytest.mark.parametrize(
        "change, reason",
        [
            ({"tracking_id": "nobody"}, "unknown"),
            ({"tracking_id": ""}, "missing"),
            ({"page": ""}, "missing"),
            ({"event_id": "no-uuid"}, "invalid"),
        ],
    )
    def test_what_is_rejected_is_an_image_too_and_counted_by_its_reason(
        self, site: Site, change: dict[str, str], reason: str
    ):
        def rejected() -> float:
            return site.server.metric("footfall_events_rejected_total", reason=reason)

        before = rejected()
        answer = show(site, **{"page": "/"} | change)
        assert is_pixel(answer)
        field = next(iter(change)) if "page" not in change else "data.page"
        assert answer.headers["Footfall-Rejected"] == f"{field} {reason}"
        assert rejected() == before + 1
        assert is_pixel(show(site, page="/counted"))
        site.wait_events(1)
        assert site.table("page") == {"/counted": 1}

    def test_nothing_at_all_is_an_image_too(self, site: Site):
        assert is_pixel(site.server.request("GET", URL))

    @pytest.mark.parametrize("query", ["page=%zz", "page=%ff", "page=%2"])
    def test_a_broken_query_is_400_and_an_image(self, site: Site, query: str):
        answer = site.server.request("GET", f"{URL}?tracking_id={site.id}&{query}")
        assert is_pixel(answer, 400) and answer.headers["Footfall-Rejected"], answer

    def test_keys_are_judged_as_for_events(self, site: Site):
        assert is_pixel(show(site, bearer("nonsense"), page="/"), 401)
        assert is_pixel(show(site, bearer(site.key("read")), page="/"), 403)
        assert is_pixel(show(site, bearer(site.key("collect")), page="/"))
        site.wait_events(1)

    def test_a_look_at_the_head_counts_nothing_and_other_methods_are_refused(self, site: Site):
        head = show(site, method="HEAD", page="/looked")
        assert head.status == 200 and head.headers["Content-Type"] == "image/gif" and head.headers["Content-Length"] == "43"
        answer = show(site, method="POST", page="/posted")
        assert answer.status == 405 and "GET" in answer.headers["Allow"], answer
        assert is_pixel(show(site, page="/shown"))
        site.wait_events(1)
        assert site.table("page") == {"/shown": 1}

    def test_every_page_may_embed_it(self, site: Site):
        answers: list[Any] = [show(site, {"Origin": "https://site.example"}, page="/"), site.server.request("GET", URL)]
        for answer in answers:
            assert answer.headers.get_all("Access-Control-Allow-Origin") == ["*"]
            assert answer.headers.get_all("Cross-Origin-Resource-Policy") == ["cross-origin"]
            assert answer.headers["Set-Cookie"] is None

    def test_what_was_answered_survives_a_kill(self, start_server: Any):
        server = start_server()
        site = server.add_site()
        assert is_pixel(show(site, page="/durable"))
        server.kill()
        server.start()
        site.wait_events(1)
