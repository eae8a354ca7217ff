"""contract.md, "Commands": help, exit codes, --json, beside a running serve and without one, settings and their
precedence."""

import concurrent.futures
import json
import os
import pathlib
import re
import sqlite3
import signal
import subprocess
import threading
import time
from typing import Any

import pytest

from support.client import request
from support.events import pageview
from support.server import Server, Site, command, free_port, run_command
from support.wait import wait_until

PASSWORD = "correct horse battery staple"


def fails(done: subprocess.CompletedProcess[str], *codes: int) -> str:
    """Exit code, nothing on stdout, one sentence on stderr. Returns the sentence."""
    assert done.returncode in codes, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == "", done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and len(lines[0]) > 10, done.stderr
    return lines[0]


class TestHelp:
    @pytest.mark.parametrize(
        "words",
        [
            "",
            "serve",
            "site",
            "site add",
            "site list",
            "site set",
            "site remove",
            "user",
            "user add",
            "user list",
            "user remove",
            "user role",
            "user password",
            "user link",
            "key",
            "key create",
            "key list",
            "key revoke",
            "goal add",
            "goal set",
            "goal list",
            "goal remove",
            "segment add",
            "segment list",
            "segment remove",
            "annotation add",
            "annotation list",
            "annotation remove",
            "rejected list",
            "rejected replay",
            "bots rescore",
            "export",
            "erase",
            "rebuild",
            "audit",
            "lists",
            "backup",
            "restore",
            "doctor",
        ],
    )
    def test_every_command_has_one(self, words: str):
        done = run_command(*words.split(), "--help")
        assert done.returncode == 0 and done.stderr == "", done
        assert "footfall" in done.stdout
        assert all(word in done.stdout for word in words.split())

    @pytest.mark.parametrize("word", ["serve", "settings", "routes", "site"])
    def test_is_of_that_command_alone(self, word: str):
        help_text = run_command(word, "--help").stdout
        assert help_text == run_command("help", word).stdout
        assert all(line.startswith(f"footfall {word}") for line in help_text.splitlines() if line.startswith("footfall"))

    @pytest.mark.parametrize("word", ["settings", "routes"])
    def test_what_the_program_knows_is_printed_as_json_too(self, word: str):
        rows = json.loads(run_command(word, "--json").stdout)
        assert len(rows) > 10
        assert run_command(word).stdout != run_command(word, "--help").stdout

    def test_help_touches_nothing(self, folder: pathlib.Path):
        run_command("site", "add", "--help", data=folder / "data", cwd=folder)
        assert list(folder.iterdir()) == []

    def test_the_version_names_program_commit_and_engine(self):
        done = run_command("--version")
        assert done.returncode == 0
        assert re.search(r"\d+\.\d+\.\d+", done.stdout), done.stdout
        assert re.search(r"\b[0-9a-f]{7,40}\b|unknown", done.stdout), done.stdout
        assert len(re.findall(r"\d+\.\d+", done.stdout)) >= 2, f"no version of the engine: {done.stdout}"


