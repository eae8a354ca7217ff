"""Goals: declared by command or over HTTP, for history as for what comes, and conversions as sessions that met one."""

import concurrent.futures
from typing import Any

import pytest

from support.accounts import User
from support.client import bearer
from support.events import custom, now_ms, other, pageview
from support.server import Server, Site, run_command

MINUTE = 60_000


def goals_path(site: Site, goal: str = "") -> str:
    return f"/api/v1/sites/{site.id}/goals" + (f"/{goal}" if goal else "")


def add_goal(site: Site, name: str, *flags: str) -> Any:
    return site.server.command("goal", "add", name, "--site", site.id, *flags)


@pytest.fixture
def visited(site: Site) -> Site:
    """Four sessions: ann came from news and bought and signed up, bob bought twice, cem only looked, ann came again
    directly and signed up."""
    then = now_ms() - 3 * 60 * MINUTE

    def of(visitor: str, minute: int, event: dict[str, Any]) -> dict[str, Any]:
        event["data"]["timestamp"] = then + minute * MINUTE
        return event | {"user_id": visitor}

    events = [
        of("ann", 0, pageview(site.id, "/?utm_source=news")),
        of("ann", 1, pageview(site.id, "/thanks")),
        of("ann", 2, custom(site.id, "signup", properties={"plan": "pro"})),
        of("bob", 0, pageview(site.id, "/thanks")),
        of("bob", 5, pageview(site.id, "/thanks")),
        of("cem", 0, pageview(site.id, "/")),
        of("ann", 90, pageview(site.id, "/")),
        of("ann", 91, custom(site.id, "signup", properties={"plan": "free"})),
    ]
    site.send(*events)
    site.wait_events(len(events))
    return site


