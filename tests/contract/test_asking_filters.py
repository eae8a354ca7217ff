"""contract.md, "Asking": filters is, is_not, contains, contains_not and their nesting."""

from typing import Any

import pytest

from support.client import bearer
from support.events import custom, pageview
from support.server import Server, Site

PAGES = [
    "/",
    "/blog",
    "/blog/a",
    "/blog/b",
    "/shop",
    "/shop/100%",
    "/shop/1000",
    "/shop/a_b",
    "/shop/axb",
    "/it's",
    "/back\\slash",
    "/Größe",
]
made: dict[int, Site] = {}


@pytest.fixture
def filled(server: Server) -> Site:
    """One site for all of these tests: a pageview a page, and three events."""
    if server.port not in made:
        site = server.add_site()
        site.send(
            *[pageview(site.id, page, title=page.upper()) for page in PAGES],
            custom(site.id, "signup", properties={"plan": "pro"}),
            custom(site.id, "signup", properties={"plan": "free"}),
            custom(site.id, "login"),
        )
        site.wait_events(len(PAGES) + 3)
        made[server.port] = site
    return made[server.port]


def pages(site: Site, *filters: Any) -> list[str]:
    rows = site.query(["pageviews"], ["page"], filters=[["page", "contains", ["/"]], *filters], limit=1000)["rows"]
    assert all(row[1] == 1 for row in rows), rows
    return sorted(row[0] for row in rows)


def those(condition: Any) -> list[str]:
    return sorted(page for page in PAGES if condition(page))


class TestOperators:
    @pytest.mark.parametrize(
        "operator, values, condition",
        [
            ("is", ["/blog"], lambda p: p == "/blog"),
            ("is", ["/blog", "/shop", "/nothing"], lambda p: p in ("/blog", "/shop")),
            ("is_not", ["/blog"], lambda p: p != "/blog"),
            ("is_not", ["/blog", "/shop"], lambda p: p not in ("/blog", "/shop")),
            ("contains", ["/blog"], lambda p: "/blog" in p),
            ("contains", ["blog", "shop"], lambda p: "blog" in p or "shop" in p),
            ("contains_not", ["blog"], lambda p: "blog" not in p),
            ("contains_not", ["blog", "shop"], lambda p: "blog" not in p and "shop" not in p),
        ],
    )
    def test_select_by_their_values(self, filled: Site, operator: str, values: list[str], condition: Any):
        assert pages(filled, ["page", operator, values]) == those(condition)

    @pytest.mark.parametrize(
        "value", ["100%", "a_b", "%", "_", "it's", "'", "back\\slash", "\\", "Größe", "ö", ".", "*", "[a-z]", "^/"]
    )
    def test_S15_take_their_values_literally(self, filled: Site, value: str):
        assert pages(filled, ["page", "contains", [value]]) == those(lambda page: value in page)

    @pytest.mark.parametrize(
        "value",
        [
            "' OR '1'='1",
            "'; DROP TABLE footfall.events; --",
            "{website_id:String}",
            "\\' OR 1=1 --",
            "\0",
            "x" * 1_900,
        ],
    )
    def test_S15_select_nothing_by_hostile_values(self, filled: Site, value: str):
        assert pages(filled, ["page", "is", [value]]) == []
        assert pages(filled, ["page", "is_not", [value]]) == sorted(PAGES)

    def test_of_one_list_must_all_hold(self, filled: Site):
        assert pages(filled, ["page", "contains", ["blog"]], ["page", "is_not", ["/blog/a"]]) == ["/blog", "/blog/b"]

    def test_take_a_dimension_that_is_not_shown(self, filled: Site):
        assert filled.value("pageviews", filters=[["title", "is", ["/BLOG"]]]) == 1

    def test_take_properties(self, filled: Site):
        assert filled.value("events", filters=[["property:plan", "is", ["pro"]]]) == 1
        assert filled.value("events", filters=[["property:plan", "is", ["pro", "free"]]]) == 2
        assert filled.value("events", filters=[["property:plan", "contains", ["r"]]]) == 2

    def test_take_event_names(self, filled: Site):
        assert filled.value("events", filters=[["event_name", "is", ["signup"]]]) == 2
        assert filled.table("event_name", filters=[["event_name", "contains", ["o"]]]) == {"login": 1}

    def test_hold_for_totals_too(self, filled: Site):
        answer = filled.query(["pageviews"], ["page"], filters=[["page", "contains", ["/blog"]]], limit=1)
        assert answer["totals"] == {"pageviews": 3}

    def test_may_select_nothing(self, filled: Site):
        assert filled.query(["visitors", "pageviews", "events"], filters=[["page", "is", ["/nothing"]]])["rows"] == [
            [0, 0, 0]
        ]


