import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support.fixtures import *  # noqa: E402, F401, F403: fixtures and hooks are found by their names in this module
