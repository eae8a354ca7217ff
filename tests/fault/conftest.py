import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support.fixtures import *  # noqa: E402, F401, F403: fixtures and hooks are found by their names in this module

import os  # noqa: E402
import random  # noqa: E402

import pytest  # noqa: E402


@pytest.fixture
def seed() -> int:
    """Of everything random in a test; printed, and FAULT_SEED= gives it again."""
    value = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nFAULT_SEED={value}")
    return value
