"""Accounts: the first owner, signing in and out, the life of a session, links that work once, sites. What every route has
in common (who may, foreign pages, headers) is in test_security.py."""

import concurrent.futures
import http.cookies
import json
import sqlite3
import statistics
import time
from typing import Any

import pytest

from support.accounts import COOKIE, PASSWORD, Browser, User, fresh_address, printed, token_in
from support.client import Answer, bearer
from support.events import pageview
from support.server import Server, Site, command, run_command

pytestmark = pytest.mark.alone

SESSION = "/api/v1/session"
SETUP = "/api/v1/setup"
SITES = "/api/v1/sites"
ACCOUNT_PASSWORD = "/api/v1/account/password"
NEW_PASSWORD = "a quite different passphrase"


def refused(answer: Answer, status: int, field: str | None = None) -> dict[str, Any]:
    assert answer.status == status, answer
    error = answer.json()["error"]
    assert error["code"] and error["message"], error
    assert error.get("field") == field, error
    return error


def session_cookie(answer: Answer) -> http.cookies.Morsel[str]:
    [line] = answer.headers.get_all("Set-Cookie") or []
    [morsel] = http.cookies.SimpleCookie(line).values()
    return morsel


def seconds_refused(server: Server, email: str, password: str) -> float:
    """How long a new browser waits for its 401."""
    browser = Browser(server)
    began = time.perf_counter()
    refused(browser.sign_in(email, password), 401)
    return time.perf_counter() - began


class TestSetUp:
    def test_the_first_owner_comes_by_the_link_that_serve_prints(self, start_server: Any):
        server = start_server()
        token = token_in(printed(server), "setup")
        assert token not in server.log()
        browser = Browser(server)
        assert browser.request("GET", SETUP).json() == {"needed": True}

        good = {"token": token, "email": "ann@team.example", "password": PASSWORD}
        refused(browser.request("POST", SETUP, good | {"token": token[:-1]}), 403, "token")
        refused(browser.request("POST", SETUP, good | {"token": ""}), 403, "token")
        refused(browser.request("POST", SETUP, good | {"email": "ann"}), 400, "email")
        refused(browser.request("POST", SETUP, good | {"password": "1234567"}), 400, "password")
        refused(browser.request("POST", SETUP, good | {"role": "owner"}), 400, "role")
        refused(browser.request("POST", SETUP, {"token": token, "email": "ann@team.example"}), 400, "password")
        refused(Browser(server).request("POST", SESSION, {"token": token}), 401, "token")
        assert not browser.cookies and browser.request("GET", SETUP).json() == {"needed": True}

        made = browser.request("POST", SETUP, good)
        assert made.status == 201 and made.json() == {"user": {"email": "ann@team.example", "role": "owner"}}, made
        assert session_cookie(made)["httponly"] and browser.is_signed_in()
        assert browser.request("GET", SETUP).json() == {"needed": False}
        refused(Browser(server).request("POST", SETUP, good | {"email": "eve@team.example"}), 403, "token")
        assert [row["email"] for row in server.command("user", "list")] == ["ann@team.example"]

        assert server.terminate() == 0
        server.start()
        assert "setup#" not in printed(server)
        assert browser.is_signed_in(), "a session outlives a restart"
        refused(Browser(server).request("POST", SETUP, good), 403, "token")
        assert run_command("user", "link", data=server.data).returncode == 1

    def test_each_start_prints_a_new_link_and_an_old_one_ends(self, start_server: Any):
        server = start_server()
        first = token_in(printed(server), "setup")
        assert server.terminate() == 0
        server.start()
        second = token_in(printed(server), "setup")
        good = {"email": "ann@team.example", "password": PASSWORD}
        refused(Browser(server).request("POST", SETUP, good | {"token": first}), 403, "token")
        third = token_in(run_command("user", "link", data=server.data).stdout, "setup")
        refused(Browser(server).request("POST", SETUP, good | {"token": second}), 403, "token")
        # A user by the command line: there is nothing to set up any more.
        server.command("user", "add", "ben@team.example", "--role", "viewer", stdin=PASSWORD)
        refused(Browser(server).request("POST", SETUP, good | {"token": third}), 409)
        assert Browser(server).request("GET", SETUP).json() == {"needed": False}
        server.command("user", "remove", "ben@team.example")
        assert Browser(server).request("GET", SETUP).json() == {"needed": True}
        assert Browser(server).request("POST", SETUP, good | {"token": third}).status == 201

    def test_links_and_sessions_end_by_their_time(self, start_server: Any):
        """A day is not waited for: the catalog is told that it has passed."""
        server = start_server()
        link = token_in(printed(server), "setup")
        good = {"email": "ann@team.example", "password": PASSWORD}
        self.change(server, "UPDATE one_time_tokens SET expires_ms = 1")
        refused(Browser(server).request("POST", SETUP, good | {"token": link}), 403, "token")
        link = token_in(server.command("user", "link")["url"], "setup")
        browsers = [Browser(server), Browser(server)]
        assert browsers[0].request("POST", SETUP, good | {"token": link}).status == 201
        assert browsers[1].sign_in(good["email"]).status == 200
        link = token_in(server.command("user", "link", good["email"])["url"], "sign-in")
        self.change(server, "UPDATE one_time_tokens SET expires_ms = 1 WHERE purpose = 'sign_in'")
        refused(Browser(server).request("POST", SESSION, {"token": link}), 401, "token")
        assert server.terminate() == 0
        oldest = "(SELECT token_hash FROM sessions ORDER BY created_ms LIMIT 1)"
        self.change(server, f"UPDATE sessions SET expires_ms = 1 WHERE token_hash = {oldest}")
        server.start()
        assert [browser.is_signed_in() for browser in browsers] == [False, True]

    def change(self, server: Server, statement: str) -> None:
        catalog = sqlite3.connect(server.data / "catalog.db", timeout=10)
        with catalog:
            assert catalog.execute(statement).rowcount == 1
        catalog.close()


