"""Children that die: killed after a time, or before their n-th file call (kill_at_call.c)."""

import atexit
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile


@functools.cache
def _shim():
    folder = tempfile.mkdtemp(prefix="footfall-shim-")
    atexit.register(shutil.rmtree, folder)
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kill_at_call.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", f"{folder}/shim.so", source, "-ldl"], check=True)
    return f"{folder}/shim.so"


def run_child(script, arguments, kill_after=None, kill_at=None, calls="rename", note="/dev/null"):
    """Runs `script` with `arguments`, killed after seconds or before its n-th call; True if it was killed."""
    environment = dict(os.environ)
    if kill_at:
        environment |= {"LD_PRELOAD": _shim(), "KILL_AT": str(kill_at), "KILL_CALLS": calls, "KILL_NOTE": note}
    process = subprocess.Popen([sys.executable, script, *map(str, arguments)], env=environment)
    try:
        process.wait(kill_after if kill_after else 120)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"the child ended with {process.returncode}")
    return process.returncode != 0