class TestWrongUsage:
    @pytest.mark.parametrize(
        "words",
        [
            ["frobnicate"],
            ["site", "frobnicate"],
            ["site", "add"],
            ["site", "add", "name"],
            ["site", "add", "name", "--domain"],
            ["site", "remove"],
            ["site", "list", "--frobnicate"],
            ["user", "add", "a@b.example", "--role", "emperor"],
            ["user", "add", "a@b.example"],
            ["user", "role", "a@b.example"],
            ["user", "role", "a@b.example", "emperor"],
            ["user", "password"],
            ["user", "password", "a@b.example", "and-a-password"],
            ["user", "link", "a@b.example", "c@d.example"],
            ["key", "create"],
            ["key", "create", "--site", "x"],
            ["key", "create", "--site", "x", "--scope", "everything"],
            ["key", "revoke"],
            ["serve", "--frobnicate"],
            ["serve", "--listen"],
            ["serve", "--listen", "nonsense"],
            ["serve", "--log-format", "xml"],
            ["serve", "--json"],
            ["site", "add", "name", "--domain", "x.example", "--frobnicate"],
            ["site", "add", "name", "--domain", "x.example", "--ip-policy", "keep"],
            ["site", "set"],
            ["site", "set", "x", "--cookieless", "perhaps"],
            ["site", "set", "x", "--ip-policy", "keep"],
            ["settings", "--frobnicate"],
            ["settings", "more"],
            ["routes", "--frobnicate"],
            ["audit", "more"],
            ["backup"],
            ["backup", "a", "b"],
            ["restore"],
            ["restore", "a", "--up-to-date"],
        ],
    )
    def test_is_exit_code_2_and_one_sentence(self, folder: pathlib.Path, words: list[str]):
        fails(run_command(*words, data=folder / "data", stdin=PASSWORD), 2)
        if words[:2] != ["user", "role"]:  # a role that stands alone is judged where the user is
            assert not (folder / "data").exists(), "a wrong command line makes nothing"

    def test_no_command_at_all_prints_what_there_is(self):
        done = run_command()
        assert done.returncode == 2
        assert "serve" in done.stdout + done.stderr

    @pytest.mark.parametrize(
        "wrong, right", [(["site", "list", "--jsn"], "--json"), (["serve", "--lisen", "x"], "--listen")]
    )
    def test_a_misspelt_flag_is_told_the_nearest(self, folder: pathlib.Path, wrong: list[str], right: str):
        assert right in fails(run_command(*wrong, data=folder / "data"), 2)

    @pytest.mark.parametrize(
        "words",
        [
            ["site", "remove", "nobody"],
            ["user", "remove", "no@body.example"],
            ["user", "role", "no@body.example", "viewer"],
            ["user", "password", "no@body.example"],
            ["user", "link", "no@body.example"],
            ["key", "revoke", "nothing"],
            ["key", "create", "--site", "nobody", "--scope", "read"],
        ],
    )
    def test_what_is_not_there_is_exit_code_1(self, data: pathlib.Path, words: list[str]):
        command("site", "add", "x", "--domain", "x.example", data=data)  # so that there is an installation
        assert "--data" not in fails(run_command(*words, data=data, stdin=PASSWORD), 1)

    @pytest.mark.parametrize(
        "words",
        [
            ["audit"],
            ["backup", "backup"],
            ["site", "set", "main", "--name", "x"],
            ["site", "remove", "main"],
            ["user", "role", "a@b.example", "viewer"],
            ["user", "password", "a@b.example"],
            ["user", "remove", "a@b.example"],
            ["key", "create", "--site", "main", "--scope", "read"],
            ["key", "revoke", "x"],
        ],
    )
    def test_what_needs_an_installation_begins_none(self, folder: pathlib.Path, words: list[str]):
        assert "--data" in fails(run_command(*words, data=folder / "typo", stdin=PASSWORD), 1)
        assert not (folder / "typo").exists()

    def test_who_only_looks_begins_none_either(self, folder: pathlib.Path):
        for noun in ("site", "user", "key"):
            done = run_command(noun, "list", data=folder / "typo")
            assert done.returncode == 0 and f"no {noun}s yet" in done.stdout
            assert str(folder / "typo") in done.stderr and "--data" in done.stderr, "whoever mistyped it learns of it"
            assert run_command(noun, "list", "--json", data=folder / "typo").stderr == "", "a program gets its data"
        assert run_command("doctor", data=folder / "typo").stderr == ""
        findings = command("doctor", data=folder / "typo")["findings"]
        assert str(folder / "typo") in findings[0]["what"], "doctor says that there is none yet"
        assert {"cpu", "engine", "disk"} <= {finding["part"] for finding in findings}, "and looks at the machine"
        fails(run_command("audit", data=folder / "typo"), 1)
        assert list(folder.iterdir()) == []

    def test_a_folder_that_cannot_be_made_is_told(self, folder: pathlib.Path):
        (folder / "file").write_text("")
        assert "file" in fails(run_command("site", "list", data=folder / "file" / "data"), 1)


# The same commands beside a running serve and without one.
@pytest.fixture(params=["beside serve", "without serve"])
def data(request: pytest.FixtureRequest, folder: pathlib.Path) -> Any:
    if request.param == "beside serve":
        return request.getfixturevalue("server").data
    return folder / "data"