class TestConversions:
    def test_without_a_goal_there_is_none(self, visited: Site):
        assert visited.query(["conversions", "conversion_rate"])["rows"] == [[0, 0.0]]
        assert visited.query(["conversions"], ["goal"])["rows"] == []

    def test_a_goal_applies_to_history_and_goes_without_a_trace(self, visited: Site):
        goal = add_goal(visited, "Bought", "--page", "/thanks")
        assert visited.query(["conversions", "conversion_rate"])["rows"] == [[2, 50.0]]
        visited.server.command("goal", "remove", goal["id"], "--site", visited.id)
        assert visited.query(["conversions", "conversion_rate"])["rows"] == [[0, 0.0]]

    def test_by_goal_a_session_counts_once_in_each_and_once_in_the_total(self, visited: Site):
        add_goal(visited, "Bought", "--page", "/than", "--match", "contains")
        add_goal(visited, "Signed up", "--event", "signup")
        add_goal(visited, "Went pro", "--event", "signup", "--filters", '[["property:plan", "is", ["pro"]]]')
        add_goal(visited, "Nobody did", "--event", "^x+$", "--match", "matches")
        answer = visited.query(["conversions", "conversion_rate"], ["goal"], order_by=[["goal", "asc"]])
        assert answer["rows"] == [["Bought", 2, 50.0], ["Signed up", 2, 50.0], ["Went pro", 1, 25.0]]
        assert answer["totals"] == {"conversions": 3, "conversion_rate": 75.0}
        page = visited.query(["conversion_rate"], ["goal"], order_by=[["goal", "asc"]], limit=1, offset=1)
        assert page["rows"] == [["Signed up", 50.0]] and page["totals"] == {"conversion_rate": 75.0}
        alone = visited.query(["conversion_rate"], ["goal"], order_by=[["goal", "desc"]], totals=False)
        assert alone["rows"] == [["Went pro", 25.0], ["Signed up", 50.0], ["Bought", 50.0]]

    def test_by_what_sessions_have(self, visited: Site):
        add_goal(visited, "Bought", "--page", "/thanks")
        add_goal(visited, "Signed up", "--event", "signup")
        metrics = ["conversions", "conversion_rate", "sessions"]
        answer = visited.query(metrics, ["source"], order_by=[["source", "asc"]])
        assert answer["rows"] == [["", 2, pytest.approx(200 / 3), 3], ["news", 1, 100.0, 1]]
        assert answer["totals"] == {"conversions": 3, "conversion_rate": 75.0, "sessions": 4}
        both = visited.query(["conversions", "conversion_rate"], ["source", "goal"], order_by=[["source", "asc"], ["goal", "asc"]])
        third = pytest.approx(100 / 3)
        assert both["rows"] == [
            ["", "Bought", 1, third],
            ["", "Signed up", 1, third],
            ["news", "Bought", 1, 100.0],
            ["news", "Signed up", 1, 100.0],
        ]
        of_news: list[Any] = [["source", "is", ["news"]]]
        assert visited.query(["conversions", "conversion_rate"], filters=of_news)["rows"] == [[1, 100.0]]

    def test_by_what_events_have(self, visited: Site):
        add_goal(visited, "Bought", "--page", "/thanks")
        answer = visited.query(["conversions", "conversion_rate"], ["page"], order_by=[["page", "asc"]])
        assert [row for row in answer["rows"] if row[0]] == [["/", 0, 0.0], ["/thanks", 2, 100.0]]
        assert answer["totals"]["conversions"] == 2

    def test_by_visitor_who_converts_twice_is_one(self, visited: Site):
        add_goal(visited, "Bought", "--page", "/thanks")
        add_goal(visited, "Signed up", "--event", "signup")
        metrics = ["converted_visitors", "visitor_conversion_rate", "conversions"]
        assert visited.query(metrics)["rows"] == [[2, pytest.approx(200 / 3), 3]]
        by_goal = visited.query(metrics, ["goal"], order_by=[["goal", "asc"]])
        assert by_goal["rows"] == [["Bought", 2, pytest.approx(200 / 3), 2], ["Signed up", 1, pytest.approx(100 / 3), 2]]
        assert by_goal["totals"] == {
            "converted_visitors": 2,
            "visitor_conversion_rate": pytest.approx(200 / 3),
            "conversions": 3,
        }
        by_source = visited.query(metrics, ["source"], order_by=[["source", "asc"]])
        assert by_source["rows"] == [["", 2, pytest.approx(200 / 3), 2], ["news", 1, 100.0, 1]]
        assert by_source["totals"]["converted_visitors"] == 2, "ann came from news and directly"
        by_first = visited.query(metrics, ["first_source"], order_by=[["first_source", "asc"]])
        assert by_first["rows"] == [["", 1, 50.0, 1], ["news", 1, 100.0, 2]]

    def test_a_filter_on_goals_is_one_on_events(self, visited: Site):
        add_goal(visited, "Bought", "--page", "/thanks")
        add_goal(visited, "Signed up", "--event", "signup")
        bought: list[Any] = ["goal", "is", ["Bought"]]
        assert visited.query(["visitors", "pageviews", "events"], filters=[bought])["rows"] == [[2, 3, 3]]
        assert visited.query(["conversions", "conversion_rate"], filters=[bought])["rows"] == [[2, 50.0]]
        assert visited.query(["sessions"], filters=[["goal", "is_set"]])["rows"] == [[3]]
        assert visited.query(["events"], filters=[["goal", "is_not", ["Bought"]]])["rows"] == [[5]]
        assert visited.query(["events"], filters=[["goal", "contains", ["igned"]]])["rows"] == [[2]]
        assert visited.query(["events"], filters=[["goal", "matches", ["^(B|S)"]]])["rows"] == [[5]]
        assert visited.query(["visitors"], ["goal"], order_by=[["goal", "asc"]])["rows"] == [["Bought", 2], ["Signed up", 1]]
        mixed = visited.ask(metrics=["conversion_rate"], filters=[["or", bought, ["page", "is", ["/"]]]])
        assert mixed.status == 400 and mixed.json()["error"]["code"] == "unsupported_filter"
        compared = visited.ask(metrics=["events"], filters=[["goal", "gt", 5]])
        assert compared.status == 400 and compared.json()["error"]["code"] == "unsupported_operator"

    def test_what_visitors_have_done_is_a_filter_of_all_that_they_did(self, visited: Site):
        add_goal(visited, "Bought", "--page", "/thanks")
        bought: list[Any] = ["goal", "has_done", ["Bought"]]
        assert visited.query(["visitors", "events"], filters=[bought])["rows"] == [[2, 7]]
        assert visited.query(["visitors", "events"], filters=[["goal", "has_not_done", ["Bought"]]])["rows"] == [[1, 1]]
        # Ann's second session is of somebody who bought, and did not convert.
        assert visited.query(["sessions", "conversions"], filters=[bought])["rows"] == [[3, 2]]
        assert visited.query(["conversion_rate"], filters=[["event_name", "has_done", ["signup"]]])["rows"] == [[50.0]]

    def test_a_goal_may_be_of_a_property_revenue_engaged_time_or_scroll(self, site: Site):
        site.server.command("site", "set", site.id, "--currency", "EUR")
        then = now_ms() - 60 * MINUTE

        def of(visitor: str, event: dict[str, Any], minute: int = 0) -> dict[str, Any]:
            event["data"]["timestamp"] = then + minute * MINUTE
            return event | {"user_id": visitor}

        read, skimmed = pageview(site.id, "/blog/a"), pageview(site.id, "/blog/b")

        def told(view: dict[str, Any], visitor: str, seconds: float, percent: float) -> dict[str, Any]:
            return of(visitor, other(site.id, "ping", pageview_id=view["event_id"], time_on_page=seconds, scroll_depth=percent), 1)

        events = [
            of("ann", read),
            told(read, "ann", 20, 95),
            told(read, "ann", 31, 40),
            told(read, "eve", 500, 100),  # somebody else's says nothing of it
            of("bob", skimmed),
            told(skimmed, "bob", 5, 90),
            of("cem", custom(site.id, "buy", revenue="99.90", currency="EUR", properties={"plan": "pro"})),
            of("dan", custom(site.id, "order", revenue=200, currency="USD", properties={"plan": "free"})),
            of("eve", custom(site.id, "order", revenue=250)),
        ]
        site.send(*events)
        site.wait_events(5)
        goals: dict[str, tuple[list[str], str]] = {
            "Engaged": (["--page", "", "--match", "any"], '[["engaged_seconds", "gt", 30]]'),
            "Large": (["--event", "", "--match", "any"], '[["revenue", "between", [99.9, 1000]]]'),
            "Large order": (["--event", "order"], '[["revenue", "gt", 0]]'),
            "Pro": (["--event", "", "--match", "any"], '[["property:plan", "is", ["pro"]]]'),
            "Skimmed": (["--page", "/blog/", "--match", "contains"], '[["engaged_seconds", "lt", 10]]'),
            "To the end": (["--page", "", "--match", "any"], '[["scroll_percent", "gt", 90]]'),
        }
        for name, (flags, filters) in goals.items():
            add_goal(site, name, *flags, "--filters", filters)
        by_goal = site.query(["conversions", "visitors"], ["goal"], order_by=[["goal", "asc"]], limit=100)["rows"]
        assert [row[:2] for row in by_goal] == [
            *(["Engaged", 1], ["Large", 2], ["Large order", 1], ["Pro", 1], ["Skimmed", 1], ["To the end", 1])
        ]
        steps = {"steps": [{"goal": "Engaged"}], "time_range": "all", "website_id": site.id}
        funnel = site.server.request("POST", "/api/v1/funnel", steps, bearer(site.key("read"))).json()
        assert funnel["steps"][0]["visitors"] == 1
        asked = site.query(["conversions"], explain=True)
        assert any("no days are kept" in reason for reason in asked["meta"]["plan"])

    def test_a_changed_goal_is_another_answer(self, visited: Site):
        browser = User(visited.server, "editor").browser()
        goal = add_goal(visited, "Bought", "--page", "/thanks")
        assert visited.query(["conversions"], ["goal"])["rows"] == [["Bought", 2]]
        put = browser.request("PUT", goals_path(visited, goal["id"]), {"name": "Bought", "event": "signup", "filters": [["property:plan", "is", ["pro"]]]})
        assert put.status == 200, put
        assert visited.query(["conversions"], ["goal"])["rows"] == [["Bought", 1]]
        visited.server.command("goal", "set", goal["id"], "--site", visited.id, "--name", "Joined", "--filters", "[]")
        assert visited.query(["conversions"], ["goal"])["rows"] == [["Joined", 2]]
        assert visited.query(["events"], filters=[["goal", "is", ["Bought"]]])["rows"] == [[0]], "by its former name nothing is found"

    def test_another_sites_goals_are_its_own(self, visited: Site):
        other = visited.server.add_site()
        add_goal(other, "Bought", "--page", "/thanks")
        assert visited.value("conversions") == 0


