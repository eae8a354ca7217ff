"""contract.md, "Collecting": who a visitor is, keys of servers, and what is derived from address, agent and URL."""

from typing import Any

import pytest

from support.client import bearer
from support.events import FIREFOX, GOOGLEBOT, SAFARI_IPHONE, custom, now_ms, other, pageview, uuid7
from support.server import Site

DAY = 24 * 3600 * 1000


def seen_from(address: str, agent: str = FIREFOX) -> dict[str, str]:
    return {"X-Forwarded-For": address, "User-Agent": agent}


class TestIdentity:
    def test_a_visitor_is_an_address_and_an_agent(self, site: Site):
        for address, agent in [
            ("203.0.113.1", FIREFOX),
            ("203.0.113.1", FIREFOX),
            ("203.0.113.2", FIREFOX),
            ("203.0.113.1", SAFARI_IPHONE),
        ]:
            site.send(pageview(site.id), headers=seen_from(address, agent))
        site.wait_events(4)
        assert site.value("visitors") == 3
        assert site.value("users") == 3, "users is the same"

    def test_addresses_of_one_network_are_told_apart(self, site: Site):
        for last in range(1, 6):
            site.send(pageview(site.id), headers=seen_from(f"203.0.113.{last}"))
            site.send(pageview(site.id), headers=seen_from(f"2001:db8:1:2::{last}"))
        site.wait_events(10)
        assert site.value("visitors") == 10

    def test_a_sent_user_id_is_the_visitor(self, site: Site):
        for address, user in [("203.0.113.1", "u-1"), ("203.0.113.2", "u-1"), ("203.0.113.2", "u-2")]:
            site.send(pageview(site.id) | {"user_id": user}, headers=seen_from(address))
        site.wait_events(3)
        assert site.value("visitors") == 2
        assert site.table("user_id") == {"u-1": 2, "u-2": 1}

    def test_a_cookieless_site_uses_no_user_id_from_the_next_event_on(self, site: Site):
        site.send(pageview(site.id) | {"user_id": "known"}, headers=seen_from("203.0.113.1"))
        site.server.command("site", "set", site.id, "--cookieless", "on")
        for user in ("u-1", "u-2"):
            site.send(pageview(site.id) | {"user_id": user}, headers=seen_from("203.0.113.2"))
        site.wait_events(3)
        assert site.value("visitors") == 2
        assert "known" in site.table("user_id") and not {"u-1", "u-2"} & set(site.table("user_id"))

    def test_identify_makes_no_visitor_and_an_open_session_keeps_its_own(self, site: Site):
        """anonymous → known works forward only: what is stored is not written again, and no session breaks in two. That
        the next session is the known user's needs half an hour, and has its test in src/enrich/identity_test.cc."""
        for event in (pageview(site.id, "/a"), other(site.id, "identify", user_id="u-1"), pageview(site.id, "/b")):
            site.send(event, headers=seen_from("203.0.113.1"))
        site.wait_events(2)
        assert site.query(["visitors", "sessions", "pageviews", "events"])["rows"] == [[1, 1, 2, 2]]
        assert site.query(["visitors"], ["page"], order_by=[["page", "asc"]])["rows"] == [["/a", 1], ["/b", 1]]
        # The user is somebody else until a new session begins.
        site.send(pageview(site.id, "/c") | {"user_id": "u-1"}, headers=seen_from("203.0.113.9"))
        site.wait_events(3)
        assert site.query(["visitors", "sessions"])["rows"] == [[2, 2]]

    def test_two_sites_share_no_visitor_and_each_counts_its_own(self, site: Site):
        second = site.server.add_site()
        for one in (site, second):
            one.send(pageview(one.id), headers=seen_from("203.0.113.1"))
        for one in (site, second):
            one.wait_events(1)
            assert one.value("visitors") == 1