class TestCatalog:
    def test_a_site_is_added_listed_and_removed(self, data: pathlib.Path):
        made = command("site", "add", "My shop", "--domain", "shop.example", "--timezone", "Europe/Berlin", data=data)
        assert isinstance(made["id"], str) and made["id"]
        [row] = [row for row in command("site", "list", data=data) if row["id"] == made["id"]]
        assert row["domain"] == "shop.example" and row["timezone"] == "Europe/Berlin" and row["name"] == "My shop"
        assert made["id"] in run_command("site", "list", data=data).stdout
        command("site", "remove", made["id"], data=data)
        assert made["id"] not in [row["id"] for row in command("site", "list", data=data)]
        fails(run_command("site", "remove", made["id"], data=data), 1)

    def test_an_id_may_be_chosen_once(self, data: pathlib.Path):
        chosen = f"chosen-{data.parent.name[-6:]}".lower().replace("_", "-")
        assert command("site", "add", "x", "--domain", "x.example", "--id", chosen, data=data)["id"] == chosen
        fails(run_command("site", "add", "x", "--domain", "x.example", "--id", chosen, data=data), 1, 2)

    @pytest.mark.parametrize(
        "flags",
        [
            ["--domain", "x.example", "--timezone", "Mars/Olympus"],
            ["--domain", "not a domain"],
            ["--domain", "x.example:8080"],
            ["--domain", "https://x.example"],
            ["--domain", "x.example", "--id", "a b/c"],
        ],
    )
    def test_what_makes_no_site_is_told(self, data: pathlib.Path, flags: list[str]):
        fails(run_command("site", "add", "x", *flags, data=data), 1, 2)

    def test_a_site_keeps_less_of_its_visitors_from_the_start(self, data: pathlib.Path):
        words = ["site", "add", "x", "--domain", "x.example", "--cookieless", "--ip-policy", "drop"]
        made = command(*words, data=data)
        assert made["cookieless"] is True and made["ip_policy"] == "drop"
        assert made in command("site", "list", data=data)

    def test_a_site_is_changed(self, data: pathlib.Path):
        made = command("site", "add", "old", "--domain", "old.example", data=data)
        assert made["cookieless"] is False and made["ip_policy"] == "truncate"
        changed = command(
            "site", "set", made["id"], "--cookieless", "on", "--ip-policy", "drop", "--domain", "new.example", data=data
        )
        assert changed == made | {"cookieless": True, "ip_policy": "drop", "domain": "new.example"}
        assert changed in command("site", "list", data=data)
        assert re.search(r" on +drop +", run_command("site", "list", data=data).stdout, re.MULTILINE)
        assert command("site", "set", made["id"], "--cookieless=off", data=data)["ip_policy"] == "drop"
        fails(run_command("site", "set", made["id"], "--timezone", "Mars/Olympus", data=data), 2)
        fails(run_command("site", "set", "nobody", "--cookieless", "on", data=data), 1)

    def test_a_user_is_added_listed_and_removed(self, data: pathlib.Path):
        for role in ("owner", "admin", "editor", "viewer"):
            email = f"{role}@team.example"
            command("user", "add", email, "--role", role, data=data, stdin=PASSWORD + "\n")
            [row] = [row for row in command("user", "list", data=data) if row["email"] == email]
            assert row["role"] == role
            assert PASSWORD not in json.dumps(row)
            fails(run_command("user", "add", email, "--role", role, data=data, stdin=PASSWORD), 1)
            command("user", "remove", email, data=data)
            assert email not in [row["email"] for row in command("user", "list", data=data)]

    @pytest.mark.parametrize("email, password", [("nobody", PASSWORD), ("a@b.example", ""), ("a@b.example", "short")])
    def test_what_makes_no_user_is_told(self, data: pathlib.Path, email: str, password: str):
        fails(run_command("user", "add", email, "--role", "viewer", data=data, stdin=password), 1, 2)

    def test_a_user_gets_another_role_password_and_a_link(self, data: pathlib.Path):
        email = "changing@team.example"
        command("user", "add", email, "--role", "viewer", data=data, stdin=PASSWORD)
        assert command("user", "role", email, "admin", data=data) == {"email": email, "role": "admin"}
        [row] = [row for row in command("user", "list", data=data) if row["email"] == email]
        assert row["role"] == "admin"
        assert command("user", "password", email, data=data, stdin="another password\n") == {"email": email}
        fails(run_command("user", "password", email, data=data, stdin="short"), 1, 2)
        link = command("user", "link", email, data=data)
        assert link["purpose"] == "sign_in" and re.fullmatch(r"http://\S+:\d+/sign-in#token=[\w-]{43}", link["url"])
        assert re.search(r"http://\S+/sign-in#token=", run_command("user", "link", email, data=data).stdout)
        command("user", "remove", email, data=data)

    def test_a_secret_is_printed_once(self, data: pathlib.Path):
        site = command("site", "add", "x", "--domain", "x.example", data=data)["id"]
        for scope in ("collect", "read", "admin"):
            made = command("key", "create", "--site", site, "--scope", scope, data=data)
            assert len(made["secret"]) >= 20 and made["id"] != made["secret"]
            listed = run_command("key", "list", "--json", data=data).stdout
            assert made["secret"] not in listed
            assert made["id"] in listed
            command("key", "revoke", made["id"], data=data)
        secret = re.search(
            r"\S{20,}", run_command("key", "create", "--site", site, "--scope", "read", data=data).stdout
        )
        assert secret, "without --json too"

    def test_a_secret_that_is_given_for_an_id_is_not_repeated(self, data: pathlib.Path):
        site = command("site", "add", "x", "--domain", "x.example", data=data)["id"]
        made = command("key", "create", "--site", site, "--scope", "read", data=data)
        # What begins with a dash is a flag.
        for given, told in ((made["secret"], made["id"]), (made["secret"][3:].lstrip("-"), "key list"), ("ff_" + "x" * 40, "key list")):
            error = fails(run_command("key", "revoke", given, data=data), 1)
            assert given not in error and told in error, error
        command("key", "revoke", made["id"], data=data)

    def test_users_are_never_left_without_an_owner(self, folder: pathlib.Path):
        data = folder / "data"
        for email, role in (("ann@team.example", "owner"), ("ben@team.example", "viewer")):
            command("user", "add", email, "--role", role, data=data, stdin=PASSWORD)
        for words in (["role", "ann@team.example", "admin"], ["remove", "ann@team.example"]):
            assert "user role EMAIL owner" in fails(run_command("user", *words, data=data), 1)
        assert {(row["email"], row["role"]) for row in command("user", "list", data=data)} == {
            ("ann@team.example", "owner"),
            ("ben@team.example", "viewer"),
        }
        command("user", "role", "ben@team.example", "owner", data=data)
        command("user", "role", "ann@team.example", "admin", data=data)
        command("user", "remove", "ann@team.example", data=data)
        # Of the last user of all: then it is an installation whose first owner is still to come.
        assert "user link" in run_command("user", "remove", "ben@team.example", data=data).stdout
        assert command("user", "link", data=data)["purpose"] == "setup"

    def test_lists_are_json_also_where_they_are_empty(self, folder: pathlib.Path):
        for noun in ("site", "user", "key"):
            assert command(noun, "list", data=folder / "data") == []