class TestDeclaring:
    def test_over_http(self, server: Server, site: Site):
        browser = User(server, "editor").browser()
        body = {"name": "Pro", "event": "signup", "filters": [["property:plan", "is", ["pro"]], ["country", "is_set"]]}
        made = browser.request("POST", goals_path(site), body)
        assert made.status == 201 and made.json() == body | {"id": made.json()["id"], "match": "is"}
        page = browser.request("POST", goals_path(site), {"name": "Blog", "page": "/blog/", "match": "contains"}).json()
        assert page == {"id": page["id"], "name": "Blog", "page": "/blog/", "match": "contains", "filters": []}
        listed = server.request("GET", goals_path(site), None, bearer(site.key("read")))
        assert listed.status == 200 and listed.json() == {"goals": [made.json(), page]}
        assert server.command("goal", "list", "--site", site.id) == listed.json()["goals"]
        assert browser.request("DELETE", goals_path(site, page["id"])).status == 204
        assert browser.request("DELETE", goals_path(site, page["id"])).status == 404
        assert browser.request("GET", goals_path(site)).json() == {"goals": [made.json()]}

    @pytest.mark.parametrize(
        "body, field",
        [
            ({"page": "/"}, "name"),
            ({"name": "", "page": "/"}, "name"),
            ({"name": "x"}, "page"),
            ({"name": "x", "page": "/", "event": "y"}, "page"),
            ({"name": "x", "page": ""}, "page"),
            ({"name": "x", "page": "/", "match": "like"}, "match"),
            ({"name": "x", "page": "(", "match": "matches"}, "page[2]"),
            ({"name": "x", "page": "/", "filters": {}}, "filters"),
            ({"name": "x", "page": "/", "filters": [["page"]]}, "filters[0]"),
            ({"name": "x", "page": "/", "filters": [["pages", "is", ["/"]]]}, "filters[0][0]"),
            ({"name": "x", "page": "/", "filters": [["goal", "is", ["y"]]]}, "filters"),
            ({"name": "x", "page": "/", "filters": [["source", "is", ["y"]]]}, "filters"),
            ({"name": "x", "page": "/", "filters": [["date", "is", ["2026-11-01"]]]}, "filters"),
            ({"name": "x", "page": "/", "colour": "red"}, "colour"),
            ({"name": "x", "page": "", "match": "any"}, "filters"),
            ({"name": "x", "page": "/", "match": "any", "filters": [["country", "is", ["DE"]]]}, "page"),
            ({"name": "x", "page": "/", "filters": [["page", "has_done", ["/"]]]}, "filters"),
            ({"name": "x", "page": "/", "filters": [["scroll_percent", "is", [50]]]}, "filters[0][1]"),
        ],
    )
    def test_what_is_wrong_is_named(self, server: Server, site: Site, body: dict[str, Any], field: str):
        browser = User(server, "editor").browser()
        goal = browser.request("POST", goals_path(site), {"name": "Right", "page": "/right"}).json()
        for method, path in (("POST", goals_path(site)), ("PUT", goals_path(site, goal["id"]))):
            answer = browser.request(method, path, body)
            assert answer.status == 400 and answer.json()["error"]["field"] == field, answer
        assert browser.request("GET", goals_path(site)).json() == {"goals": [goal]}

    def test_who_may(self, server: Server, site: Site):
        viewer = User(server, "viewer").browser()
        assert viewer.request("GET", goals_path(site)).status == 200
        assert viewer.request("POST", goals_path(site), {"name": "x", "page": "/"}).status == 403
        assert server.request("GET", goals_path(site)).status == 401
        other = server.add_site()
        assert server.request("GET", goals_path(other), None, bearer(site.key("read"))).status in (403, 404)
        missing = f"/api/v1/sites/{site.id}x/goals"
        assert viewer.request("GET", missing).status == 404
        owner = User(server, "owner").browser()
        assert owner.request("POST", missing, {"name": "x", "page": "/"}).status == 404
        assert owner.request("POST", missing, {}).status == 404, "the site is judged first"

    def test_who_may_change(self, server: Server, site: Site):
        goal = add_goal(site, "Bought", "--page", "/thanks")
        changed = {"name": "Paid", "event": "pay", "match": "contains", "filters": []}
        path = goals_path(site, goal["id"])
        assert server.request("PUT", path, changed).status == 401
        for scope in ("read", "admin"):
            assert server.request("PUT", path, changed, bearer(site.key(scope))).status in (401, 403), scope
        assert User(server, "viewer").browser().request("PUT", path, changed).status == 403
        other = server.add_site()
        editor = User(server, "editor").browser()
        for elsewhere in (goals_path(other, goal["id"]), goals_path(site, "nosuchgoal00"), goals_path(site, "%ff"), goals_path(site, "%zz")):
            assert editor.request("PUT", elsewhere, changed).status == 404, elsewhere
        assert editor.request("PUT", f"/api/v1/sites/{site.id}x/goals/{goal['id']}", changed).status == 404
        assert editor.request("GET", goals_path(site)).json() == {"goals": [goal]}
        assert editor.request("GET", goals_path(other)).json() == {"goals": []}
        for role in ("editor", "admin", "owner"):
            put = User(server, role).browser().request("PUT", path, changed | {"name": role})
            assert put.status == 200 and put.json() == changed | {"name": role, "id": goal["id"]}
            assert editor.request("GET", goals_path(site)).json() == {"goals": [put.json()]}

    def test_names_are_of_one_goal_and_their_number_has_an_end(self, server: Server, site: Site):
        browser = User(server, "admin").browser()
        for number in range(50):
            assert browser.request("POST", goals_path(site), {"name": f"g{number}", "page": f"/{number}"}).status == 201
        again = browser.request("POST", goals_path(site), {"name": "g7", "page": "/"})
        assert again.status in (400, 409)
        third, seventh = [goal["id"] for goal in browser.request("GET", goals_path(site)).json()["goals"] if goal["name"] in ("g3", "g7")]
        taken = browser.request("PUT", goals_path(site, third), {"name": "g7", "page": "/3"})
        assert taken.status == 409 and taken.json()["error"]["field"] == "name"
        assert browser.request("PUT", goals_path(site, seventh), {"name": "g7", "page": "/seven"}).status == 200, "its own name is no other's"
        assert browser.request("PUT", goals_path(site, third), {"name": "three", "page": "/3"}).status == 200, "a site that is full changes its goals"
        beyond = browser.request("POST", goals_path(site), {"name": "g50", "page": "/"})
        assert beyond.status == 400 and "50" in beyond.json()["error"]["message"]
        assert site.query(["conversions", "conversion_rate"], ["goal"])["rows"] == []

    def test_of_two_that_take_one_name_at_once_one_gets_it(self, server: Server, site: Site):
        browser = User(server, "editor").browser()
        ids = [browser.request("POST", goals_path(site), {"name": f"g{number}", "page": f"/{number}"}).json()["id"] for number in range(8)]
        for turn in range(5):
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                puts = list(pool.map(lambda at: browser.request("PUT", goals_path(site, ids[at]), {"name": f"turn {turn}", "page": f"/{at}"}), range(8)))
            assert sorted(put.status for put in puts) == [200] + [409] * 7, puts
            goals = browser.request("GET", goals_path(site)).json()["goals"]
            assert [goal["id"] for goal in goals] == ids, "in the order in which they were made"
            winner = next(put.json()["id"] for put in puts if put.status == 200)
            assert [goal["id"] for goal in goals if goal["name"] == f"turn {turn}"] == [winner]

    def test_by_command_what_is_not_given_stays(self, site: Site):
        goal = add_goal(site, "Pro", "--event", "signup", "--filters", '[["property:plan","is",["pro"]]]')

        def set_goal(*flags: str) -> Any:
            return site.server.command("goal", "set", goal["id"], "--site", site.id, *flags)

        assert set_goal("--name", "Went pro") == goal | {"name": "Went pro"}
        assert set_goal("--event", "joined", "--match", "contains") == goal | {"name": "Went pro", "event": "joined", "match": "contains"}
        of_page = {"id": goal["id"], "name": "Went pro", "page": "/pro", "match": "is", "filters": []}
        assert set_goal("--page", "/pro", "--match", "is", "--filters", "[]") == of_page
        assert site.server.command("goal", "list", "--site", site.id) == [of_page]
        add_goal(site, "Other", "--page", "/other")
        for words, code, word in [
            ([goal["id"], "--site", site.id, "--page", "/", "--event", "x"], 2, "--page"),
            ([goal["id"], "--site", site.id, "--filters", "["], 2, "filters"),
            ([goal["id"], "--site", site.id, "--name", "Other"], 1, "Other"),
            ([goal["id"], "--site", "nobody"], 1, "nobody"),
            (["", "--site", site.id, "--name", "x", "--page", "/"], 1, "goal list"),
            (["nosuchgoal00", "--site", site.id, "--name", "x", "--page", "/"], 1, "nosuchgoal00"),
        ]:
            done = run_command("goal", "set", *words, data=site.server.data)
            assert done.returncode == code and word in done.stderr and len(done.stderr.strip().splitlines()) == 1, done
        assert site.server.command("goal", "list", "--site", site.id)[0] == of_page

    def test_by_command_one_sentence_says_what_is_wrong(self, site: Site):
        for flags, word in [
            ([], "--page"),
            (["--page", "/", "--event", "x"], "--page"),
            (["--page", "/", "--filters", "["], "filters"),
            (["--page", "/", "--filters", '[["source", "is", ["x"]]]'], "source"),
        ]:
            done = run_command("goal", "add", "x", "--site", site.id, *flags, data=site.server.data)
            assert done.returncode == 2 and word in done.stderr and len(done.stderr.strip().splitlines()) == 1, done
        assert run_command("goal", "list", "--site", "nobody", data=site.server.data).returncode == 1
