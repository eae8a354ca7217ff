"""Annotations: dated notes of what happened at a site, over HTTP and by command."""

from typing import Any

import pytest

from support.accounts import User
from support.client import bearer
from support.server import Server, Site, run_command

NOTE = {"date": "2026-11-24", "time": "09:30", "text": "Launch"}


def path_of(site: Site, annotation: str = "") -> str:
    return f"/api/v1/sites/{site.id}/annotations" + (f"/{annotation}" if annotation else "")


def add(site: Site, text: str, date: str, *flags: str) -> Any:
    return site.server.command("annotation", "add", text, "--site", site.id, "--date", date, *flags)


class TestAnnotations:
    def test_over_http(self, server: Server, site: Site):
        user = User(server, "editor")
        browser = user.browser()
        made = browser.request("POST", path_of(site), NOTE)
        assert made.status == 201
        one = made.json()
        assert one == NOTE | {"id": one["id"], "created_by": user.email, "created_at": one["created_at"]}
        day = browser.request("POST", path_of(site), {"date": "2026-11-24", "text": "Fair", "time": None}).json()
        assert day["time"] is None
        assert browser.request("GET", path_of(site)).json() == {"annotations": [day, one]}, "the day's before its times'"
        changed = User(server, "admin").browser().request("PUT", path_of(site, one["id"]), {"date": "2026-11-20", "text": "Lunch"})
        assert changed.status == 200
        assert changed.json() == one | {"date": "2026-11-20", "time": None, "text": "Lunch"}, "who made it and when stays"
        assert browser.request("GET", path_of(site)).json() == {"annotations": [changed.json(), day]}
        assert browser.request("DELETE", path_of(site, day["id"])).status == 204
        assert browser.request("DELETE", path_of(site, day["id"])).status == 404
        assert browser.request("PUT", path_of(site, day["id"]), NOTE).status == 404
        assert browser.request("GET", path_of(site)).json() == {"annotations": [changed.json()]}

    def test_of_days(self, server: Server, site: Site):
        for date in ("2026-11-22", "2026-11-24", "2026-11-23"):
            add(site, date, date)

        def told(query: str) -> list[str]:
            answer = server.request("GET", path_of(site) + query, None, bearer(site.key("read")))
            assert answer.status == 200, answer
            return [one["text"] for one in answer.json()["annotations"]]

        assert told("") == ["2026-11-22", "2026-11-23", "2026-11-24"]
        assert told("?from=2026-11-23") == ["2026-11-23", "2026-11-24"]
        assert told("?to=2026-11-23") == ["2026-11-22", "2026-11-23"]
        assert told("?from=2026-11-23&to=2026-11-23") == ["2026-11-23"]
        assert told("?from=2026-11-24&to=2026-11-22") == []
        for query, field in (("?from=yesterday", "from"), ("?to=2026-11-31", "to"), ("?from=", "from")):
            answer = server.request("GET", path_of(site) + query, None, bearer(site.key("read")))
            assert answer.status == 400 and answer.json()["error"]["field"] == field, query

    def test_by_command(self, server: Server, site: Site):
        one = add(site, "Launch", "2026-11-24", "--time", "09:30")
        assert one | {"id": "", "created_at": ""} == NOTE | {"id": "", "created_by": None, "created_at": ""}
        day = add(site, "20 % on all", "2026-11-20")
        assert server.command("annotation", "list", "--site", site.id) == [day, one]
        assert server.command("annotation", "list", "--site", site.id, "--from", "2026-11-21") == [one]
        assert server.command("annotation", "list", "--site", site.id, "--to", "2026-11-21") == [day]
        told = run_command("annotation", "list", "--site", site.id, data=server.data)
        assert told.returncode == 0 and "Launch" in told.stdout and one["id"] in told.stdout
        for words, code, word in [
            (("add", "x", "--site", site.id), 2, "--date"),
            (("add", "x", "--site", site.id, "--date", "tomorrow"), 2, "date"),
            (("add", "x", "--site", site.id, "--date", "2026-11-24", "--time", "9"), 2, "time"),
            (("add", "", "--site", site.id, "--date", "2026-11-24"), 2, "text"),
            (("add", "a\nb", "--site", site.id, "--date", "2026-11-24"), 2, "text"),
            (("add", "x", "--site", "nobody", "--date", "2026-11-24"), 1, "nobody"),
            (("list", "--site", site.id, "--from", "x"), 2, "--from"),
            (("list", "--site", "nobody"), 1, "nobody"),
            (("remove", "nothing", "--site", site.id), 1, "nothing"),
        ]:
            done = run_command("annotation", *words, data=server.data)
            assert (done.returncode, done.stdout) == (code, "") and word in done.stderr, (words, done)
            assert len(done.stderr.strip().splitlines()) == 1, done
        assert server.command("annotation", "remove", one["id"], "--site", site.id) == {"id": one["id"]}
        assert server.command("annotation", "list", "--site", site.id) == [day]

    @pytest.mark.parametrize(
        "body, field",
        [
            ({"text": "x"}, "date"),
            ({"date": "2026-11-24"}, "text"),
            (NOTE | {"date": "2026-11-31"}, "date"),
            (NOTE | {"date": "24.11.2026"}, "date"),
            (NOTE | {"date": "1969-12-31"}, "date"),
            (NOTE | {"date": None}, "date"),
            (NOTE | {"time": "24:00"}, "time"),
            (NOTE | {"time": "9:30"}, "time"),
            (NOTE | {"time": 930}, "time"),
            (NOTE | {"text": ""}, "text"),
            (NOTE | {"text": "x" * 501}, "text"),
            (NOTE | {"text": "\U0001f600" * 501}, "text"),
            (NOTE | {"text": "two\nlines"}, "text"),
            (NOTE | {"text": "\u001b[2J"}, "text"),
            (NOTE | {"text": "\u0000"}, "text"),
            (NOTE | {"text": "\u007f"}, "text"),
            (NOTE | {"text": "\u0085"}, "text"),
            (NOTE | {"text": ["x"]}, "text"),
            (NOTE | {"created_by": "eve@team.example"}, "created_by"),
        ],
    )
    def test_what_is_wrong_is_named(self, server: Server, site: Site, body: dict[str, Any], field: str):
        browser = User(server, "editor").browser()
        one = browser.request("POST", path_of(site), NOTE).json()
        for method, path in (("POST", path_of(site)), ("PUT", path_of(site, one["id"]))):
            answer = browser.request(method, path, body)
            assert answer.status == 400 and answer.json()["error"]["field"] == field, answer
        assert browser.request("GET", path_of(site)).json() == {"annotations": [one]}

    def test_hostile_text_is_text(self, server: Server, site: Site):
        browser = User(server, "editor").browser()
        texts = [
            "'); DROP TABLE annotations; --",
            "<script>alert(1)</script>",
            '"},{"id":"x',
            "\\u0000 \\",
            "{site:String}",
            "\u202eevil",
            "\u2028",
            "\U0001f600" * 500,
            "=1+1",
        ]
        for text in texts:
            made = browser.request("POST", path_of(site), NOTE | {"text": text})
            assert made.status == 201 and made.json()["text"] == text, text
        assert [one["text"] for one in browser.request("GET", path_of(site)).json()["annotations"]] == texts
        answer = browser.request("GET", path_of(site))
        assert answer.headers["Content-Type"].startswith("application/json")

    def test_who_may(self, server: Server, site: Site):
        one = add(site, "Launch", "2026-11-24")
        viewer = User(server, "viewer").browser()
        assert viewer.request("GET", path_of(site)).json() == {"annotations": [one]}
        assert viewer.request("POST", path_of(site), NOTE).status == 403
        assert viewer.request("PUT", path_of(site, one["id"]), NOTE).status == 403
        assert viewer.request("DELETE", path_of(site, one["id"])).status == 403
        assert server.request("GET", path_of(site)).status == 401
        other = server.add_site()
        assert server.request("GET", path_of(site), None, bearer(other.key("read"))).status == 403
        assert server.request("POST", path_of(site), NOTE, bearer(site.key("admin"))).status == 403, "a key declares nothing"
        editor = User(server, "editor").browser()
        assert editor.request("PUT", path_of(other, one["id"]), NOTE).status == 404, "it is another site's"
        assert editor.request("DELETE", path_of(other, one["id"])).status == 404
        assert editor.request("POST", f"/api/v1/sites/{site.id}x/annotations", {}).status == 404, "the site is judged first"
        assert editor.request("GET", path_of(site)).json() == {"annotations": [one]}

    def test_a_key_is_not_told_who_wrote_it_and_a_user_who_is_gone_is_forgotten(self, server: Server, site: Site):
        user = User(server, "editor")
        one = user.browser().request("POST", path_of(site), NOTE).json()
        assert one["created_by"] == user.email
        by_key = server.request("GET", path_of(site), None, bearer(site.key("read")))
        assert by_key.json() == {"annotations": [one | {"created_by": None}]} and user.email.encode() not in by_key.body
        assert run_command("user", "remove", user.email, data=server.data).returncode == 0
        assert User(server, "viewer").browser().request("GET", path_of(site)).json() == {"annotations": [one | {"created_by": None}]}