class TestEffect:
    def test_beside_serve_holds_when_the_command_exits(self, server: Server):
        for _ in range(5):
            site = server.add_site()
            site.send(pageview(site.id))
            assert site.ask(metrics=["pageviews"]).status == 200

    def test_without_serve_holds_for_the_next_start(self, start_server: Any):
        server = start_server(ready=False)
        server.close()
        made = [
            command("site", "add", f"site {number}", "--domain", "x.example", data=server.data)["id"]
            for number in range(3)
        ]
        secret = command("key", "create", "--site", made[1], "--scope", "read", data=server.data)["secret"]
        server.start()
        site = Site(server, made[1])
        site.secrets["read"] = secret
        site.send(pageview(site.id))
        site.wait_events(1)

    def test_commands_at_once_wait_for_each_other(self, data: pathlib.Path):
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            made = list(
                pool.map(
                    lambda number: command("site", "add", f"at once {number}", "--domain", "x.example", data=data)[
                        "id"
                    ],
                    range(6),
                )
            )
        assert len(set(made)) == 6
        assert set(made) <= {row["id"] for row in command("site", "list", data=data)}

    def test_a_name_that_drives_terminals_is_printed_harmlessly(self, data: pathlib.Path):
        command("site", "add", "red \x1b[31m alert\x07\n", "--domain", "x.example", data=data)
        shown = run_command("site", "list", data=data).stdout
        assert "\x1b" not in shown and "\x07" not in shown