class TestForwardedAddress:
    """S18, with the peer on loopback, which is trusted by default."""

    @pytest.mark.parametrize(
        "first, second",
        [
            pytest.param({"X-Forwarded-For": "203.0.113.1"}, {"X-Forwarded-For": "203.0.113.2"}, id="another address"),
            pytest.param(
                {"X-Forwarded-For": "9.9.9.9, 203.0.113.1"},
                {"X-Forwarded-For": "9.9.9.9, 203.0.113.2"},
                id="the last hop counts",
            ),
            pytest.param({"Forwarded": "for=203.0.113.1"}, {"Forwarded": "for=203.0.113.2"}, id="Forwarded"),
            pytest.param(
                {"Forwarded": 'for="[2001:db8::1]:4711";proto=https'},
                {"Forwarded": 'for="[2001:db8::2]:4711"'},
                id="Forwarded, IPv6",
            ),
            pytest.param({}, {"X-Forwarded-For": "203.0.113.2"}, id="none against one"),
        ],
    )
    def test_S18_two_visitors(self, site: Site, first: dict[str, str], second: dict[str, str]):
        self.check(site, first, second, 2)

    @pytest.mark.parametrize(
        "first, second",
        [
            pytest.param(
                {"X-Forwarded-For": "1.1.1.1, 203.0.113.1"},
                {"X-Forwarded-For": "2.2.2.2, 203.0.113.1"},
                id="what the client claims",
            ),
            pytest.param(
                {"X-Forwarded-For": "203.0.113.1"},
                {"X-Forwarded-For": "203.0.113.1, 127.0.0.1"},
                id="behind a trusted hop",
            ),
            pytest.param(
                {"X-Forwarded-For": "203.0.113.1"}, {"Forwarded": "for=203.0.113.1"}, id="both headers say the same"
            ),
            pytest.param({"X-Forwarded-For": "203.0.113.1"}, {"X-Forwarded-For": "203.0.113.1:5555"}, id="with a port"),
            pytest.param(
                {"X-Forwarded-For": "2001:DB8::1"}, {"X-Forwarded-For": "2001:db8:0:0::1"}, id="an address is a number"
            ),
            pytest.param({"X-Forwarded-For": "203.0.113.1"}, {"X-Forwarded-For": "::ffff:203.0.113.1"}, id="mapped"),
        ],
    )
    def test_S18_one_visitor(self, site: Site, first: dict[str, str], second: dict[str, str]):
        self.check(site, first, second, 1)

    @pytest.mark.parametrize(
        "value", ["nonsense", ",,,", "1.2.3.4.5", "999.1.1.1", "unknown", "::::", "1.1.1.1," * 2_000]
    )
    def test_S18_nonsense_is_no_error(self, site: Site, value: str):
        answer = site.post(pageview(site.id), {"X-Forwarded-For": value})
        assert answer.status in (200, 431), answer

    def test_S18_a_peer_that_is_not_trusted_is_the_visitor_itself(self, start_server: Any):
        site = start_server("--http.trusted_proxies", "192.0.2.0/24").add_site()
        self.check(site, {"X-Forwarded-For": "203.0.113.1"}, {"X-Forwarded-For": "203.0.113.2"}, 1)

    def check(self, site: Site, first: dict[str, str], second: dict[str, str], visitors: int) -> None:
        for headers in (first, second):
            site.send(pageview(site.id), headers={"User-Agent": FIREFOX} | headers)
        site.wait_events(2)
        assert site.value("visitors") == visitors


