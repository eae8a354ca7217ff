"""Rejected events: kept with their reason, looked at by command and API, sent again after a fix (architecture.md, guarantee 3)."""

import datetime
import json
import pathlib
import time
from typing import Any

import pytest

from support.accounts import User
from support.client import bearer
from support.events import now_ms, pageview, uuid7
from support.server import ROOT, Server, Site, command, run_command

HOSTILE = "</pre><script>alert(1)</script>\u202e\u001b[31m\"'`=cmd|' /C calc'!A0 \U0001f4a5"


def wrong(site: str, **more: Any) -> dict[str, Any]:
    """A pageview without a page."""
    return {"type": "pageview", "tracking_id": site, "data": {}, **more}


def listed(server: Server, *words: str) -> dict[str, Any]:
    return server.command("rejected", "list", *words)


def events_row(server: Server, site: str) -> dict[str, Any]:
    [row] = [row for row in server.command("audit") if row["site"] == site and row["table"] == "events"]
    return row


class TestAreListed:
    def test_each_as_it_was_sent_with_its_field_and_reason(self, server: Server, site: Site):
        bad = wrong(site.id, title=HOSTILE)
        body = "[" + json.dumps(pageview(site.id)) + ",  " + json.dumps(bad, ensure_ascii=False) + ']'
        before = now_ms()
        told = site.post(body.encode(), {"User-Agent": "Agent/1 <b>"}).json()
        assert told["rejected"] == [{"index": 1, "field": "data.page", "reason": "missing"}]
        answer = listed(server, "--site", site.id)
        [sample] = answer["samples"]
        assert sample["event"] == json.dumps(bad, ensure_ascii=False)
        assert (sample["field"], sample["reason"]) == ("data.page", "missing")
        assert (sample["website_id"], sample["tracking_id"]) == (site.id, site.id)
        assert (sample["user_agent"], sample["has_key"], sample["is_cut"]) == ("Agent/1 <b>", False, False)
        [reason] = answer["reasons"]
        assert (reason["reason"], reason["count"], reason["last_at"]) == ("missing", 1, sample["received_at"])
        assert answer["hours"] == [{"hour": sample["received_at"][:14] + "00:00.000Z", "reason": "missing", "count": 1}]
        assert before // 1000 * 1000 <= _ms(sample["received_at"]) <= now_ms()

    def test_for_people_no_text_of_a_stranger_drives_the_terminal(self, server: Server, site: Site):
        site.post([wrong(site.id, title=HOSTILE)])
        done = run_command("rejected", "list", "--site", site.id, data=server.data)
        assert done.returncode == 0 and "missing" in done.stdout and "<script>" in done.stdout
        assert not any(ord(letter) < 32 and letter != "\n" for letter in done.stdout)

    def test_by_reason_and_time(self, server: Server, site: Site):
        site.post([wrong(site.id), {"type": "other", "tracking_id": site.id}])
        answer = listed(server, "--site", site.id, "--reason", "invalid")
        assert [sample["field"] for sample in answer["samples"]] == ["type"]
        assert [reason["reason"] for reason in answer["reasons"]] == ["invalid"]
        assert listed(server, "--site", site.id, "--since", "2999-01-01")["samples"] == []
        assert len(listed(server, "--site", site.id, "--since", "1h", "--limit", "1")["samples"]) == 1

    @pytest.mark.parametrize(
        "words", [("--since", "soon"), ("--since", "2026-02-30"), ("--limit", "0"), ("--limit", "x"), ("--reason", "other")]
    )
    def test_what_is_no_filter_is_wrong_usage(self, server: Server, words: tuple[str, str]):
        done = run_command("rejected", "list", *words, data=server.data)
        assert done.returncode == 2 and words[0] in done.stderr

    def test_the_reasons_are_those_of_the_schema(self, server: Server):
        declared = json.loads((ROOT / "schema/rejections.json").read_text())["reasons"]
        done = run_command("rejected", "list", "--reason", "nonsense", data=server.data)
        assert done.returncode == 2 and "|".join(reason["name"] for reason in declared) in done.stderr, done

    def test_no_address_and_no_secret_is_kept(self, server: Server, site: Site):
        address = "198.51.100.77"
        secret = site.key("collect")
        event = wrong(site.id, context={"ip": address, "url": "javascript:x", "language": "de"})
        assert site.post([event], bearer(secret) | {"X-Forwarded-For": address}).json()["received"] == 0
        [sample] = listed(server, "--site", site.id)["samples"]
        assert sample["has_key"] is True
        assert json.loads(sample["event"])["context"] == {"url": "javascript:x", "language": "de"}
        text = json.dumps(listed(server, "--site", site.id))
        assert address not in text and secret not in text