class TestBackup:
    def test_is_restored_with_its_sites_users_and_keys(self, data: pathlib.Path, folder: pathlib.Path):
        site = command("site", "add", "backed up", "--domain", "x.example", data=data)["id"]
        key = command("key", "create", "--site", site, "--scope", "read", data=data)["id"]
        report = command("backup", str(folder / "backup"), data=data)
        assert report["directory"] == str(folder / "backup") and report["files_copied"] == report["files"] >= 1
        again = command("backup", str(folder / "backup"), data=data)
        assert again["end"] >= report["end"]
        restored = command("restore", str(folder / "backup"), data=folder / "new")
        assert restored["end"] == again["end"] and restored["missing"] is None and restored["has_catalog"] is True
        assert site in {row["id"] for row in command("site", "list", data=folder / "new")}
        assert key in {row["id"] for row in command("key", "list", data=folder / "new")}

    def test_prints_for_people_too(self, data: pathlib.Path, folder: pathlib.Path):
        command("site", "add", "x", "--domain", "x.example", data=data)
        done = run_command("backup", str(folder / "backup"), data=data)
        assert done.returncode == 0 and str(folder / "backup") in done.stdout and done.stderr == "", done
        done = run_command("restore", str(folder / "backup"), data=folder / "new")
        assert done.returncode == 0 and "serve --data" in done.stdout and done.stderr == "", done

    def test_goes_only_where_nothing_else_is(self, data: pathlib.Path, folder: pathlib.Path):
        command("site", "add", "x", "--domain", "x.example", data=data)
        (folder / "full").mkdir()
        (folder / "full" / "letter").write_text("dear")
        assert "not empty" in fails(run_command("backup", str(folder / "full"), data=data), 1)
        assert [path.name for path in (folder / "full").iterdir()] == ["letter"]
        command("backup", str(folder / "backup"), data=data)
        assert "not empty" in fails(run_command("restore", str(folder / "backup"), data=data), 1)
        other = folder / "other"
        command("site", "add", "x", "--domain", "x.example", data=other)
        assert "another installation" in fails(run_command("backup", str(folder / "backup"), data=other), 1)

    def test_what_is_none_is_not_restored(self, folder: pathlib.Path):
        (folder / "empty").mkdir()
        for source in ("empty", "missing"):
            assert "no backup" in fails(run_command("restore", str(folder / source), data=folder / "new"), 1)
        assert not (folder / "new").exists()

    def test_S17_has_no_salt_no_session_and_no_link(self, start_server: Any, folder: pathlib.Path):
        server = start_server()
        site = server.add_site()
        site.send(pageview(site.id))
        with sqlite3.connect(f"file:{server.data}/catalog.db?mode=ro", uri=True) as catalog:
            salts = [row[0] for row in catalog.execute("SELECT salt FROM salts")]
        assert salts
        command("backup", str(folder / "backup"), data=server.data)
        for path in (folder / "backup").rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not any(salt in content for salt in salts), path
                assert path.stat().st_mode & 0o077 == 0, path
        [copied] = (folder / "backup").glob("state-*/catalog.db")
        with sqlite3.connect(f"file:{copied}?mode=ro&immutable=1", uri=True) as catalog:
            for table in ("salts", "sessions", "one_time_tokens"):
                assert catalog.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