class TestServerKeys:
    def test_a_collect_key_may_say_address_and_agent(self, site: Site):
        for address in ("203.0.113.1", "203.0.113.2", "203.0.113.1"):
            site.send(pageview(site.id, context={"ip": address, "user_agent": FIREFOX}), key="collect")
        site.wait_events(3)
        assert site.value("visitors") == 2
        assert site.query(["events"], ["browser", "os", "device_type"])["rows"] == [
            ["Firefox", "Windows", "desktop", 3]
        ]

    def test_it_says_the_same_as_the_headers_would(self, site: Site):
        site.send(pageview(site.id, context={"ip": "203.0.113.1", "user_agent": FIREFOX}), key="collect")
        site.send(pageview(site.id), headers=seen_from("203.0.113.1"))
        site.wait_events(2)
        assert site.value("visitors") == 1

    def test_without_a_key_they_are_not_believed(self, site: Site):
        for address in ("203.0.113.1", "203.0.113.2"):
            site.send(
                pageview(site.id, context={"ip": address, "user_agent": SAFARI_IPHONE}),
                headers=seen_from("198.51.100.1"),
            )
        site.wait_events(2)
        assert site.value("visitors") == 1
        assert site.table("browser") == {"Firefox": 2}

    @pytest.mark.parametrize("scope", ["collect", "admin"])
    def test_what_it_does_not_say_is_the_requests_own(self, site: Site, scope: str):
        """As without a key: the peer's address, or the forwarded one, and the User-Agent."""
        for headers in ({}, {}, seen_from("203.0.113.1"), seen_from("203.0.113.1")):
            site.send(pageview(site.id), pageview(site.id, context={"language": "de"}), headers=headers, key=scope)
            site.send(pageview(site.id), headers=headers)
        site.wait_events(12)
        assert site.query(["visitors", "sessions", "pageviews"])["rows"] == [[2, 2, 12]]
        assert site.table("browser") == {"Firefox": 12}

    @pytest.mark.parametrize(
        "context, headers",
        [
            pytest.param({"ip": "203.0.113.1"}, {"User-Agent": SAFARI_IPHONE}, id="the address alone"),
            pytest.param({"user_agent": SAFARI_IPHONE}, {"X-Forwarded-For": "203.0.113.1"}, id="the agent alone"),
        ],
    )
    def test_of_address_and_agent_each_stands_for_itself(
        self, site: Site, context: dict[str, str], headers: dict[str, str]
    ):
        site.send(pageview(site.id, context=context), headers=headers, key="collect")
        site.send(pageview(site.id), headers=seen_from("203.0.113.1", SAFARI_IPHONE))
        site.wait_events(2)
        assert site.value("visitors") == 1
        assert site.table("os") == {"iOS": 2}

    @pytest.mark.parametrize("agent", ["curl/8.5.0", "python-requests/2.32.3", "Go-http-client/1.1", "AHC/2.1", "node"])
    @pytest.mark.parametrize("context", [{}, {"ip": "203.0.113.1"}], ids=["neither", "the address alone"])
    def test_the_library_that_sends_is_no_visitors_agent(self, site: Site, agent: str, context: dict[str, str]):
        for _ in range(2):
            site.send(pageview(site.id, context=context), headers={"User-Agent": agent}, key="collect")
        site.wait_events(2)
        assert site.query(["visitors", "sessions", "pageviews"])["rows"] == [[1, 1, 2]]
        assert site.table("device_type") == {"other": 2}

    def test_a_bot_is_one_whoever_passes_it_on(self, site: Site):
        site.send(pageview(site.id), headers=seen_from("203.0.113.1", GOOGLEBOT), key="collect")
        site.send(pageview(site.id, context={"user_agent": GOOGLEBOT}), key="collect")
        site.send(pageview(site.id, context={"user_agent": "curl/8.5.0"}), key="collect")
        site.send(pageview(site.id), headers={"User-Agent": "curl/8.5.0"})
        site.wait_events(4)
        assert site.value("pageviews") == 0

    def test_what_comes_more_than_a_day_late_needs_a_user_id_to_be_of_one_visitor(self, site: Site):
        """Hashed with today's salt, an old address would be a visitor of today."""
        who = {"ip": "203.0.113.1", "user_agent": FIREFOX}
        for number in range(3):
            old = pageview(site.id, timestamp=now_ms() - 2 * DAY + number, context=who)
            site.send(old, old | {"event_id": uuid7(), "user_id": "u-1"}, key="collect")
        site.wait_events(6)
        assert site.query(["visitors", "sessions"])["rows"] == [[3 + 1, 3 + 1]]

    @pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer ", "Bearer", "Basic dXNlcjpwdw==", "nonsense"])
    def test_a_wrong_key_is_401_and_nothing_is_taken(self, site: Site, header: str):
        answer = site.post(pageview(site.id), {"Authorization": header})
        assert answer.status == 401 and answer.json()["error"]["message"], answer
        site.send(custom(site.id, "after"))
        site.wait_events(1)

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
    def test_the_name_of_the_scheme_has_no_case(self, site: Site, scheme: str):
        """As RFC 9110 has it, and the same wherever a key is read."""
        sent = site.post(pageview(site.id), {"Authorization": f"{scheme} {site.key('collect')}"})
        assert sent.status == 200 and sent.json()["received"] == 1, sent
        question = {"website_id": site.id, "metrics": ["pageviews"]}
        key = {"Authorization": f"{scheme} {site.key('read')}"}
        assert site.server.request("POST", "/api/v1/query", question, key).status == 200

    def test_a_read_key_does_not_collect(self, site: Site):
        assert site.post(pageview(site.id), bearer(site.key("read"))).status in (401, 403)

    def test_a_revoked_key_is_dead_when_the_command_exits(self, site: Site):
        made = site.server.command("key", "create", "--site", site.id, "--scope", "collect")
        assert site.post(pageview(site.id), bearer(made["secret"])).status == 200
        site.server.command("key", "revoke", made["id"])
        assert site.post(pageview(site.id), bearer(made["secret"])).status == 401

    def test_S14_a_key_gives_no_rights_on_another_site(self, site: Site):
        second = site.server.add_site()
        old = pageview(second.id, timestamp=now_ms() - 30 * DAY)
        answer = second.post([old], bearer(site.key("collect")))
        assert answer.status in (401, 403) or answer.json()["received"] == 0, answer


