"""S20: what a release is made of, what it opens to the world, and how hard it is."""

import json
import os
import pathlib
import re
import shutil
import subprocess
from typing import Any

import pytest

from support.server import ROOT, Server, binary, group_members, run_command

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
UNITS = ROOT / "deploy" / "systemd"
ROLES = ("gateway", "collect", "process", "load", "query", "report")


def check_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"{path.name} says otherwise; where it is meant, UPDATE_GOLDEN=1 writes it anew"


def bill_of_materials() -> dict[str, Any]:
    done = subprocess.run([ROOT / "scripts" / "sbom"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listeners(pids: list[int]) -> list[str]:
    """Sockets that processes listen on: "tcp ADDRESS:PORT" as the kernel writes them, or "unix PATH"."""
    held = set()
    for pid in pids:
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                held.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
            except FileNotFoundError:
                continue
    found = []
    for family in ("tcp", "tcp6", "udp", "udp6"):
        for line in pathlib.Path(f"/proc/net/{family}").read_text().splitlines()[1:]:
            fields = line.split()
            # TCP's state 0A is LISTEN; a bound UDP socket takes what comes.
            if fields[9] in held and (family.startswith("udp") or fields[3] == "0A"):
                found.append(f"{family} {fields[1]}")
    for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        # The flag is that of listen(2).
        if fields[6] in held and int(fields[3], 16) & 0x10000:
            found.append(f"unix {fields[7] if len(fields) > 7 else ''}")
    return sorted(found)


def test_S20_the_routes_are_those_of_the_golden_file():
    """One more is a decision, and who may use it another; here they are seen."""
    check_golden("routes.txt", run_command("routes").stdout)


def test_S20_it_listens_where_it_was_told_and_nowhere_else(start_server: Any):
    server: Server = start_server()
    site = server.add_site()
    site.send({"type": "pageview", "tracking_id": site.id, "data": {"page": "/"}})
    site.wait_events(1)
    port = f"tcp 0100007F:{server.port:04X}"
    assert server.store_child() is not None
    found = [line.replace(str(server.data), "DATA").replace(port, "tcp 127.0.0.1:http.listen")
             for line in listeners(group_members(server.pid))]
    check_golden("listeners.txt", "\n".join(found) + "\n")


def test_S20_the_program_is_hardened():
    """As CMakeLists.txt asks for; the compilers of distributions differ in what they do by themselves."""
    def readelf(*flags: str) -> str:
        return subprocess.run(["readelf", "--wide", *flags, binary()], capture_output=True, text=True, check=True).stdout

    assert re.search(r"Type:\s+DYN", readelf("--file-header")), "position-independent"
    segments = readelf("--program-headers")
    stack = re.search(r"GNU_STACK(?:\s+0x[0-9a-f]+)+\s+(\S+)\s", segments)
    assert stack and "E" not in stack[1], "no code on the stack"
    assert "GNU_RELRO" in segments
    assert not re.search(r"LOAD(?:\s+0x[0-9a-f]+)+\s+RWE", segments), "nothing is both written and run"
    dynamic = readelf("--dynamic")
    assert "BIND_NOW" in dynamic and "PIE" in dynamic
    assert not re.search(r"\((?:RPATH|RUNPATH)\)", dynamic), "libraries come from the system alone"
    imported = readelf("--dyn-syms")
    assert "__stack_chk_fail" in imported, "stack protector"
    assert re.search(r"\b__\w+_chk\b", imported), "FORTIFY"
    assert "__glibcxx_assert_fail" in imported, "_GLIBCXX_ASSERTIONS"


def unit_settings(unit: pathlib.Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE))


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.name)
def test_S20_each_unit_runs_it_confined_and_not_as_root(unit: pathlib.Path):
    settings = unit_settings(unit)
    assert settings.get("DynamicUser") == "yes" or settings.get("User") == "footfall"
    assert settings.get("User") not in ("root", "0")
    assert settings["CapabilityBoundingSet"] == "" and settings["NoNewPrivileges"] == "yes"
    assert settings["ProtectSystem"] == "strict"
    if shutil.which("systemd-analyze") is None:
        print("left out: its score, for want of systemd-analyze")
        return
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=25", str(unit)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr


def test_the_units_confine_a_role_as_they_do_the_whole():
    """What they say of the kernel and the file system is the same."""
    def confinement(name: str) -> list[str]:
        text = (UNITS / name).read_text().partition("\n# What it sees\n")[2]
        return [line for line in text.splitlines() if "=" in line and not line.startswith("#")]

    assert len(confinement("footfall.service")) > 20
    assert confinement("footfall@.service") == confinement("footfall.service")


def test_the_unit_of_a_role_starts_it_again_and_lets_it_end():
    settings = unit_settings(UNITS / "footfall@.service")
    assert settings["Restart"] == "always" and settings["StartLimitIntervalSec"] == "0"
    assert int(settings["RestartSec"]) < int(settings["RestartMaxDelaySec"]) and int(settings["RestartSteps"]) > 1
    source = (ROOT / "src/app/cluster/run_role.cc").read_text()
    [grace] = re.findall(r"kStopGraceMs = ([\d']+);", source)
    assert int(settings["TimeoutStopSec"]) * 1_000 >= int(grace.replace("'", "")) + 5_000


@pytest.mark.parametrize("role", ROLES)
def test_the_unit_of_a_role_gives_it_what_it_takes(role: str, folder: pathlib.Path):
    """Up to the first thing that the settings have to say: where the catalog is."""
    settings = unit_settings(UNITS / "footfall@.service")
    program, *words = settings["ExecStart"].replace("%i", role).split()
    assert program == "/usr/local/bin/footfall" and words[0] == role
    state = settings["StateDirectory"].replace("%i", role)
    assert words[words.index("--data") + 1] == f"/var/lib/{state}"
    config = folder / "footfall.toml"
    config.write_text("")
    places = {"/etc/footfall/footfall.toml": str(config), f"/var/lib/{state}": str(folder / "data")}
    assert places.keys() <= set(words)
    done = run_command(*(places.get(word, word) for word in words), env={"FOOTFALL_HTTP_LISTEN": "127.0.0.1:0"})
    assert done.returncode == 2 and "catalog.url" in done.stderr, done.stderr


def test_S20_every_package_is_pinned_and_has_a_hash():
    """What else could be fetched, and by whom, is a rule of scripts/tidy ("download")."""
    manifest = json.loads((ROOT / "package.json").read_text())
    for name, version in (manifest["dependencies"] | manifest["devDependencies"]).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+(?:-[\w.]+)?", version), f"{name}: {version} is a range"
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for path, package in lock.items():
        assert not path or package["integrity"].startswith("sha512-"), path
        assert not package.get("link"), path
    install = (ROOT / "scripts" / "install").read_text()
    assert "npm ci --ignore-scripts" in install and "sha256sum --check" in install
    named = {line.split()[1] for line in (ROOT / "scripts" / "libchdb.sha256").read_text().splitlines()}
    assert named == {"node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"}


def test_S20_the_bill_of_materials_has_every_package_with_its_version_licence_and_hash():
    document = bill_of_materials()
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    assert document == bill_of_materials(), "it is the same each time"
    components = {component["purl"]: component for component in document["components"]}
    assert len(components) == len(document["components"])
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    npm = [purl for purl in components if purl.startswith("pkg:npm/")]
    assert len(npm) == len(lock) - 1
    for purl in npm:
        (digest,) = components[purl]["hashes"]
        assert digest["alg"] == "SHA-512" and len(digest["content"]) == 128, purl
    needed = [component for component in components.values() if component["scope"] == "required"]
    assert {"sqlite3", "ssl", "simdjson"} <= {component["name"].removeprefix("lib").removesuffix("-dev") for component in needed}
    for component in needed:
        assert component["version"] and component["licenses"], component