class TestAudit:
    def test_has_a_row_for_each_site_and_table(self, data: pathlib.Path):
        site = command("site", "add", "x", "--domain", "x.example", data=data)["id"]
        rows = command("audit", data=data)
        assert site in {row[name] for row in rows for name in row if isinstance(row[name], str)}
        for row in rows:
            assert {"received", "stored", "duplicates", "rejected", "erased", "ok"} <= set(row) and row["ok"] is True
            assert row["received"] == row["stored"] + row["duplicates"] + row["erased"] + row["expired"]
        assert {row["table"] for row in rows if site in row.values()} == {"events", "sessions"}

    def test_counts_the_sessions_that_the_events_make(self, server: Server, site: Site):
        site.send(*[pageview(site.id) for _ in range(3)])
        [row] = [row for row in server.command("audit", "--site", site.id) if row["table"] == "sessions"]
        assert (row["received"], row["stored"], row["ok"]) == (1, 1, True)

    def test_is_equal_while_events_come_in(self, server: Server, site: Site):
        with concurrent.futures.ThreadPoolExecutor(1) as sender:
            stop = threading.Event()

            def send() -> int:
                sent = 0
                while not stop.is_set():
                    sent += site.post([pageview(site.id) for _ in range(50)]).json()["received"]
                return sent

            sending = sender.submit(send)
            for _ in range(3):
                assert all(row["ok"] for row in server.command("audit", "--site", site.id))
            stop.set()
            assert sending.result() > 0

    def test_waits_until_what_was_acknowledged_is_stored(self, server: Server, site: Site):
        site.send(*[pageview(site.id) for _ in range(300)])
        [row] = [row for row in server.command("audit", "--site", site.id) if row["table"] == "events"]
        assert row["received"] == 300 and row["stored"] == 300

    def test_loads_what_a_killed_serve_left_in_the_log(self, start_server: Any):
        server = start_server()
        site = server.add_site()
        site.send(*[pageview(site.id) for _ in range(50)])
        server.kill()
        [row] = [row for row in command("audit", "--site", site.id, data=server.data) if row["table"] == "events"]
        assert (row["received"], row["stored"], row["ok"]) == (50, 50, True)
        server.start()
        site.wait_events(50)

    def test_counts_survive_a_restart(self, start_server: Any):
        server = start_server()
        site = server.add_site()
        event = pageview(site.id)
        site.post([event, event, pageview(site.id, None)])
        before = server.command("audit", "--site", site.id)
        assert server.terminate() == 0
        assert command("audit", "--site", site.id, data=server.data) == before
        server.start()
        assert server.command("audit", "--site", site.id) == before

    def test_prints_for_people_too(self, server: Server, site: Site):
        done = run_command("audit", "--site", site.id, data=server.data)
        assert done.returncode == 0 and site.id in done.stdout

    def test_of_a_site_that_is_not_there_fails(self, data: pathlib.Path):
        fails(run_command("audit", "--site", "nobody", data=data), 1)

    @pytest.mark.parametrize("word", ["audit", "doctor"])
    def test_warns_of_nothing_where_nothing_is_wrong(self, data: pathlib.Path, word: str):
        command("site", "add", "x", "--domain", "x.example", data=data)
        done = run_command(word, data=data)
        assert (done.returncode, done.stderr) == (0, ""), done


class TestDoctor:
    def test_finds_nothing_wrong_with_a_healthy_installation(self, data: pathlib.Path):
        command("site", "add", "x", "--domain", "x.example", data=data)
        done = run_command("doctor", data=data)
        assert done.returncode == 0, done
        json.loads(run_command("doctor", "--json", data=data).stdout)

    def test_says_when_the_last_backup_was_made(self, data: pathlib.Path, folder: pathlib.Path):
        def said(of: pathlib.Path) -> dict[str, Any]:
            findings = json.loads(run_command("doctor", "--json", data=of).stdout)["findings"]
            [finding] = [finding for finding in findings if finding["part"] == "backup"]
            assert finding["ok"] is True
            return finding["what"]

        command("site", "add", "x", "--domain", "x.example", data=data)
        target = folder / "backup"
        assert run_command("backup", str(target), data=data).returncode == 0
        assert str(target) in said(data) and time.strftime("%Y-", time.gmtime()) in said(data)
        assert run_command("restore", str(target), data=folder / "restored").returncode == 0
        assert "none is known" in said(folder / "restored"), "it has no backup of its own yet"