class TestDemo:
    def test_serve_prints_a_link_that_signs_in_once(self, start_server: Any):
        server = start_server("--demo")
        token = token_in(printed(server), "sign-in")
        assert "setup#" not in printed(server) and token not in server.log()
        browser = Browser(server)
        answer = browser.request("POST", SESSION, {"token": token})
        assert answer.status == 200 and answer.json()["user"]["role"] == "owner", answer
        assert [site["id"] for site in browser.request("GET", SESSION).json()["sites"]] == ["demo"]
        refused(Browser(server).request("POST", SESSION, {"token": token}), 401, "token")
        assert server.terminate() == 0
        server.start()
        assert Browser(server).request("POST", SESSION, {"token": token_in(printed(server), "sign-in")}).status == 200
        assert browser.is_signed_in()

    def test_beside_other_users_the_demo_is_a_viewer(self, start_server: Any):
        server = start_server("--demo", ready=False)
        server.close()
        command("user", "add", "ann@team.example", "--role", "owner", data=server.data, stdin=PASSWORD)
        # The first start may have made the demo's user before it was ended.
        run_command("user", "remove", "demo@demo.example", data=server.data)
        server.start()
        answer = Browser(server).request("POST", SESSION, {"token": token_in(printed(server), "sign-in")})
        assert answer.json()["user"]["role"] == "viewer", answer