class TestNesting:
    BLOG = ["page", "contains", ["/blog"]]
    SHOP = ["page", "contains", ["/shop"]]
    A = ["page", "contains", ["a"]]

    @pytest.mark.parametrize(
        "condition, expected",
        [
            (["or", BLOG, SHOP], lambda p: "/blog" in p or "/shop" in p),
            (["and", SHOP, A], lambda p: "/shop" in p and "a" in p),
            (["not", BLOG], lambda p: "/blog" not in p),
            (["not", ["or", BLOG, SHOP]], lambda p: "/blog" not in p and "/shop" not in p),
            (
                ["or", ["and", BLOG, A], ["not", ["or", BLOG, SHOP]]],
                lambda p: "/blog" in p and "a" in p or "/blog" not in p and "/shop" not in p,
            ),
            (["and", ["or", BLOG, SHOP], ["not", A]], lambda p: ("/blog" in p or "/shop" in p) and "a" not in p),
            (["not", ["not", BLOG]], lambda p: "/blog" in p),
            (["or", BLOG], lambda p: "/blog" in p),
        ],
    )
    def test_combines(self, filled: Site, condition: Any, expected: Any):
        assert pages(filled, condition) == those(expected)

    def test_has_a_bound(self, filled: Site):
        depth = 5_000
        nested = '["not", ' * depth + '["page", "is", ["/"]]' + "]" * depth
        body = f'{{"website_id": "{filled.id}", "metrics": ["events"], "time_range": "all", "filters": [{nested}]}}'
        answer = filled.server.request("POST", "/api/v1/query", body, bearer(filled.key("read")))
        assert answer.status == 400, answer

    def test_values_have_a_bound_too(self, filled: Site):
        """No stored value is that long, so it may be refused or select nothing; either way it is an answer."""
        answer = filled.ask(metrics=["events"], filters=[["page", "is", ["x" * 100_000]]])
        assert answer.status == 400 or answer.json()["rows"] == [[0]], answer


class TestErrors:
    @pytest.mark.parametrize(
        "condition",
        [
            pytest.param(["nothing", "is", ["x"]], id="unknown dimension"),
            pytest.param(["page", "equals", ["x"]], id="unknown operator"),
            pytest.param(["page", "is"], id="no values"),
            pytest.param(["page"], id="only a name"),
            pytest.param([], id="empty"),
            pytest.param(["page", "is", [{}]], id="value of a wrong type"),
            pytest.param("page", id="text"),
            pytest.param(["or"], id="or of nothing"),
            pytest.param(["not"], id="not of nothing"),
            pytest.param(["not", ["page", "is", ["x"]], ["page", "is", ["x"]]], id="not of two"),
            pytest.param(["or", ["page", "is", ["x"]], ["nothing", "is", ["x"]]], id="nested"),
            pytest.param(["pageviews", "is", ["1"]], id="a metric"),
            pytest.param(["has_done"], id="nothing done"),
            pytest.param(["has_done", ["has_not_done", ["page", "is", ["x"]]]], id="doings in doings"),
            pytest.param(["has_done", ["page", "is", ["x"]], ["source", "is", ["x"]]], id="of an event and a session"),
            pytest.param(["last_channel", "has_done", ["Direct"]], id="a touch is not done"),
            pytest.param(["engaged_seconds", "is_set"], id="a number is compared"),
        ],
    )
    def test_a_condition_that_makes_no_sense_is_400_and_named(self, filled: Site, condition: Any):
        answer = filled.ask(metrics=["events"], filters=[["page", "is", ["/"]], condition])
        assert answer.status == 400, answer
        assert answer.json()["error"]["field"].startswith("filters[1]"), answer

    def test_an_unknown_dimension_has_a_nearest(self, filled: Site):
        error = filled.ask(metrics=["events"], filters=[["pge", "is", ["x"]]]).json()["error"]
        assert error["did_you_mean"] == "page"
