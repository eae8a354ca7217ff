"""pytest fixtures of the black-box suites; a suite's conftest.py imports them."""

import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator

import pytest

from support.server import Server, Site


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: of the half that takes long (CLUSTER_TEST=all)")
    config.addinivalue_line("markers", "alone: measures how soon or how much, so that scripts/test runs nothing beside it")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Fixtures ask `failed` of their request's node at the end: what failed keeps its data and logs."""
    outcome = yield
    if outcome.get_result().failed:
        item.footfall_failed = True
        for node in item.listchain():
            node.footfall_failed = True


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Iterator[pathlib.Path]:
    """A new folder, outside of pytest's own numbered ones, which are kept for long and would hold many stores."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="footfall-test-"))
    yield path
    if getattr(request.node, "footfall_failed", False) or os.environ.get("FOOTFALL_TEST_KEEP"):
        print(f"\nkept: {path}")
    else:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start_server(folder: pathlib.Path) -> Iterator[Callable[..., Server]]:
    """start_server(*flags, env=…, log_format=…, ready=True): a server of this test's own. Several may be started, each
    in its folder."""
    servers: list[Server] = []

    def start(*flags: str, ready: bool = True, **options: object) -> Server:
        path = folder / f"server-{len(servers)}"
        path.mkdir()
        server = Server(path, *flags, **options)
        servers.append(server)
        server.spawn()
        return server.wait_ready() if ready else server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server that tests share; each takes a site of its own. A test that stops or configures one starts its own."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="footfall-test-"))
    shared = Server(path)
    try:
        yield shared.start()
    finally:
        shared.close()
        if getattr(request.session, "footfall_failed", False) or os.environ.get("FOOTFALL_TEST_KEEP"):
            print(f"\nkept: {path}")
        else:
            shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def site(server: Server) -> Site:
    """A new site of the shared server, in UTC."""
    return server.add_site()
