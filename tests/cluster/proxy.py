"""A proxy of TCP whose links become slow, thin, cut or dead, for connections that are there and new ones."""

import random
import select
import socket
import threading
import time


class Proxy:
    """`fault`: "" passes everything; "slow" holds each piece for 0 to 1,000 ms; "thin" lets 10 kB a second through; "reset" cuts what is open and
    what comes; "half-open" takes and swallows everything."""

    def __init__(self, to: int):
        self.to = to
        self.fault = ""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self) -> "Proxy":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.listener.close()

    def serve(self) -> None:
        while not self.ending.is_set():
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near: socket.socket) -> None:
        try:
            if self.fault == "reset":
                self.cut(near)
                return
            far = socket.create_connection(("127.0.0.1", self.to), timeout=10)
        except OSError:
            near.close()
            return
        other = {near: far, far: near}
        try:
            while not self.ending.is_set():
                if self.fault == "reset":
                    self.cut(near)
                    self.cut(far)
                    return
                readable, _, _ = select.select([near, far], [], [], 0.05)
                for source in readable:
                    data = source.recv(1_000 if self.fault == "thin" else 65_536)
                    if not data:
                        return
                    if self.fault == "half-open":
                        continue
                    if self.fault == "slow":
                        time.sleep(random.random())
                    if self.fault == "thin":
                        time.sleep(len(data) / 10_000)
                    other[source].sendall(data)
        except OSError:
            pass
        finally:
            near.close()
            far.close()

    @staticmethod
    def cut(end: socket.socket) -> None:
        """With a RST, as a firewall does."""
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        end.close()
