"""Who asks not to be tracked, by the browser (Sec-GPC, DNT) or by consent: what each site makes of it."""

import pathlib
from typing import Any

import pytest
from support.events import custom, pageview
from support.server import Server, Site

OPT_OUT = [{"Sec-GPC": "1"}, {"DNT": "1"}]


def with_consent(event: dict[str, Any], consent: Any) -> dict[str, Any]:
    return event | {"context": event.get("context", {}) | {"consent": consent}}


def rejection(answer: Any) -> tuple[str, str]:
    assert answer.status == 200, answer
    told = answer.json()
    assert told["received"] == 0 and len(told["rejected"]) == 1, told
    return told["rejected"][0]["field"], told["rejected"][0]["reason"]


@pytest.fixture
def stored(server: Server, site: Site):
    """The site's only event as it is stored."""

    def read(*columns: str) -> list[Any]:
        site.wait_events(1)
        answer = site.query(["events"], ["user_id", "session_id"], include_bots=True)
        return answer["rows"][0][:2]

    return read


class TestOptOut:
    @pytest.mark.parametrize("header", OPT_OUT)
    def test_is_left_to_the_browser_where_the_site_says_nothing(self, site: Site, stored: Any, header: dict[str, str]):
        site.post(pageview(site.id) | {"user_id": "u", "session_id": "s"}, header)
        assert stored() == ["u", "s"]

    @pytest.mark.parametrize("header", OPT_OUT)
    def test_anonymous_counts_without_what_could_be_held_against_a_person(
        self, server: Server, site: Site, stored: Any, header: dict[str, str]
    ):
        server.command("site", "set", site.id, "--opt-out", "anonymous")
        site.post(pageview(site.id, "/?gclid=secret") | {"user_id": "u", "session_id": "s"}, header)
        user, session = stored()
        assert user != "u" and session == "", "an anonymous visitor's id"
        assert site.value("visitors") == 1

    @pytest.mark.parametrize("header", OPT_OUT)
    def test_drop_takes_nothing_and_keeps_no_sample(self, server: Server, site: Site, header: dict[str, str]):
        server.command("site", "set", site.id, "--opt-out", "drop")
        assert rejection(site.post(pageview(site.id, "/who-was-that"), header)) == ("", "opted_out")
        site.send(pageview(site.id, "/counted"))
        site.wait_events(1)
        listed = server.command("rejected", "list", "--site", site.id)
        assert [sum_of["reason"] for sum_of in listed["reasons"]] == ["opted_out"] and listed["samples"] == []
        for path in pathlib.Path(server.data, "log").iterdir():
            assert b"who-was-that" not in path.read_bytes()

    def test_a_server_that_sends_with_a_key_is_no_browser(self, server: Server, site: Site):
        server.command("site", "set", site.id, "--opt-out", "drop")
        site.send(pageview(site.id), headers={"Sec-GPC": "1"}, key="collect")
        site.wait_events(1)

    def test_another_value_is_none(self, server: Server, site: Site):
        server.command("site", "set", site.id, "--opt-out", "drop")
        site.send(pageview(site.id), headers={"Sec-GPC": "0", "DNT": "0"})


class TestConsent:
    def test_denied_is_counted_without_what_could_be_held_against_a_person(self, site: Site, stored: Any):
        site.send(with_consent(pageview(site.id), "denied") | {"user_id": "u", "session_id": "s"})
        user, session = stored()
        assert user != "u" and session == ""

    def test_granted_changes_nothing_where_it_is_not_required(self, site: Site, stored: Any):
        site.send(with_consent(pageview(site.id), "granted") | {"user_id": "u", "session_id": "s"})
        assert stored() == ["u", "s"]

    @pytest.mark.parametrize("consent", [None, "denied"])
    def test_required_takes_nothing_without_it_and_keeps_no_sample(self, server: Server, site: Site, consent: str | None):
        server.command("site", "set", site.id, "--consent", "required")
        event = pageview(site.id, "/not-asked")
        refused = site.post(with_consent(event, consent) if consent else event)
        assert rejection(refused) == ("context.consent", "no_consent")
        site.send(with_consent(custom(site.id, "asked"), "granted"))
        site.wait_events(1)
        assert server.command("rejected", "list", "--site", site.id)["samples"] == []

    @pytest.mark.parametrize(("consent", "reason"), [("maybe", "invalid"), (True, "wrong_type"), (1, "wrong_type")])
    def test_another_word_is_a_mistake(self, site: Site, consent: Any, reason: str):
        assert rejection(site.post(with_consent(pageview(site.id), consent))) == ("context.consent", reason)


class TestPixel:
    """Who has no script says it by a parameter."""

    def show(self, site: Site, consent: str) -> Any:
        return site.server.request("GET", f"/api/v1/pixel.gif?tracking_id={site.id}&page=/mail&consent={consent}")

    def test_granted_is_counted_where_consent_is_required(self, server: Server, site: Site):
        server.command("site", "set", site.id, "--consent", "required")
        assert self.show(site, "denied").headers["Footfall-Rejected"] == "context.consent no_consent"
        assert self.show(site, "granted").headers["Footfall-Rejected"] is None
        site.wait_events(1)
        assert site.table("page") == {"/mail": 1}, "the parameter is no part of the page"

    def test_another_word_is_a_mistake(self, site: Site):
        assert self.show(site, "maybe").headers["Footfall-Rejected"] == "context.consent invalid"


def test_the_site_says_what_it_makes_of_them(server: Server):
    added = server.command("site", "add", "Shop", "--domain", "shop.example", "--opt-out", "drop", "--consent", "required")
    assert (added["opt_out"], added["consent"]) == ("drop", "required")
    changed = server.command("site", "set", added["id"], "--opt-out", "ignore")
    assert (changed["opt_out"], changed["consent"]) == ("ignore", "required")
    [listed] = [site for site in server.command("site", "list") if site["id"] == added["id"]]
    assert (listed["opt_out"], listed["consent"]) == ("ignore", "required")