class TestSignIn:
    def test_by_mail_and_password(self, server: Server):
        user = User(server, "editor")
        browser = Browser(server)
        answer = browser.sign_in(user.email)
        assert answer.status == 200 and answer.json() == {"user": {"email": user.email, "role": "editor"}}
        assert len(browser.cookies[COOKIE]) >= 43
        assert Browser(server).sign_in(user.email.upper()).json() == answer.json(), "case does not count"

    def test_the_cookie_is_confined(self, server: Server):
        user = User(server, "viewer")
        plain = session_cookie(Browser(server).sign_in(user.email))
        assert plain.key == COOKIE and plain["httponly"] and not plain["secure"]
        assert plain["samesite"] == "Lax" and plain["path"] == "/" and not plain["domain"]
        assert 0 < int(plain["max-age"]) <= 90 * 24 * 3600
        secure = session_cookie(Browser(server, "https").sign_in(user.email))
        assert secure.key == "__Host-footfall" and secure["httponly"] and secure["secure"]
        assert secure["samesite"] == "Lax" and secure["path"] == "/" and not secure["domain"]
        assert secure.value != plain.value

    def test_over_https_only_the_cookie_of_https_counts(self, server: Server):
        browser = User(server, "viewer").browser("https")
        assert browser.is_signed_in()
        browser.cookies = {COOKIE: browser.cookies["__Host-footfall"]}
        assert not browser.is_signed_in()

    def test_S16_unknown_mail_and_wrong_password_are_answered_alike(self, server: Server):
        user = User(server, "viewer")
        wrong = Browser(server).sign_in(user.email, "not the password")
        unknown = Browser(server).sign_in("nobody@team.example", PASSWORD)
        refused(wrong, 401)
        assert unknown.status == 401 and unknown.body == wrong.body
        same = {name: value for name, value in wrong.headers.items() if name != "Date"}
        assert same == {name: value for name, value in unknown.headers.items() if name != "Date"}
        assert "Set-Cookie" not in wrong.headers

    def test_S16_unknown_mail_and_wrong_password_take_the_same_time(self, server: Server):
        """No more than half as long again, in one of three series. A tenth, over nine attempts, is less than the scheduler
        does to them on two cores that run other tests as well: hashes have low priority. Without a hash for nobody it would
        be some ten times, which no load makes a half. Before the first delay: three attempts an account, one an address."""
        ratios: list[float] = []
        while not any(0.67 <= ratio <= 1.5 for ratio in ratios):
            assert len(ratios) < 3, ratios
            users = [User(server, "viewer") for _ in range(3)]
            wrong = [(user.email, "not the password") for user in users for _ in range(3)]
            unknown = [(f"nobody-{len(ratios)}-{number}@team.example", PASSWORD) for number in range(9)]
            took = [(seconds_refused(server, *one), seconds_refused(server, *two)) for one, two in zip(wrong, unknown)]
            of_wrong, of_unknown = (statistics.median(times) for times in zip(*took))
            ratios.append(of_unknown / of_wrong)

    @pytest.mark.parametrize(
        "body, field",
        [
            ("", None),
            ("{", None),
            ("[]", None),
            ({}, "email"),
            ({"email": "a@b.example"}, "password"),
            ({"email": 1, "password": "x"}, "email"),
            ({"email": "a@b.example", "password": None}, "password"),
            ({"email": "a@b.example", "password": "x", "remember": "yes"}, "remember"),
            ({"email": "a@b.example", "password": "x", "token": "x"}, "token"),
            ('{"email":"a@b.example","email":"c@d.example","password":"x"}', "email"),
            (b'{"email":"\xff@b.example","password":"x"}', None),
        ],
    )
    def test_what_makes_no_sense_is_named(self, server: Server, body: Any, field: str | None):
        refused(Browser(server).request("POST", SESSION, body), 400, field)

    def test_a_body_is_small(self, server: Server):
        refused(Browser(server).request("POST", SESSION, {"email": "a" * 17_000, "password": "x"}), 413)

    def test_signing_in_again_ends_the_browsers_earlier_session(self, server: Server):
        user = User(server, "viewer")
        browser = user.browser()
        earlier = Browser(server)
        earlier.cookies = dict(browser.cookies)
        assert browser.sign_in(user.email).status == 200
        assert browser.is_signed_in() and not earlier.is_signed_in()

    def test_a_link_of_the_command_line_signs_in_once(self, server: Server):
        user = User(server, "viewer")
        made = server.command("user", "link", user.email)
        assert made["purpose"] == "sign_in" and made["url"].startswith(f"http://127.0.0.1:{server.port}/sign-in#token=")
        token = token_in(made["url"], "sign-in")
        browser = Browser(server)
        assert browser.request("POST", SESSION, {"token": token}).json()["user"]["email"] == user.email
        assert browser.is_signed_in()
        refused(Browser(server).request("POST", SESSION, {"token": token}), 401, "token")
        assert run_command("user", "link", "nobody@team.example", data=server.data).returncode == 1


