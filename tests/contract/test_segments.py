"""Segments: filters that a site has saved under a name, and in every kind of question the same as if they were written into it."""

import csv
import datetime
import io
import json
import os
import pathlib
import random
import sqlite3
import zoneinfo
from typing import Any

import pytest

from reference.events import first_receipts
from reference.sessions import sessions_of
from support.accounts import User
from support.client import Answer, bearer
from support.events import custom, now_ms, pageview
from support.questions import Curious
from support.server import Server, Site, command, run_command
from support.traffic import Enrichment
from test_against_reference import plan_round, send, wait_answered
from test_funnel import a_funnel, request_of, request_of_range

HOUR = 3_600_000
GERMAN: list[Any] = [["language", "is", ["de"]]]
NEWS: list[Any] = [["source", "is", ["news"]], ["not", ["page", "is", ["/"]]]]


def path_of(site: Site, segment: str = "") -> str:
    return f"/api/v1/sites/{site.id}/segments" + (f"/{segment}" if segment else "")


def add_segment(site: Site, name: str, filters: list[Any]) -> Any:
    return site.server.command("segment", "add", name, "--site", site.id, "--filters", json.dumps(filters))


def ask(site: Site, path: str, **asked: Any) -> Answer:
    return site.server.request("POST", f"/api/v1/{path}", {"website_id": site.id} | asked, bearer(site.key("read")))


def error_of(answer: Answer) -> dict[str, Any]:
    assert answer.status == 400, answer
    return answer.json()["error"]


@pytest.fixture
def visited(site: Site) -> Site:
    """ann comes from news and reads two pages and signs up, bob comes directly and reads one, cem comes from news and leaves."""
    then = now_ms() - 3 * HOUR

    def of(visitor: str, minute: int, event: dict[str, Any]) -> dict[str, Any]:
        event["data"]["timestamp"] = then + minute * 60_000
        return event | {"user_id": visitor}

    events = [
        of("ann", 0, pageview(site.id, "/?utm_source=news")),
        of("ann", 1, pageview(site.id, "/pricing")),
        of("ann", 2, custom(site.id, "signup")),
        of("bob", 0, pageview(site.id, "/pricing")),
        of("cem", 0, pageview(site.id, "/?utm_source=news")),
    ]
    site.send(*events)
    site.wait_events(len(events))
    return site