class TestOfTheApi:
    def test_a_site_and_what_belonged_to_none(self, server: Server, site: Site):
        name = f"nobody-{uuid7()}"
        site.post([wrong(site.id, title=HOSTILE), pageview(name)])
        editor, owner = User(server, "editor").browser(), User(server, "owner").browser()
        path = f"/api/v1/sites/{site.id}/rejected"
        listed(server)  # waits until samples and counts, which are two tables, are both there
        answer = editor.request("GET", path)
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/json")
        assert json.loads(answer.json()["samples"][0]["event"])["title"] == HOSTILE
        assert [reason["reason"] for reason in answer.json()["reasons"]] == ["missing"]
        of_none = owner.request("GET", "/api/v1/rejected?reason=unknown&limit=500").json()
        assert name in [sample["tracking_id"] for sample in of_none["samples"]]
        assert site.id not in [sample["tracking_id"] for sample in of_none["samples"]]

    def test_a_page_at_a_time(self, server: Server, site: Site):
        for i in range(5):
            site.post([wrong(site.id, title=str(i))])
        listed(server)  # waits until they are there
        browser = User(server, "admin").browser()
        seen, before = [], ""
        for _ in range(3):
            page = browser.request("GET", f"/api/v1/sites/{site.id}/rejected?limit=2{before}").json()
            seen += [json.loads(sample["event"])["title"] for sample in page["samples"]]
            before = f"&before={page['before']}"
        assert seen == ["4", "3", "2", "1", "0"] and page["before"] is None

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=501", "limit=x", "days=31", "days=0", "before=-1", "before=x", "reason=%27"]
    )
    def test_what_is_no_question_is_told_by_field(self, server: Server, site: Site, query: str):
        browser = User(server, "owner").browser()
        answer = browser.request("GET", f"/api/v1/sites/{site.id}/rejected?{query}")
        assert answer.status == 400 and answer.json()["error"]["field"] == query.split("=")[0]


class TestAreBounded:
    def test_twenty_a_minute_reason_and_site_and_the_rest_is_counted(self, start_server: Any):
        server: Server = start_server()
        site = server.add_site()
        while time.time() % 60 > 50:
            time.sleep(0.1)  # all of it in one minute
        for _ in range(3):
            site.post([wrong(site.id, title="x" * 800)] * 500 + [0] * 500)
        answer = listed(server, "--limit", "1000")
        assert {reason["reason"]: reason["count"] for reason in answer["reasons"]} == {"missing": 1500, "wrong_type": 1500}
        assert len(answer["samples"]) == 40
        assert server.metric("footfall_rejected_samples_dropped_total") == 3000 - 40
        assert events_row(server, site.id)["rejected"] == 1500 and events_row(server, "")["rejected"] == 1500

    def test_a_long_one_is_cut_and_says_so(self, server: Server, site: Site):
        site.post([wrong(site.id, title="\u00fc" * 10_000)])
        [sample] = listed(server, "--site", site.id)["samples"]
        assert sample["is_cut"] and 4_000 < len(sample["event"].encode()) <= 4_096
        told = server.command("rejected", "replay", "--site", site.id)
        assert told == {"dry_run": False, "taken": 0, "duplicates": 0, "rejected": {}, "cut": 1}


class TestAreKept:
    def test_a_kill_right_after_the_answer_keeps_them_once_and_the_counts_are_those_of_audit(self, start_server: Any):
        server: Server = start_server()
        site = server.add_site()
        for i in range(3):
            site.post([wrong(site.id, title=str(i)), pageview(site.id)])
            server.kill()
            server.start()
        titles = [json.loads(sample["event"])["title"] for sample in listed(server)["samples"]]
        assert titles == ["2", "1", "0"]
        row = events_row(server, site.id)
        assert row["ok"] and row["rejected"] == 3 == sum(hour["count"] for hour in listed(server)["hours"])


class TestAreSentAgain:
    def test_to_the_site_that_was_missing_and_never_twice(self, start_server: Any):
        server: Server = start_server()
        some = server.add_site()
        with_id, without = pageview("late-site", "/id"), pageview("late-site", "/none")
        del without["event_id"]
        some.post([with_id, without, without, wrong(some.id)])
        told = server.command("rejected", "replay")
        assert (told["taken"], told["rejected"]) == (0, {"missing": 1, "unknown": 3})
        late = server.add_site(site_id="late-site")
        dry = server.command("rejected", "replay", "--site", "late-site", "--dry-run")
        assert (dry["dry_run"], dry["taken"]) == (True, 3)
        assert late.value("events") == 0
        told = server.command("rejected", "replay", "--site", "late-site")
        assert told == {"dry_run": False, "taken": 3, "duplicates": 0, "rejected": {}, "cut": 0}
        late.wait_events(3)
        assert late.table("page", "pageviews") == {"/id": 1, "/none": 2}
        # Again, and by the client itself.
        assert server.command("rejected", "replay")["duplicates"] == 3
        assert late.post([with_id]).json()["duplicates"] == 1
        server.terminate()
        assert command("rejected", "replay", data=server.data)["taken"] == 0, "without a server"
        assert len(command("rejected", "list", "--site", "late-site", data=server.data)["samples"]) == 3
        server.start()
        late.wait_events(3)
        row = events_row(server, "late-site")
        assert row["ok"] and row["stored"] == 3, row
        assert events_row(server, "")["rejected"] == 3

    def test_for_people_it_says_what_became_of_them(self, server: Server, site: Site):
        site.post([wrong(site.id)])
        done = run_command("rejected", "replay", "--site", site.id, data=server.data)
        assert done.stdout.splitlines() == ["taken: 0", "duplicates, counted already: 0", "still rejected, missing: 1"]

    def test_an_event_is_of_the_time_at_which_it_came(self, start_server: Any):
        server: Server = start_server()
        site = server.add_site()
        event = pageview("moved", "/then", timestamp=now_ms() - 3_600_000)
        site.post([event])
        moved = server.add_site(site_id="moved")
        assert server.command("rejected", "replay", "--reason", "unknown")["taken"] == 1
        moved.wait_events(1)
        [[minute, _]] = moved.query(["events"], ["minute"])["rows"]
        assert abs(_ms(minute) - event["data"]["timestamp"]) < 60_000

    def test_a_folder_without_an_installation_is_told(self, folder: pathlib.Path):
        for word in ("list", "replay"):
            done = run_command("rejected", word, data=folder / "nothing")
            assert done.returncode == 1 and "no installation" in done.stderr
        assert not (folder / "nothing").exists()


def _ms(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
