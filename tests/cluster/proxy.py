"""What stands between a role and an engine and makes trouble: a proxy of TCP whose links become slow, thin, cut or dead, for connections that
are there and new ones, and one of HTTP that answers as a ClickHouse server does which refuses."""

import http.client
import http.server
import random
import re
import select
import socket
import threading
import time
import urllib.parse


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


class RefusingStore:
    """The store, by HTTP. With a `fault` it is told nothing of what a ClickHouse server would refuse, which is answered as such a server does
    (status, code and words of ClickHouse's HTTPHandler and ErrorCodes): the embedded engine has neither users nor Keeper.

    "read-only": a replica that has lost Keeper answers questions and takes nothing; "wrong password": nobody is let in."""

    REFUSALS = {
        "read-only": (500, 242, "Table is in readonly mode (replica path: /clickhouse/tables/footfall/events/replicas/1). (TABLE_IS_READ_ONLY)"),
        "wrong password": (403, 516, "footfall: Authentication failed: password is incorrect, or there is no user with such name. "
                                     "(AUTHENTICATION_FAILED)"),
    }

    def __init__(self, to: int):
        self.fault = ""
        self.refused: list[str] = []  # the first word of each statement
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def carry(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                fault = store.fault
                word = first_word(self.path, self.headers.get("Content-Type", ""), body)
                if word and (fault == "wrong password" or (fault == "read-only" and word not in READING)):
                    store.refused.append(word)
                    self.refuse(*store.REFUSALS[fault])
                    return
                connection = http.client.HTTPConnection("127.0.0.1", to, timeout=120)
                try:
                    connection.request(self.command, self.path, body, dict(self.headers))
                    answer = connection.getresponse()
                    content = answer.read()
                except (OSError, http.client.HTTPException):
                    self.close_connection = True  # as the store's own death looks
                    return
                finally:
                    connection.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def refuse(self, status: int, code: int, words: str) -> None:
                content = f"Code: {code}. DB::Exception: {words} (version 25.8.1.1)\n".encode()
                self.send_response(status)
                self.send_header("X-ClickHouse-Exception-Code", str(code))
                self.send_header("Content-Type", "text/plain; charset=UTF-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = carry

        class Listener(http.server.ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> "RefusingStore":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


READING = ("(", "DESCRIBE", "EXPLAIN", "SELECT", "SHOW", "WITH")


def first_word(target: str, content_type: str, body: bytes) -> str:
    """Of a statement, which stands in the URL, in the body or in a field of a form; empty where there is none, as of /ping."""
    sql = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query).get("query", [""])[0]
    if not sql:
        if content_type.startswith("multipart/form-data"):
            body = body.partition(b'name="query"\r\n\r\n')[2]
        sql = body[:4_096].decode(errors="replace")
    found = re.match(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(\(|\w*)", sql, re.DOTALL)
    return found[1].upper() if found else ""
