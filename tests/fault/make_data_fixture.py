#!/usr/bin/env python3
"""Makes tests/fault/data_folders/VERSION-clean.tar.xz and VERSION-crashed.tar.xz: small data folders as this release
leaves them, for R15 of the releases to come. Run it once for a release, with its program in FOOTFALL_BINARY.

What is made again by a start (the store, the spare segment, the reserve) is left out. `contents.json` in the archive says
what a release must find.
"""

import io
import json
import pathlib
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support.events import custom, now_ms, pageview  # noqa: E402
from support.server import Server, run_command  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent / "data_folders"
LEFT_OUT = {"store", "spare", "reserve", "lock", "control.sock", "store.sock"}
PASSWORD = "a password of a test"


def fill(server: Server) -> dict[str, object]:
    site = server.add_site(timezone="Europe/Berlin", site_id="fixture")
    server.command("user", "add", "owner@site.example", "--role", "owner", stdin=PASSWORD)
    at = now_ms() - 60_000
    for page in ("/a", "/b", "/c"):
        site.send(*(pageview(site.id, page, timestamp=at + number) for number in range(10)))
    site.send(custom(site.id, "signup", properties={"plan": "pro"}))
    repeated = pageview(site.id, "/a")
    site.send(repeated)
    assert site.send(repeated)["duplicates"] == 1
    return {
        "site": site.id,
        "read_key": site.key("read"),
        "user": "owner@site.example",
        "pageviews": {"/a": 11, "/b": 10, "/c": 10},
        "events": 32,
        "received": 33,
    }


def pack(data: pathlib.Path, contents: dict[str, object], to: pathlib.Path) -> None:
    with tarfile.open(to, "w:xz", preset=9) as archive:

        def keep(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            return None if pathlib.PurePath(entry.name).name in LEFT_OUT else entry

        archive.add(data, "data", filter=keep)
        text = json.dumps(contents).encode()
        entry = tarfile.TarInfo("contents.json")
        entry.size, entry.mtime = len(text), int(time.time())
        archive.addfile(entry, io.BytesIO(text))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    version = run_command("--version").stdout.split()[1]
    for end in ("clean", "crashed"):
        with tempfile.TemporaryDirectory(prefix="footfall-test-") as folder:
            server = Server(pathlib.Path(folder), "--log.segment_bytes", str(1 << 20))
            try:
                contents = fill(server.start()) | {"version": version}
                server.terminate() if end == "clean" else server.kill()
                pack(server.data, contents, FOLDER / f"{version}-{end}.tar.xz")
            finally:
                server.close()


if __name__ == "__main__":
    main()