class TestDelay:
    def fail(self, browser: Browser, email: str, times: int) -> None:
        for _ in range(times):
            refused(browser.sign_in(email, "not the password"), 401)

    def test_after_three_failures_an_account_waits_and_the_right_password_too(self, server: Server):
        user, other = User(server, "viewer"), User(server, "viewer")
        self.fail(Browser(server), user.email, 3)
        elsewhere = Browser(server)
        answer = elsewhere.sign_in(user.email.upper(), PASSWORD)
        refused(answer, 429)
        assert 1 <= int(answer.headers["Retry-After"]) <= 4
        assert not elsewhere.cookies
        assert elsewhere.sign_in(other.email).status == 200, "another account is not concerned"

    def test_an_account_that_is_not_there_waits_too(self, server: Server):
        email = f"nobody-{fresh_address()}@team.example"
        self.fail(Browser(server), email, 3)
        refused(Browser(server).sign_in(email, PASSWORD), 429)

    def test_success_ends_the_count(self, server: Server):
        user = User(server, "viewer")
        for _ in range(3):
            self.fail(Browser(server), user.email, 2)
            assert Browser(server).sign_in(user.email).status == 200

    def test_an_address_waits_after_ten_failures_with_whatever_accounts(self, server: Server):
        user = User(server, "viewer")
        browser = Browser(server)
        for number in range(10):
            self.fail(browser, f"nobody-{number}-{browser.address}@team.example", 1)
        answer = browser.sign_in(user.email)
        refused(answer, 429)
        assert 1 <= int(answer.headers["Retry-After"]) <= 4
        browser.cookies.clear()
        # What a client claims behind its proxy does not make it another one.
        claimed = browser.request(
            "POST",
            SESSION,
            {"email": user.email, "password": PASSWORD},
            {"X-Forwarded-For": f"203.0.113.9, {browser.address}"},
        )
        refused(claimed, 429)
        assert Browser(server).sign_in(user.email).status == 200, "another address is not concerned"

    def test_attempts_that_come_at_once_are_counted_one_by_one(self, server: Server):
        """All of them are sent before the first has failed; hashing goes two at a time."""
        user = User(server, "viewer")

        def attempt(_: int) -> int:
            return Browser(server).sign_in(user.email, "not the password").status

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(attempt, range(16)))
        assert set(statuses) <= {401, 429} and 3 <= statuses.count(401) <= 4, statuses

    def test_guesses_of_the_current_password_wait_too(self, server: Server):
        browser = User(server, "viewer").browser()
        for _ in range(3):
            refused(
                browser.request("PUT", ACCOUNT_PASSWORD, {"current": "not it", "new": NEW_PASSWORD}), 403, "current"
            )
        answer = browser.request("PUT", ACCOUNT_PASSWORD, {"current": PASSWORD, "new": NEW_PASSWORD})
        refused(answer, 429)
        assert int(answer.headers["Retry-After"]) >= 1

    def test_many_sign_ins_at_once_leave_ingestion_alone(self, server: Server, site: Site):
        """Events are acknowledged while sign-ins still wait for their hash: they do not stand in one queue."""
        users = [User(server, "viewer") for _ in range(2)]
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            waiting = [pool.submit(lambda user: Browser(server).sign_in(user.email), users[i % 2]) for i in range(24)]
            sent_while_waiting = 0
            while not all(attempt.done() for attempt in waiting):
                site.send(pageview(site.id))
                sent_while_waiting += 1
        answers = [attempt.result() for attempt in waiting]
        assert {answer.status for answer in answers} <= {200, 503}, answers
        assert [answer.status for answer in answers].count(200) >= 20
        for answer in answers:
            assert answer.status == 200 or int(answer.headers["Retry-After"]) >= 1
        assert sent_while_waiting >= 3
        site.wait_events(sent_while_waiting)


