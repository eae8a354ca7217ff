"""scripts/update-lists, from files as the providers publish them: what comes out, and what must not replace what is there."""

import json
import pathlib
import subprocess

import pytest

from support.server import ROOT

PUBLISHED = {
    "aws.json": json.dumps(
        {
            "prefixes": [
                {"ip_prefix": "198.51.100.0/25", "service": "EC2"},
                {"ip_prefix": "198.51.100.128/25", "service": "EC2"},
                {"ip_prefix": "192.0.2.0/24", "service": "CLOUDFRONT"},
            ],
            "ipv6_prefixes": [{"ipv6_prefix": "2001:db8:1::/48", "service": "EC2"}],
        }
    ),
    "google.json": json.dumps({"prefixes": [{"ipv4Prefix": "203.0.113.0/26"}, {"ipv6Prefix": "2001:db8:2::/48"}]}),
    "oracle.json": json.dumps({"regions": [{"cidrs": [{"cidr": "203.0.113.64/26"}]}]}),
    "digitalocean.csv": "203.0.113.128/26,NL,NL-NH,Amsterdam,\n",
    "linode.csv": "# a geofeed\n203.0.113.192/27,US,US-NJ,Newark,\n",
    "spammers.txt": "spam.example\nBad.example\n\nspam.example\n",
}


@pytest.fixture
def published(tmp_path: pathlib.Path) -> pathlib.Path:
    for name, text in PUBLISHED.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def update(folder: pathlib.Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [ROOT / "scripts/update-lists", "--from", folder, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def entries(path: pathlib.Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def test_networks_of_all_providers_are_put_together(published: pathlib.Path):
    done = update(published, "networks", published / "out.txt")
    assert done.returncode == 0, done
    assert entries(published / "out.txt") == [
        "198.51.100.0/24",
        "203.0.113.0/25",
        "203.0.113.128/26",
        "203.0.113.192/27",
        "2001:db8:1::/48",
        "2001:db8:2::/48",
    ]
    assert "# version: 20" in (published / "out.txt").read_text(encoding="utf-8")


def test_spam_is_sorted_and_without_repetitions(published: pathlib.Path):
    done = update(published, "spam", published / "out.txt")
    assert done.returncode == 0, done
    assert entries(published / "out.txt") == ["bad.example", "spam.example"]


@pytest.mark.parametrize(
    "name, text",
    [
        ("aws.json", "<html>"),
        ("aws.json", "{}"),
        ("google.json", '{"prefixes": []}'),
        ("oracle.json", '{"regions": [{"cidrs": [{"cidr": "300.0.0.0/8"}]}]}'),
        ("linode.csv", ""),
        ("digitalocean.csv", None),
    ],
)
def test_what_is_not_what_it_was_leaves_the_file_alone(published: pathlib.Path, name: str, text: str | None):
    out = published / "out.txt"
    out.write_text("192.0.2.0/24\n", encoding="utf-8")
    if text is None:
        (published / name).unlink()
    else:
        (published / name).write_text(text, encoding="utf-8")
    done = update(published, "networks", out)
    assert done.returncode == 1 and done.stderr.startswith(f"update-lists: {name}: "), done
    assert entries(out) == ["192.0.2.0/24"]


def test_a_list_that_would_lose_most_of_itself_is_not_written(published: pathlib.Path):
    out = published / "out.txt"
    out.write_text("".join(f"host-{number}.example\n" for number in range(5)), encoding="utf-8")
    done = update(published, "spam", out)
    assert done.returncode == 1 and "instead of 5" in done.stderr, done
    assert len(entries(out)) == 5
    (published / "spammers.txt").write_text("not a host\n", encoding="utf-8")
    assert update(published, "spam", published / "new.txt").returncode == 1
    assert not (published / "new.txt").exists()
