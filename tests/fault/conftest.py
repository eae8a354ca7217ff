import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support.fixtures import *  # noqa: E402, F401, F403: fixtures and hooks are found by their names in this module

import os  # noqa: E402
import random  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402

from small_disk import why_not  # noqa: E402
from support import fixtures  # noqa: E402


@pytest.fixture
def seed() -> int:
    """Of everything random in a test; printed, and FAULT_SEED= gives it again."""
    value = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nFAULT_SEED={value}")
    return value


def pytest_configure(config: pytest.Config) -> None:
    fixtures.pytest_configure(config)
    config.addinivalue_line("markers", "disk(kind): needs a disk that this machine lets a test mount")


def why_not_run(item: pytest.Item) -> str | None:
    mark = item.get_closest_marker("disk")
    return why_not(mark.kwargs["kind"]) if mark else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where nobody may mount, as in most containers, the tests of real disks are left out, and told below; what needs
    no right stands for them."""
    left_out = [item for item in items if why_not_run(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for item in terminalreporter.stats.get("deselected", []):
        if reason := why_not_run(item):
            terminalreporter.write_line(f"NOT RUN: {item.name}: {reason}", yellow=True)