class TestSession:
    def test_tells_who_and_which_sites(self, server: Server, site: Site):
        user = User(server, "viewer")
        told = user.browser().request("GET", SESSION)
        assert told.status == 200 and told.headers["Cache-Control"] == "no-store"
        assert set(told.json()) == {"user", "sites", "version"}
        assert told.json()["user"] == {"email": user.email, "role": "viewer"}
        [row] = [row for row in told.json()["sites"] if row["id"] == site.id]
        assert row == {
            "id": site.id,
            "name": "a site",
            "domain": "site.example",
            "timezone": "UTC",
            "session_timeout_minutes": 30,
            "currency": "",
            "retention_months": 14,
        }
        assert told.json()["version"] in run_command("--version").stdout

    def test_without_one_it_is_401(self, server: Server):
        for cookies in ({}, {COOKIE: ""}, {COOKIE: "x"}, {COOKIE: "A" * 43}, {"session": "A" * 43}):
            browser = Browser(server)
            browser.cookies = cookies
            refused(browser.request("GET", SESSION), 401)

    def test_ends_at_once_by_signing_out(self, server: Server):
        user = User(server, "viewer")
        browser, other = user.browser(), user.browser()
        stolen = Browser(server)
        stolen.cookies = dict(browser.cookies)
        answer = browser.request("DELETE", SESSION)
        assert answer.status == 204 and answer.body == b"" and session_cookie(answer)["max-age"] == "0"
        assert not browser.cookies
        assert not stolen.is_signed_in() and other.is_signed_in()
        refused(stolen.request("DELETE", SESSION), 401)

    @pytest.mark.parametrize("how", ["role", "password", "remove"])
    def test_S16_ends_at_once_by_a_command_beside_serve(self, server: Server, site: Site, how: str):
        user, other = User(server, "editor"), User(server, "editor")
        browsers = [user.browser(), user.browser("https")]
        unconcerned = other.browser()
        words = {"role": ["viewer"], "password": [], "remove": []}[how]
        server.command("user", how, user.email, *words, stdin=NEW_PASSWORD)
        for browser in browsers:
            assert not browser.is_signed_in()
            refused(browser.request("POST", "/api/v1/query", {"website_id": site.id, "metrics": ["events"]}), 401)
        assert unconcerned.is_signed_in()
        again = Browser(server)
        expected = {"role": (200, 401), "password": (401, 200), "remove": (401, 401)}[how]
        assert again.sign_in(user.email).status == expected[0]
        assert Browser(server).sign_in(user.email, NEW_PASSWORD).status == expected[1]
        if how == "role":
            assert again.request("GET", SESSION).json()["user"]["role"] == "viewer"
        if how == "remove":
            server.command("user", "add", user.email, "--role", "owner", stdin=PASSWORD)
            assert not browsers[0].is_signed_in(), "a new user of that name is somebody else"

    def test_S16_is_over_for_the_next_start_by_a_command_without_serve(self, start_server: Any):
        server = start_server()
        users = {how: User(server, "editor") for how in ("role", "password", "remove", "nothing")}
        browsers = {how: user.browser() for how, user in users.items()}
        assert server.terminate() == 0
        command("user", "role", users["role"].email, "viewer", data=server.data)
        command("user", "password", users["password"].email, data=server.data, stdin=NEW_PASSWORD)
        command("user", "remove", users["remove"].email, data=server.data)
        server.start()
        assert {how: browser.is_signed_in() for how, browser in browsers.items()} == {
            "role": False,
            "password": False,
            "remove": False,
            "nothing": True,
        }

    def test_S17_no_secret_of_it_is_logged_or_stored(self, start_server: Any):
        server = start_server("--logging.level", "debug")
        user = User(server, "owner")
        browser = user.browser()
        link = token_in(server.command("user", "link", user.email)["url"], "sign-in")
        refused(Browser(server).request("POST", SESSION, {"token": link + "x"}), 401, "token")
        Browser(server).sign_in(user.email, "a-wrong-password-of-mine")
        Browser(server).sign_in("a-password-in-the-wrong-place", "x")
        browser.request("PUT", ACCOUNT_PASSWORD, {"current": PASSWORD, "new": NEW_PASSWORD})
        secrets = [*browser.cookies.values(), link, PASSWORD, NEW_PASSWORD, "a-wrong-password-of-mine"]
        assert server.terminate() == 0
        for secret in (*secrets, "a-password-in-the-wrong-place", browser.address):
            assert secret not in server.log()
        for path in server.data.glob("catalog.db*"):
            for secret in secrets:
                assert secret.encode() not in path.read_bytes(), path