class TestLists:
    SHIPPED = {"bots.json", "sources.json", "referrer_spam.txt", "uap-core", "crawler-user-agents"}

    def test_say_version_licence_and_origin_of_each(self, data: pathlib.Path):
        command("site", "add", "x", "--domain", "x.example", data=data)
        lists = {one["name"]: one for one in command("lists", data=data)}
        assert self.SHIPPED < set(lists), "and the databases of geography, by the names that they have"
        for one in lists.values():
            assert set(one) == {"name", "version", "date", "entries", "licence", "from", "path"}
            assert one["version"] and one["entries"] > 10 and one["licence"] and one["from"], one
        done = run_command("lists", data=data)
        assert done.returncode == 0 and all(name in done.stdout for name in lists)

    def test_are_those_of_this_machine_where_there_is_no_installation(self, folder: pathlib.Path):
        assert self.SHIPPED < {one["name"] for one in command("lists", data=folder / "typo")}
        assert list(folder.iterdir()) == []

    def test_a_file_that_is_replaced_is_taken_up_while_serve_runs(self, start_server: Any, folder: pathlib.Path):
        path = folder / "networks.txt"
        path.write_text("# version: first\n198.51.100.0/24\n")
        server = start_server("--enrich.datacenter_networks", str(path))
        site = server.add_site()

        def version() -> str:
            return next(one["version"] for one in server.command("lists") if one["name"] == "datacenter_networks")

        def send() -> None:
            site.send(pageview(site.id), headers={"X-Forwarded-For": "203.0.113.7"})

        def replace(text: str) -> None:
            (folder / "new.txt").write_text(text)
            (folder / "new.txt").rename(path)

        assert version() == "first"
        send()
        replace("# version: second\n203.0.113.0/24\n")
        wait_until(lambda: version() == "second", 30, "the file is taken up by itself")
        send()
        site.wait_events(2)
        assert site.value("pageviews") == 1, "the second is a data centre's"

        replace("no network\n")
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: server.metric("footfall_enrich_reloads_total", result="failed") == 1, 30, "it was refused")
        assert version() == "second" and str(path) in server.log()
        replace("# version: third\n198.51.100.0/24\n")
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: version() == "third", 30, "a signal asks for it at once")
        send()
        site.wait_events(3)
        assert site.value("pageviews") == 2

    @pytest.mark.parametrize(
        "key, value, told",
        [("enrich.bot_signals", "referer:spam", "referrer:spam"), ("enrich.datacenter_networks", "/none.txt", "/none.txt")],
    )
    def test_a_wrong_setting_is_told_at_the_start(self, folder: pathlib.Path, key: str, value: str, told: str):
        done = run_command("serve", "--listen", "127.0.0.1:0", f"--{key}", value, data=folder / "data")
        assert done.returncode in (1, 2) and told in done.stderr, done


