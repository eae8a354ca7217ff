"""footfall bots rescore: what today's lists would judge otherwise, and making it so."""

import os
import pathlib
import signal
from typing import Any

import pytest

from support.client import FIREFOX, bearer
from support.events import pageview
from support.server import command, run_command
from support.wait import wait_until
from support.websocket import WebSocket


@pytest.fixture(params=["beside serve", "without serve"])
def data(request: pytest.FixtureRequest, folder: pathlib.Path) -> Any:
    if request.param == "beside serve":
        return request.getfixturevalue("server").data
    return folder / "data"


class TestBotsRescore:
    def test_says_by_day_and_reason_what_todays_lists_would_judge_otherwise(self, start_server: Any, folder: pathlib.Path):
        crawlers = folder / "crawlers.json"
        crawlers.write_text('[{"pattern": "Okapi"}]')
        server = start_server("--enrich.crawlers", str(crawlers))
        site, other = server.add_site(), server.add_site()
        for agent, where, events in (("Zebra/1.0", site, 2), ("Okapi/2.0", site, 1), (FIREFOX, site, 1), ("Zebra/1.0", other, 1)):
            for _ in range(events):
                where.send(pageview(where.id), headers={"User-Agent": agent})

        def rescore(*words: str) -> Any:
            return server.command("bots", "rescore", *words, "--dry-run")

        before = rescore("--all")
        assert (before["events"], before["changes"], before["samples"]) == (5, [], [])
        (folder / "new.json").write_text('[{"pattern": "Zebra"}]')
        (folder / "new.json").rename(crawlers)
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: rescore("--all")["lists"] != before["lists"], 30, "the new list is in use")

        told = rescore("--site", site.id)
        assert told["dry_run"] is True and told["events"] == 4 and told["events_without_user_agent"] == 0
        assert told["lists_then"] == {before["lists"]: 4}
        assert told["become_bots"] == {"events": 2, "visitors": 1} and told["become_people"] == {"events": 1, "visitors": 1}
        assert told["other_reason"] == {"events": 0, "visitors": 0}
        [to_bots, to_people] = sorted(told["changes"], key=lambda change: change["from"])
        assert (to_bots["site"], to_bots["from"], to_bots["to"], to_bots["events"]) == (site.id, "", "ua:crawler-list", 2)
        assert (to_people["from"], to_people["to"]) == ("ua:crawler-list", "") and len(to_people["day"]) == 10
        assert sorted(sample["user_agent"] for sample in told["samples"]) == ["Okapi/2.0", "Zebra/1.0"]
        assert rescore("--all")["become_bots"] == {"events": 3, "visitors": 2}
        assert rescore("--all", "--until", "2020-01-01")["events"] == 0
        assert rescore("--all", "--since", "1h")["events"] == 5
        shown = run_command("bots", "rescore", "--all", "--dry-run", data=server.data)
        assert "Zebra/1.0" in shown.stdout and "nothing was changed" in shown.stdout
        assert site.value("pageviews") == 3, "only shown"
        server.terminate()
        alone = command("bots", "rescore", "--site", site.id, "--dry-run", "--enrich.crawlers", str(crawlers), data=server.data)
        assert alone == told, "without a server the same"

    @pytest.mark.parametrize(
        "words, why",
        [
            (("--all", "--site", "x", "--dry-run"), "--all"),
            (("--all", "--site", "x"), "--all"),
            (("--since", "soon"), "--since"),
            (("--all", "--dry-run", "--since", "soon"), "--since"),
            (("--all", "--dry-run", "--until", "2026-13-01"), "--until"),
        ],
    )
    def test_wrong_usage_says_what_to_write(self, data: pathlib.Path, words: tuple[str, ...], why: str):
        run_command("site", "add", "x", "--domain", "x.example", "--id", "x", data=data)
        done = run_command("bots", "rescore", *words, data=data)
        assert done.returncode == 2 and why in done.stderr, done

    def test_an_unknown_site_is_named(self, data: pathlib.Path):
        run_command("site", "add", "x", "--domain", "x.example", "--id", "x", data=data)
        for words in ((), ("--dry-run",)):
            done = run_command("bots", "rescore", "--site", "nobody", *words, data=data)
            assert done.returncode == 1 and "nobody" in done.stderr, done

    @pytest.mark.parametrize("with_server", [True, False])
    def test_applied_verdicts_are_those_of_todays_lists_everywhere(
        self, start_server: Any, folder: pathlib.Path, with_server: bool
    ):
        crawlers = folder / "crawlers.json"
        crawlers.write_text('[{"pattern": "Okapi"}]')
        flags = ("--enrich.crawlers", str(crawlers))
        server = start_server(*flags)
        site, other = server.add_site(), server.add_site()
        for agent, where, page in (
            ("Zebra/1.0", site, "/1"),
            ("Zebra/1.0", site, "/2"),
            ("Okapi/2.0", site, "/3"),
            (FIREFOX, site, "/4"),
            ("Zebra/1.0", other, "/5"),
        ):
            where.send(pageview(where.id, page), headers={"User-Agent": agent})
        site.wait_value("visitors", 2)
        lists = server.command("bots", "rescore", "--dry-run")["lists"]
        crawlers.write_text('[{"pattern": "Zebra"}]')
        server.terminate()
        if with_server:
            server.start()

        def rescore(*words: str) -> Any:
            return command("bots", "rescore", *words, *(() if with_server else flags), data=server.data)

        shown = rescore("--dry-run", "--site", site.id)
        assert shown["lists"] != lists and shown["dry_run"] is True and "done" not in shown
        told = rescore("--site", site.id)
        assert told.pop("dry_run") is False
        assert told.pop("done") == {"events": 3, "visitors": 2, "rows": 3, "sessions_before": 2, "sessions": 2}
        assert told == {name: value for name, value in shown.items() if name != "dry_run"}, "the same diff"
        assert rescore("--site", site.id)["done"]["events"] == 0, "nothing is left to do"
        if not with_server:
            server.start()
        assert site.table("page") == {"/3": 1, "/4": 1} and site.value("visitors") == 2 and site.value("sessions") == 2
        assert site.table("device_type", include_bots=True)["bot"] == 2
        assert site.value("events", include_bots=True) == 4
        assert other.value("pageviews") == 1, "nobody asked for that site"
        rows = server.command("audit")
        assert all(row["ok"] for row in rows), rows
        with WebSocket(server.port, f"/api/v1/live?website_id={site.id}", bearer(site.key("read"))) as socket:
            assert sorted(page["name"] for page in socket.json()["pages"]) == ["/3", "/4"]
        # All of them, in words.
        done = run_command("bots", "rescore", "--now", *(() if with_server else flags), data=server.data)
        assert done.returncode == 0 and "became bots: 1 events of 1 visitors" in done.stdout, done
        assert "changed: 1 events" in done.stdout
        assert other.value("pageviews") == 0 and other.value("pageviews", include_bots=True) == 1
        assert "nothing was changed" in run_command("bots", "rescore", data=server.data).stdout

    def test_live_numbers_and_an_open_dashboard_follow_at_once(self, start_server: Any, folder: pathlib.Path):
        crawlers = folder / "crawlers.json"
        crawlers.write_text('[{"pattern": "Okapi"}]')
        server = start_server("--enrich.crawlers", str(crawlers))
        site = server.add_site()
        site.send(pageview(site.id, "/1"), headers={"User-Agent": "Zebra/1.0"})
        site.send(pageview(site.id, "/2"), headers={"User-Agent": FIREFOX})
        with WebSocket(server.port, f"/api/v1/live?website_id={site.id}", bearer(site.key("read"))) as socket:
            wait_until(lambda: socket.json()["active_visitors"] == 2, 10, "both are people")
            before = server.command("bots", "rescore", "--dry-run")["lists"]
            (folder / "new.json").write_text('[{"pattern": "Zebra"}]')
            (folder / "new.json").rename(crawlers)
            os.kill(server.pid, signal.SIGHUP)
            wait_until(lambda: server.command("bots", "rescore", "--dry-run")["lists"] != before, 30, "it is in use")
            assert server.command("bots", "rescore")["done"]["events"] == 1
            wait_until(lambda: socket.json()["active_visitors"] == 1, 10, "one of them is none")