class TestPassword:
    def test_a_new_one_ends_all_other_sessions(self, server: Server):
        user = User(server, "viewer")
        browser, other = user.browser(), user.browser()
        assert browser.request("PUT", ACCOUNT_PASSWORD, {"current": PASSWORD, "new": NEW_PASSWORD}).status == 204
        assert browser.is_signed_in() and not other.is_signed_in()
        refused(Browser(server).sign_in(user.email), 401)
        assert Browser(server).sign_in(user.email, NEW_PASSWORD).status == 200

    def test_what_is_wrong_is_named_and_nothing_changes(self, server: Server):
        user = User(server, "viewer")
        browser, other = user.browser(), user.browser()
        for body, status, field in (
            ({"current": "not it", "new": NEW_PASSWORD}, 403, "current"),
            ({"current": "not it", "new": "short"}, 403, "current"),
            ({"current": PASSWORD, "new": "1234567"}, 400, "new"),
            ({"current": PASSWORD, "new": "x" * 1001}, 400, "new"),
            ({"current": PASSWORD}, 400, "new"),
            ({"current": PASSWORD, "new": NEW_PASSWORD, "email": "x"}, 400, "email"),
        ):
            refused(browser.request("PUT", ACCOUNT_PASSWORD, body), status, field)
        assert other.is_signed_in() and Browser(server).sign_in(user.email).status == 200


class TestSites:
    def test_are_listed_and_added(self, server: Server):
        browser = User(server, "admin").browser()
        site = {"name": "My shop", "domain": "shop.example", "timezone": "Europe/Berlin"}
        made = browser.request("POST", SITES, site)
        assert made.status == 201 and set(made.json()) == {"id", *site, "session_timeout_minutes", "currency", "retention_months"}, made
        assert made.json() | {"id": ""} == site | {"id": "", "session_timeout_minutes": 30, "currency": "", "retention_months": 14}
        assert made.json() in browser.request("GET", SITES).json()["sites"]
        assert made.json() in browser.request("GET", SESSION).json()["sites"]
        added = Site(server, made.json()["id"])
        added.send(pageview(added.id))
        chosen = f"chosen-{browser.address}"
        assert browser.request("POST", SITES, site | {"id": chosen}).json()["id"] == chosen
        refused(browser.request("POST", SITES, site | {"id": chosen}), 409, "id")

    def test_are_changed_as_far_as_the_request_says(self, server: Server, site: Site):
        browser = User(server, "admin").browser()
        [before] = [row for row in browser.request("GET", SITES).json()["sites"] if row["id"] == site.id]
        change = {"name": "Other", "timezone": "Asia/Kathmandu", "session_timeout_minutes": 90, "currency": "EUR", "retention_months": 0}
        changed = browser.request("PATCH", f"{SITES}/{site.id}", change)
        assert changed.status == 200 and changed.json() == before | change
        assert changed.json() in browser.request("GET", SITES).json()["sites"]
        assert browser.request("PATCH", f"{SITES}/{site.id}", {}).json() == changed.json()
        for wrong, field in [
            ({"session_timeout_minutes": 0}, "session_timeout_minutes"),
            ({"retention_months": -1}, "retention_months"),
            ({"retention_months": 1201}, "retention_months"),
            ({"session_timeout_minutes": 1441}, "session_timeout_minutes"),
            ({"session_timeout_minutes": "30"}, "session_timeout_minutes"),
            ({"session_timeout_minutes": 30.5}, "session_timeout_minutes"),
            ({"session_timeout_minutes": 10**12}, "session_timeout_minutes"),
            ({"currency": "euro"}, "currency"),
            ({"id": "x"}, "id"),
        ]:
            refused(browser.request("PATCH", f"{SITES}/{site.id}", wrong), 400, field)
        assert browser.request("PATCH", f"{SITES}/nobody", {}).status == 404
        assert User(server, "viewer").browser().request("PATCH", f"{SITES}/{site.id}", change).status == 403

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"name": ""}, "name"),
            ({"domain": "a b"}, "domain"),
            ({"timezone": "Mars/Olympus"}, "timezone"),
            ({"timezone": None}, "timezone"),
            ({"id": "../x"}, "id"),
            ({"cookieless": "yes"}, "cookieless"),
        ],
    )
    def test_what_is_wrong_is_named(self, server: Server, change: dict[str, Any], field: str):
        browser = User(server, "owner").browser()
        site = {"name": "x", "domain": "x.example", "timezone": "UTC"}
        refused(browser.request("POST", SITES, site | change), 400, field)

    def test_a_key_sees_its_own_site_alone(self, server: Server, site: Site):
        server.add_site()
        listed = server.request("GET", SITES, None, bearer(site.key("read"))).json()["sites"]
        assert [row["id"] for row in listed] == [site.id]