class TestSettings:
    def listening(self, port: int) -> bool:
        try:
            return request(port, "GET", "/healthz").status == 200
        except OSError:
            return False

    def test_flags_beat_the_environment_and_that_beats_the_file(self, start_server: Any, folder: pathlib.Path):
        ports = [free_port() for _ in range(2)]
        config = folder / "footfall.toml"
        config.write_text(f'[http]\nlisten = "127.0.0.1:{ports[0]}"\n')
        server = start_server("--config", str(config), env={"FOOTFALL_HTTP_LISTEN": f"127.0.0.1:{ports[1]}"})
        assert [self.listening(port) for port in (*ports, server.port)] == [False, False, True]

    def test_the_environment_alone_is_enough(self, start_server: Any):
        port = free_port()
        start_server(port=port, env={"FOOTFALL_HTTP_LISTEN": f"127.0.0.1:{port}"})

    def test_the_file_alone_is_enough(self, start_server: Any, folder: pathlib.Path):
        port = free_port()
        config = folder / "footfall.toml"
        config.write_text(f'[http]\nlisten = "127.0.0.1:{port}"\n')
        start_server("--config", str(config), port=port)

    def test_a_server_that_listens_everywhere_tells_an_address_that_a_browser_can_open(self, start_server: Any):
        port = free_port()
        server = start_server("--listen", f":{port}", port=port)
        told = server.log_path.with_suffix(".out")
        # It may be ready before it says where.
        wait_until(lambda: len(re.findall(r"http://\S+", told.read_text())) == 2, 10, "both links are told")
        links = re.findall(r"http://\S+", told.read_text())
        assert all(link.startswith(f"http://localhost:{port}") for link in links), links

    def test_a_file_names_the_installation_for_commands(self, folder: pathlib.Path):
        config = folder / "footfall.toml"
        config.write_text(f'[data]\ndir = "{folder / "data"}"\n')
        made = command("site", "add", "x", "--domain", "x.example", "--config", str(config))["id"]
        assert made in [row["id"] for row in command("site", "list", data=folder / "data")]

    @pytest.mark.parametrize(
        "content, near", [('[http]\nlistn = "x"\n', "http.listen"), ('[htp]\nlisten = "x"\n', "http.listen")]
    )
    def test_an_unknown_key_of_the_file_is_an_error_with_the_nearest(
        self, folder: pathlib.Path, content: str, near: str
    ):
        (folder / "footfall.toml").write_text(content)
        assert near in fails(
            run_command("serve", "--config", str(folder / "footfall.toml"), data=folder / "data", limit_s=20), 1, 2
        )

    @pytest.mark.parametrize(
        "variable, near",
        [
            ("FOOTFALL_HTTP_LISTN", "http.listen"),
            ("FOOTFALL_QUREY_TIMEOUT_MS", "query.timeout_ms"),
            ("FOOTFALL_FOO_BAR", "foo.bar"),
        ],
    )
    def test_an_unknown_key_of_the_environment_too(self, folder: pathlib.Path, variable: str, near: str):
        for words in (["serve"], ["site", "list"]):
            told = fails(run_command(*words, data=folder / "data", env={variable: "127.0.0.1:1"}, limit_s=20), 2)
            assert variable in told and near in told
        assert not (folder / "data").exists()
        assert run_command("site", "list", "--help", env={variable: "x"}).returncode == 0

    def test_variables_of_others_are_left_alone(self, folder: pathlib.Path):
        others = {"FOOTFALL_BINARY": "x", "FOOTFALL_SERVICE_HOST": "10.0.0.7", "FOOTFALL_PORT_8080_TCP_PORT": "8080"}
        done = run_command("site", "list", "--json", data=folder / "data", env=others)
        assert (done.returncode, done.stderr) == (0, ""), done

    def test_a_query_ends_at_its_timeout_which_has_a_unit(self, start_server: Any):
        server = start_server("--query.timeout", "250ms")
        site = server.add_site()
        site.key("read")
        site.send(pageview(site.id))
        site.wait_events(1)
        child = server.store_child()
        assert child is not None
        os.kill(child, signal.SIGSTOP)
        started = time.monotonic()
        answer = site.ask(metrics=["pageviews"])
        took = time.monotonic() - started
        os.kill(child, signal.SIGCONT)
        assert answer.status == 504 and took < 10, (answer, took)

    @pytest.mark.parametrize(
        "content",
        [
            "[http]\nlisten = 5\n",
            "[http\n",
            'listen = "x"\n',
            '[http]\nlisten = "nonsense"\n',
            '[http]\nlisten = "127.0.0.1:99999"\n',
            '[http]\ntrusted_proxies = "my-proxy"\n',
        ],
    )
    def test_a_value_that_makes_no_sense_is_an_error(self, folder: pathlib.Path, content: str):
        (folder / "footfall.toml").write_text(content)
        assert run_command(
            "serve", "--config", str(folder / "footfall.toml"), data=folder / "data", limit_s=20
        ).returncode in (1, 2)
        assert not (folder / "data").exists()

    def test_a_file_that_is_not_there_is_told(self, folder: pathlib.Path):
        assert "missing.toml" in fails(
            run_command("serve", "--config", str(folder / "missing.toml"), data=folder / "data", limit_s=20), 1, 2
        )

    def test_an_address_in_use_is_told(self, start_server: Any, server: Server, folder: pathlib.Path):
        done = run_command("serve", "--listen", f"127.0.0.1:{server.port}", data=folder / "other", limit_s=30)
        assert done.returncode == 1, done
        assert str(server.port) in fails(done, 1)
        assert not (folder / "other").exists(), "nothing is made for a server that cannot be"
