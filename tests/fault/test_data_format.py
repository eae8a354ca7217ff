"""R15: data folders of earlier releases, clean and crashed, open; one that a newer release used is refused with not one
byte changed."""

import json
import os
import pathlib
import shutil
import sqlite3
import struct
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from make_data_fixture import FOLDER, PASSWORD
from support.events import pageview
from support.server import Server, Site, command, run_command

FOLDERS = sorted(FOLDER.glob("*.tar.xz"))


def unpack(archive: pathlib.Path, to: pathlib.Path) -> dict[str, Any]:
    with tarfile.open(archive) as packed:
        packed.extractall(to)
    return json.loads((to / "contents.json").read_text())


def test_R15_there_are_folders_of_both_ends():
    ends = {path.name.removesuffix(".tar.xz").rpartition("-")[2] for path in FOLDERS}
    assert ends == {"clean", "crashed"}


@pytest.mark.parametrize("archive", FOLDERS, ids=lambda path: path.name.removesuffix(".tar.xz"))
def test_R15_a_folder_of_an_earlier_release_opens_and_goes_on(archive: pathlib.Path, start_server: Any):
    server: Server = start_server(ready=False)
    server.close()
    shutil.rmtree(server.data, ignore_errors=True)
    contents = unpack(archive, server.folder)
    server.start()
    site = Site(server, contents["site"])
    site.secrets["read"] = contents["read_key"]
    site.wait_events(contents["events"])
    assert site.table("page", "pageviews") == contents["pageviews"]
    [events] = [row for row in server.command("audit", "--site", site.id) if row["table"] == "events"]
    assert events["ok"] and events["received"] == contents["received"] and events["stored"] == contents["events"]
    assert [row["email"] for row in server.command("user", "list")] == [contents["user"]]
    sign_in = {"email": contents["user"], "password": PASSWORD}
    headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{server.port}"}
    assert server.request("POST", "/api/v1/session", sign_in, headers).status == 200
    site.send(pageview(site.id, "/new"))
    site.wait_events(contents["events"] + 1)
    assert server.terminate() == 0
    assert all(row["ok"] for row in command("audit", data=server.data))


def crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def change_format(data: pathlib.Path, **members: Any) -> None:
    path = data / "format"
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


def raise_block(path: pathlib.Path, size: int) -> None:
    """The version in a block of the log, with its CRC right."""
    content = bytearray(path.read_bytes())
    content[4:8] = struct.pack("<I", 2)
    content[size - 4 : size] = struct.pack("<I", crc32c(bytes(content[: size - 4])))
    path.write_bytes(content)


def add_migration(data: pathlib.Path) -> None:
    with sqlite3.connect(data / "catalog.db") as catalog:
        catalog.execute("INSERT INTO schema_migrations (name) VALUES ('0999-later.sql')")
    catalog.close()


NEWER: dict[str, tuple[Callable[[pathlib.Path], None], str]] = {
    "format": (lambda data: change_format(data, footfall_data=2, written_by="9.8.7"), "9.8.7"),
    "catalog": (lambda data: change_format(data, catalog="0999-later.sql", written_by="9.8.7"), "9.8.7"),
    "store": (lambda data: change_format(data, store="0999-later.sql", written_by="9.8.7"), "9.8.7"),
    # By an unknown hand, or copied together: the parts say it too.
    "log": (lambda data: raise_block(data / "log" / "log.meta", 48), "log.meta"),
    "segment": (lambda data: raise_block(max((data / "log").glob("*.segment")), 64), ".segment"),
    "migration": (add_migration, "0999-later.sql"),
}


def tree(folder: pathlib.Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            path.lstat().st_ctime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [folder, *sorted(folder.rglob("*"))]
    }


@pytest.mark.parametrize("part", NEWER)
@pytest.mark.parametrize("archive", FOLDERS, ids=lambda path: path.name.removesuffix(".tar.xz"))
def test_R15_a_folder_of_a_newer_release_is_refused_with_not_one_byte_changed(
    archive: pathlib.Path, part: str, folder: pathlib.Path
):
    unpack(archive, folder)
    data = folder / "data"
    make_newer, told = NEWER[part]
    make_newer(data)
    before = tree(data)
    for words in (
        ["serve", "--listen", "127.0.0.1:0"],
        ["site", "add", "x", "--domain", "x.example"],
        ["site", "list"],
        ["user", "add", "a@b.example", "--role", "viewer"],
        ["key", "create", "--site", "fixture", "--scope", "read"],
        ["audit"],
        ["doctor"],
        ["backup", str(folder / "backup")],
        ["restore", str(folder / "backup")],
    ):
        done = run_command(*words, data=data, stdin=PASSWORD)
        assert done.returncode == 1, f"{words}: {done}"
        if words[0] != "restore":  # which only says that the folder is not empty
            assert told in done.stderr and ("newer" in done.stderr or "9.8.7" in told), done
        assert tree(data) == before, f"{words} changed something"
    assert not (folder / "backup").exists()


def test_R15_a_folder_from_before_the_format_was_written_opens(folder: pathlib.Path):
    unpack(FOLDERS[0], folder)
    data = folder / "data"
    (data / "format").unlink()
    assert command("site", "list", data=data)[0]["id"] == "fixture"
    told = json.loads((data / "format").read_text())
    assert told["footfall_data"] == 1 and told["written_by"] in run_command("--version").stdout


def test_R15_a_format_that_is_not_readable_is_told(folder: pathlib.Path):
    unpack(FOLDERS[0], folder)
    data = folder / "data"
    (data / "format").write_text("?")
    before = tree(data)
    done = run_command("site", "list", data=data)
    assert done.returncode == 1 and str(data / "format") in done.stderr
    assert tree(data) == before
    os.unlink(data / "format")
    command("site", "list", data=data)