class TestSaving:
    def test_over_http(self, server: Server, site: Site):
        browser = User(server, "editor").browser()
        made = browser.request("POST", path_of(site), {"name": "News", "filters": NEWS})
        assert made.status == 201 and made.json() == {"id": made.json()["id"], "name": "News", "filters": NEWS}
        german = browser.request("POST", path_of(site), {"name": "German", "filters": GERMAN}).json()
        listed = server.request("GET", path_of(site), None, bearer(site.key("read")))
        assert listed.status == 200 and listed.json() == {"segments": [german, made.json()]}, "by name"
        assert server.command("segment", "list", "--site", site.id) == listed.json()["segments"]
        changed = browser.request("PUT", path_of(site, german["id"]), {"name": "Deutsch", "filters": GERMAN + NEWS})
        assert changed.status == 200 and changed.json() == {"id": german["id"], "name": "Deutsch", "filters": GERMAN + NEWS}
        assert browser.request("GET", path_of(site)).json() == {"segments": [changed.json(), made.json()]}
        assert browser.request("DELETE", path_of(site, german["id"])).status == 204
        assert browser.request("DELETE", path_of(site, german["id"])).status == 404
        assert browser.request("PUT", path_of(site, german["id"]), {"name": "x", "filters": NEWS}).status == 404
        assert browser.request("GET", path_of(site)).json() == {"segments": [made.json()]}

    def test_by_command(self, site: Site):
        server = site.server
        made = add_segment(site, "News", NEWS)
        assert made == {"id": made["id"], "name": "News", "filters": NEWS}
        told = run_command("segment", "list", "--site", site.id, data=server.data)
        assert told.returncode == 0 and "News" in told.stdout and made["id"] in told.stdout
        for words, code, word in [
            (("add", "x", "--site", site.id), 2, "--filters"),
            (("add", "x", "--site", site.id, "--filters", "["), 2, "filters"),
            (("add", "x", "--site", site.id, "--filters", "[]"), 2, "filters"),
            (("add", "x", "--site", site.id, "--filters", '[["pages", "is", ["/"]]]'), 2, "filters[0][0]"),
            (("add", "News", "--site", site.id, "--filters", '[["page", "is", ["/"]]]'), 1, "News"),
            (("add", "x", "--site", "nobody", "--filters", '[["page", "is", ["/"]]]'), 1, "nobody"),
            (("list", "--site", "nobody"), 1, "nobody"),
            (("remove", "nothing", "--site", site.id), 1, "nothing"),
        ]:
            done = run_command("segment", *words, data=server.data)
            assert (done.returncode, done.stdout) == (code, "") and word in done.stderr, (words, done)
            assert len(done.stderr.strip().splitlines()) == 1, done
        assert server.command("segment", "remove", made["id"], "--site", site.id) == {"id": made["id"]}
        assert server.command("segment", "list", "--site", site.id) == []

    @pytest.mark.parametrize(
        "body, field",
        [
            ({"filters": NEWS}, "name"),
            ({"name": "x"}, "filters"),
            ({"name": "", "filters": NEWS}, "name"),
            ({"name": "x" * 65, "filters": NEWS}, "name"),
            ({"name": "a\nb", "filters": NEWS}, "name"),
            ({"name": "\u009b", "filters": NEWS}, "name"),
            ({"name": 5, "filters": NEWS}, "name"),
            ({"name": "x", "filters": None}, "filters"),
            ({"name": "x", "filters": {}}, "filters"),
            ({"name": "x", "filters": []}, "filters"),
            ({"name": "x", "filters": [["page"]]}, "filters[0]"),
            ({"name": "x", "filters": [*NEWS, ["pages", "is", ["/"]]]}, "filters[2][0]"),
            ({"name": "x", "filters": [["page", "like", ["/"]]]}, "filters[0][1]"),
            ({"name": "x", "filters": [["or", ["page", "is", "/"], ["page", "matches", "("]]]}, "filters[0][2][2]"),
            ({"name": "x", "filters": [["date", "is", ["yesterday"]]]}, "filters[0][2]"),
            ({"name": "x", "filters": [["goal", "is", ["Nothing"]]]}, "filters[0][2]"),
            ({"name": "x", "filters": [["page", "is", "/"]] * 51}, "filters"),
            ({"name": "x", "filters": [["page", "is", ["x" * 1_000] * 9]]}, "filters"),
            ({"name": "x", "filters": NEWS, "colour": "red"}, "colour"),
        ],
    )
    def test_what_is_wrong_is_named(self, server: Server, site: Site, body: dict[str, Any], field: str):
        browser = User(server, "editor").browser()
        segment = add_segment(site, "Right", NEWS)
        for method, path in (("POST", path_of(site)), ("PUT", path_of(site, segment["id"]))):
            answer = browser.request(method, path, body)
            assert answer.status == 400 and answer.json()["error"]["field"] == field, answer
        assert browser.request("GET", path_of(site)).json() == {"segments": [segment]}

    def test_who_may(self, server: Server, site: Site):
        body = {"name": "x", "filters": NEWS}
        made = add_segment(site, "News", NEWS)
        viewer = User(server, "viewer").browser()
        assert viewer.request("GET", path_of(site)).status == 200
        assert viewer.request("POST", path_of(site), body).status == 403
        assert viewer.request("PUT", path_of(site, made["id"]), body).status == 403
        assert viewer.request("DELETE", path_of(site, made["id"])).status == 403
        assert server.request("GET", path_of(site)).status == 401
        other = server.add_site()
        assert server.request("GET", path_of(site), None, bearer(other.key("read"))).status == 403
        editor = User(server, "editor").browser()
        for method, path in (("PUT", path_of(other, made["id"])), ("DELETE", path_of(other, made["id"]))):
            assert editor.request(method, path, body if method == "PUT" else None).status == 404, "it is another site's"
        for name in ("nosuchsegmnt", "%ff", "%zz"):
            assert editor.request("PUT", path_of(site, name), {"name": "new", "filters": NEWS}).status == 404, name
        assert editor.request("POST", f"/api/v1/sites/{site.id}x/segments", {}).status == 404, "the site is judged first"
        assert editor.request("GET", path_of(site)).json() == {"segments": [made]}

    def test_names_are_of_one_segment_and_their_number_has_an_end(self, server: Server, site: Site):
        browser = User(server, "admin").browser()
        ids = []
        for number in range(50):
            made = browser.request("POST", path_of(site), {"name": f"s{number}", "filters": NEWS})
            assert made.status == 201
            ids.append(made.json()["id"])
        assert browser.request("POST", path_of(site), {"name": "s7", "filters": NEWS}).status == 409
        assert browser.request("PUT", path_of(site, ids[3]), {"name": "s7", "filters": NEWS}).status == 409
        assert browser.request("PUT", path_of(site, ids[7]), {"name": "s7", "filters": GERMAN}).status == 200
        beyond = browser.request("POST", path_of(site), {"name": "s50", "filters": NEWS})
        assert beyond.status == 400 and "50" in beyond.json()["error"]["message"]