class TestDerived:
    def test_client_hints_say_better_what_the_agent_has_frozen(self, site: Site):
        agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
        hints = {
            "Sec-CH-UA": '"Brave";v="131", "Chromium";v="131", "Not_A Brand";v="24"',
            "Sec-CH-UA-Mobile": "?0",
            "Sec-CH-UA-Platform": '"Windows"',
            "Sec-CH-UA-Platform-Version": '"15.0.0"',
        }
        answer = site.post(pageview(site.id), seen_from("203.0.113.1", agent) | hints)
        assert answer.status == 200 and "accept-ch" not in {name.lower() for name in answer.headers}, answer
        site.send(pageview(site.id), headers=seen_from("203.0.113.1", agent))
        site.wait_events(2)
        rows = site.query(["pageviews"], ["browser", "os", "os_version"], order_by=[["browser", "asc"]])["rows"]
        assert rows == [["Brave", "Windows", "11", 1], ["Chrome", "Windows", "10", 1]]
        assert site.value("visitors") == 1, "hints make nobody another visitor"

    def test_a_visit_from_a_spam_referrer_is_a_bots(self, site: Site):
        for referrer in ("https://semalt.com/crawler", "https://www.google.com/"):
            site.send(pageview(site.id, referrer=referrer), headers=seen_from("203.0.113.1"))
        site.wait_events(2)
        assert site.query(["pageviews"], ["source"])["rows"] == [["Google", 1]]
        assert site.query(["pageviews"], include_bots=True)["rows"] == [[2]]

    @pytest.mark.parametrize(
        "agent, browser, system, device",
        [(FIREFOX, "Firefox", "Windows", "desktop"), (SAFARI_IPHONE, None, "iOS", "mobile")],
    )
    def test_the_agent_is_read(self, site: Site, agent: str, browser: str | None, system: str, device: str):
        site.send(pageview(site.id), headers=seen_from("203.0.113.1", agent))
        site.wait_events(1)
        [row] = site.query(["events"], ["browser", "os", "device_type", "browser_version", "os_version"])["rows"]
        assert (
            row[1] == system and row[2] == device and "Safari" in row[0]
            if browser is None
            else row[:3] == [browser, system, device]
        )
        assert row[3], "the browser has a version"

    def test_a_place_is_found_for_an_address(self, site: Site):
        site.send(pageview(site.id), headers=seen_from("8.8.8.8"))
        site.send(pageview(site.id), headers=seen_from("193.99.144.85"))
        site.wait_events(2)
        assert site.table("country") == {"US": 1, "DE": 1}

    def test_the_screen_has_a_class(self, site: Site):
        for viewport in ("390x700", "1920x1000"):
            site.send(pageview(site.id, context={"viewport": viewport, "screen": viewport}))
        site.wait_events(2)
        assert len(site.table("screen_class")) == 2

    def test_bots_are_stored_and_left_out_unless_asked_for(self, site: Site):
        site.send(pageview(site.id, "/human"), headers=seen_from("203.0.113.1"))
        site.send(pageview(site.id, "/bot"), headers=seen_from("203.0.113.2", GOOGLEBOT))
        site.wait_events(2)
        assert site.value("pageviews") == 1 and site.value("visitors") == 1
        assert site.table("page") == {"/human": 1}
        assert site.table("page", include_bots=True) == {"/human": 1, "/bot": 1}
        assert site.value("visitors", include_bots=True) == 2


class TestAcquisition:
    def row(self, site: Site, page: str = "/", referrer: str | None = None) -> dict[str, str]:
        site.send(
            pageview(
                site.id,
                page,
                context={"url": "https://site.example" + page},
                **({"referrer": referrer} if referrer else {}),
            )
        )
        site.wait_events(1)
        names = ["page", "referrer", "source", "medium", "campaign", "term", "content", "channel"]
        [row] = site.query(["events"], names)["rows"]
        return dict(zip(names, row))

    def test_utm_parameters_are_taken_out_of_the_url(self, site: Site):
        row = self.row(
            site,
            "/pricing?utm_source=news&utm_medium=email&utm_campaign=spring%20sale&utm_term=shoes+red&utm_content=top&x=1",
        )
        assert row["page"] == "/pricing"
        assert (row["source"], row["medium"], row["campaign"], row["term"], row["content"]) == (
            "news",
            "email",
            "spring sale",
            "shoes red",
            "top",
        )
        assert row["channel"] == "Email"

    def test_a_search_engine_is_organic_search(self, site: Site):
        row = self.row(site, referrer="https://www.google.com/search?q=x")
        assert (row["source"], row["medium"], row["channel"]) == ("Google", "organic", "Organic Search")

    def test_an_ad_click_is_paid(self, site: Site):
        row = self.row(site, "/?gclid=abc123", referrer="https://www.google.com/")
        assert row["medium"] == "cpc" and row["channel"] == "Paid Search"
        assert row["page"] == "/"

    def test_another_page_is_a_referral(self, site: Site):
        row = self.row(site, referrer="https://blog.unheard-of.example/post#x")
        assert (row["medium"], row["channel"]) == ("referral", "Referral")
        assert row["referrer"] == "https://blog.unheard-of.example/post"
        assert "unheard-of.example" in row["source"]

    def test_no_referrer_is_direct(self, site: Site):
        row = self.row(site)
        assert row["channel"] == "Direct" and row["referrer"] == ""

    def test_the_sites_own_pages_refer_to_nothing(self, site: Site):
        assert self.row(site, referrer="https://site.example/other")["channel"] == "Direct"
