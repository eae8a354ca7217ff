"""The event store behind the product's back, over its own socket: for what nothing in the product would do or show."""

import http.client
import os
import pathlib
import socket
import urllib.parse

from support.server import Server


class StoreConnection(http.client.HTTPConnection):
    """HTTP over the store's unix socket. The path may be longer than the kernel's limit, so it is reached through its folder."""

    def __init__(self, path: pathlib.Path):
        super().__init__("store")
        self.path = path

    def connect(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.connect(f"/proc/self/fd/{folder}/{self.path.name}")
        finally:
            os.close(folder)


def store(server: Server, sql: str) -> str:
    connection = StoreConnection(pathlib.Path(server.data) / "store.sock")
    connection.request("POST", "/?" + urllib.parse.urlencode({"mutations_sync": "1"}), sql.encode())
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status == 200, text
    return text