# Every question that takes a segment.
EVERY: list[tuple[str, dict[str, Any]]] = [("query", {"metrics": ["events"]}), ("funnel", {"steps": [{"page": "/"}]}), ("retention", {}), ("paths", {})]


class TestAsking:
    def test_every_question_takes_one(self, visited: Site):
        add_segment(visited, "News", NEWS)
        assert visited.query(["visitors", "events"], segment="News")["rows"] == [[1, 2]]
        assert visited.query(["events"], filters=[["event_name", "is", ["signup"]]], segment="News")["rows"] == [[1]]
        steps = [{"page": "/pricing"}, {"event": "signup"}]
        assert [one["visitors"] for one in ask(visited, "funnel", steps=steps).json()["steps"]] == [2, 1]
        assert [one["visitors"] for one in ask(visited, "funnel", steps=steps, segment="News").json()["steps"]] == [1, 1]
        cohorts = ask(visited, "retention", segment="News").json()["cohorts"]
        assert sum(cohort["visitors"] for cohort in cohorts) == 1
        assert ask(visited, "paths", segment="News").json()["sessions"] == 1
        batch = {"queries": [{"website_id": visited.id, "metrics": ["events"], "time_range": "all", "segment": name} for name in ("News", "New")]}
        right, wrong = visited.server.request("POST", "/api/v1/query/batch", batch, bearer(visited.key("read"))).json()["answers"]
        assert right["rows"] == [[2]] and wrong["error"]["code"] == "unknown_segment"

    def test_a_changed_segment_is_another_answer(self, visited: Site):
        browser = User(visited.server, "owner").browser()
        made = add_segment(visited, "Mine", [["user_id", "is", ["ann"]]])
        assert visited.value("events", segment="Mine") == 3
        assert browser.request("PUT", path_of(visited, made["id"]), {"name": "Mine", "filters": [["user_id", "is", ["bob"]]]}).status == 200
        assert visited.value("events", segment="Mine") == 1

    def test_explain_says_which(self, visited: Site):
        add_segment(visited, "News", NEWS)
        for path, asked in EVERY:
            plan = ask(visited, path, segment="News", explain=True, **asked).json()["meta"]["plan"]
            assert any("segment 'News'" in reason for reason in plan), (path, plan)
            plan = ask(visited, path, explain=True, **asked).json()["meta"]["plan"]
            assert not any("segment" in reason for reason in plan), (path, plan)

    @pytest.mark.parametrize("path, asked", EVERY)
    def test_one_that_is_not_there_is_refused(self, visited: Site, path: str, asked: dict[str, Any]):
        add_segment(visited, "Newsletter", NEWS)
        other = visited.server.add_site()
        add_segment(other, "Others", NEWS)
        error = error_of(ask(visited, path, segment="Newslettr", **asked))
        assert error | {"message": ""} == {"code": "unknown_segment", "field": "segment", "did_you_mean": "Newsletter", "message": ""}
        for name in ("Others", "", "newsletter", "'; --", "\u0000"):
            error = error_of(ask(visited, path, segment=name, **asked))
            assert (error["code"], error["field"]) == ("unknown_segment", "segment"), name
        for wrong in (["Newsletter"], 5, {"name": "Newsletter"}):
            error = error_of(ask(visited, path, segment=wrong, **asked))
            assert (error["code"], error["field"]) == ("invalid_type", "segment"), wrong
        assert error_of(ask(visited, path, segments="Newsletter", **asked))["did_you_mean"] == "segment"
        assert ask(visited, path, segment=None, **asked).status == 200

    def test_a_goal_that_is_gone_is_named(self, visited: Site):
        goal = visited.server.command("goal", "add", "Joined", "--event", "signup", "--site", visited.id)
        add_segment(visited, "Members", [["goal", "is", ["Joined"]]])
        add_segment(visited, "Others", [["not", ["goal", "is_not", ["Joined"]]]])
        assert visited.value("events", segment="Members") == 1
        assert visited.query(["conversion_rate"], segment="Members")["rows"] == [[pytest.approx(100 / 3)]]
        visited.server.command("goal", "remove", goal["id"], "--site", visited.id)
        for name in ("Members", "Others"):
            error = error_of(visited.ask(metrics=["events"], segment=name))
            assert (error["code"], error["field"]) == ("invalid_segment", "segment")
            assert name in error["message"] and "Joined" in error["message"]

    def test_hostile_names_and_values_are_values(self, visited: Site):
        for text in ["' OR 1=1 --", "\\", "{site:String}", "'); DROP TABLE footfall.events; --", '"}]', "<b>", "\u202e"]:
            add_segment(visited, text, [["page", "is", [text]]])
            answer = visited.query(["events"], segment=text, explain=True)
            assert answer["rows"] == [[0]] and text not in answer["meta"]["sql"].replace("'", "").split("\n")
        assert visited.value("events") == 5