class TestAsking:
    QUERY = {"metrics": ["pageviews"], "time_range": "all"}

    def test_a_signed_in_user_asks_for_every_site(self, server: Server, site: Site):
        site.send(pageview(site.id))
        site.wait_events(1)
        browser = User(server, "viewer").browser()
        answer = browser.request("POST", "/api/v1/query", {"website_id": site.id, **self.QUERY})
        assert answer.status == 200 and answer.json()["rows"] == [[1]], answer
        assert answer.headers["Cache-Control"] == "no-store"
        refused(browser.request("POST", "/api/v1/query", {"website_id": "nobody", **self.QUERY}), 404, "website_id")

    def test_several_at_once_are_answered_in_order_and_judged_one_by_one(self, server: Server, site: Site):
        other = server.add_site()
        site.send(pageview(site.id, "/a"), pageview(site.id, "/b"))
        other.send(pageview(other.id, "/secret-page"))
        site.wait_events(2)
        other.wait_events(1)
        body = {
            "queries": [
                {"website_id": site.id, **self.QUERY},
                {"website_id": other.id, "metrics": ["events"], "dimensions": ["page"], "time_range": "all"},
                {"website_id": "nobody", **self.QUERY},
                {"website_id": site.id, "metrics": ["pageview"], "time_range": "all"},
                "nonsense",
                {"website_id": site.id, "metrics": ["visitors"], "time_range": "all"},
            ]
        }
        by_user = User(server, "viewer").browser().request("POST", "/api/v1/query/batch", body)
        assert by_user.status == 200, by_user
        answers = by_user.json()["answers"]
        assert answers[0]["rows"] == [[2]] and answers[1]["rows"] == [["/secret-page", 1]] and answers[5]["rows"] == [[1]]
        assert [answers[i]["error"]["code"] for i in (2, 3, 4)] == ["not_found", "unknown_metric", "invalid_json"]
        by_key = server.request("POST", "/api/v1/query/batch", body, bearer(site.key("read")))
        assert by_key.status == 200 and b"secret-page" not in by_key.body
        answers = by_key.json()["answers"]
        assert answers[0]["rows"] == [[2]] and answers[1]["error"]["code"] == "forbidden"

    def test_a_batch_has_its_limit(self, server: Server, site: Site):
        query = {"website_id": site.id, **self.QUERY}

        def ask(body: Any) -> Answer:
            return server.request("POST", "/api/v1/query/batch", body, bearer(site.key("read")))

        assert len(ask({"queries": [query] * 32}).json()["answers"]) == 32
        refused(ask({"queries": [query] * 33}), 400, "queries")
        assert ask({"queries": []}).json() == {"answers": []}
        for body, field in (({}, "queries"), ({"queries": query}, "queries"), ({"queries": [], "x": 1}, "x"), ("{", None)):
            refused(ask(body), 400, field)

    def test_several_batches_at_once_are_all_answered(self, server: Server, site: Site):
        body = json.dumps({"queries": [{"website_id": site.id, **self.QUERY}] * 8})

        def ask(_: int) -> list[Any]:
            answer = server.request("POST", "/api/v1/query/batch", body, bearer(site.key("read")))
            assert answer.status == 200, answer
            return [one["rows"] for one in answer.json()["answers"]]

        site.key("read")
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            assert list(pool.map(ask, range(12))) == [[[[0]]] * 8] * 12