def without_meta(answer: Any) -> Any:
    """What an answer says, but not how long it took and as of when."""
    return {key: value for key, value in answer.items() if key != "meta"} if "error" not in answer else answer["error"]["code"]


def test_filters_in_a_segment_are_as_those_of_the_request(start_server: Any):
    """On random traffic and filters, in every kind of question."""
    seed = int(os.environ.get("FOOTFALL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nFOOTFALL_SEED={seed}")
    dice = random.Random(seed)
    server: Server = start_server()
    planned = plan_round(dice, server, Enrichment.asked_of(server.add_site()))
    browser = User(server, "editor").browser()
    told_apart = 0
    for one in planned[-2:]:
        for part in one.parts:
            send(dice, one, part, seen=None)
        wait_answered(one.site)
        sessions = sessions_of(first_receipts(one.acknowledged), one.timeout_ms)
        # Days that are not over are compared with as much of others as there is of them by now.
        today = datetime.datetime.now(zoneinfo.ZoneInfo(one.zone)).date().isoformat()
        curious = Curious(dice, one.site.id, one.zone, sessions, today)
        segment = add_segment(one.site, "S", GERMAN)
        for number in range(10):
            saved = [curious.filter() for _ in range(dice.choice([1, 1, 2, 3]))]
            put = browser.request("PUT", path_of(one.site, segment["id"]), {"name": "S", "filters": saved})
            assert put.status == 200 and put.json()["filters"] == saved, (seed, saved, put)

            query = curious.asks().request | {"exact": True}
            funnel = a_funnel(dice, curious, one.zone)
            steps = [{step.kind: step.value, "filters": list(step.filters)} for step in funnel.steps]
            retention = request_of_range(curious.range()) | {
                "granularity": dice.choice(["day", "week", "month"]),
                "filters": [curious.filter() for _ in range(dice.choice([0, 1]))],
            }
            asked: list[tuple[str, dict[str, Any]]] = [
                ("query", query),
                ("funnel", request_of(funnel) | {"steps": steps}),
                ("retention", retention),
                ("paths", request_of_range(curious.range()) | {"nodes": "both", "filters": [curious.filter() for _ in range(dice.choice([0, 1]))]}),
            ]
            for path, request in asked:
                both = ask(one.site, path, **(request | {"filters": [*request["filters"], *saved]}))
                by_name = ask(one.site, path, **(request | {"segment": "S"}))
                assert without_meta(by_name.json()) == without_meta(both.json()), (seed, number, path, request, saved)
                alone = ask(one.site, path, **request)
                told_apart += without_meta(by_name.json()) != without_meta(alone.json())
            batch = [query | {"segment": "S"}, query | {"filters": [*query["filters"], *saved]}, query]
            answers = server.request("POST", "/api/v1/query/batch", {"queries": batch}, bearer(one.site.key("read"))).json()["answers"]
            assert without_meta(answers[0]) == without_meta(answers[1]), (seed, query, saved)
            rows = [server.request("POST", "/api/v1/query?format=csv", each, bearer(one.site.key("read"))).body for each in batch[:2]]
            if "error" not in answers[0]:
                assert rows[0] == rows[1] and len(list(csv.reader(io.StringIO(rows[0].decode())))) == len(answers[0]["rows"]) + 1
    assert told_apart > 15, "hardly a segment made a difference: the questions prove little"


class TestWhatBecomesOfThem:
    def test_one_that_a_newer_release_saved_is_named(self, start_server: Any):
        server: Server = start_server()
        site = server.add_site()
        site.key("read")
        add_segment(site, "Old", NEWS)
        add_segment(site, "Broken", NEWS)
        assert server.terminate() == 0
        with sqlite3.connect(server.data / "catalog.db") as database:
            database.execute("UPDATE segments SET filters = ? WHERE name = 'Old'", ['[["mood", "is", ["good"]]]'])
            database.execute("UPDATE segments SET filters = ? WHERE name = 'Broken'", ['[["page", "resembles", "/"]]'])
        database.close()
        server.start()
        for name, word in (("Old", "mood"), ("Broken", "resembles")):
            for path, asked in EVERY:
                error = error_of(ask(site, path, segment=name, **asked))
                assert (error["code"], error["field"]) == ("invalid_segment", "segment"), error
                assert f"'{name}'" in error["message"] and word in error["message"], error
        assert ask(site, "query", metrics=["events"]).status == 200, "who does not name it is not disturbed"

    def test_they_go_with_their_site(self, start_server: Any):
        server: Server = start_server()
        for words in (["site", "remove"], ["erase", "--all", "--site"]):
            site = server.add_site(site_id="gone")
            add_segment(site, "News", NEWS)
            server.command("annotation", "add", "Launch", "--site", site.id, "--date", "2026-11-24")
            assert run_command(*words, site.id, data=server.data).returncode == 0
            again = server.add_site(site_id="gone")
            assert server.command("segment", "list", "--site", again.id) == []
            assert server.command("annotation", "list", "--site", again.id) == []
            server.command("site", "remove", again.id)
        assert server.terminate() == 0
        with sqlite3.connect(server.data / "catalog.db") as database:
            assert database.execute("SELECT (SELECT count(*) FROM segments) + (SELECT count(*) FROM annotations)").fetchone() == (0,)
        database.close()

    def test_they_are_in_a_backup(self, folder: pathlib.Path):
        data, restored = folder / "data", folder / "restored"
        command("site", "add", "x", "--domain", "x.example", "--id", "x", data=data)
        segment = command("segment", "add", "News", "--site", "x", "--filters", json.dumps(NEWS), data=data)
        note = command("annotation", "add", "Launch", "--site", "x", "--date", "2026-11-24", "--time", "09:30", data=data)
        command("backup", str(folder / "backup"), data=data)
        command("restore", str(folder / "backup"), data=restored)
        assert command("segment", "list", "--site", "x", data=restored) == [segment]
        assert command("annotation", "list", "--site", "x", data=restored) == [note]
