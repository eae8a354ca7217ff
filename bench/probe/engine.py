"""The ClickHouse library (libchdb) by ctypes, as far as the probes need it: connect, query, insert in Native format.

Shared by all probes so that each runs the engine with the same settings, those of a 1 GiB machine
(docs: limits, section 4). Nothing here is thread-safe: a connection runs one statement at a time.
"""

import ctypes
import os
import pathlib
import struct
import sys
import time

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]

SMALL_MACHINE = {
    "max_server_memory_usage": 600000000, "max_memory_usage": 350000000,
    "max_bytes_before_external_group_by": 120000000, "max_bytes_before_external_sort": 120000000,
    "mark_cache_size": 33554432, "primary_index_cache_size": 33554432, "index_mark_cache_size": 8388608,
    "uncompressed_cache_size": 0, "mmap_cache_size": 0, "compiled_expression_cache_size": 16777216,
    "background_pool_size": 1, "max_thread_pool_size": 200, "max_thread_pool_free_size": 10, "max_threads": 2,
    "max_insert_threads": 1, "max_block_size": 8192,
    # A repeated query is answered partly from this cache; a measurement must not be.
    "use_query_condition_cache": 0,
}

# What every durable table needs: without these a power cut leaves parts of zero bytes.
DURABLE = ("fsync_after_insert=1, fsync_part_directory=1, min_rows_to_fsync_after_merge=1, "
           "min_compressed_bytes_to_fsync_after_merge=1")


class EngineError(Exception):
    pass


def library_path():
    named = os.environ.get("FOOTFALL_LIBCHDB")
    path = pathlib.Path(named) if named else CHECKOUT / "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"
    if not path.exists():
        sys.exit(f"no library at {path}: set FOOTFALL_LIBCHDB, or npm install @chdb/lib-linux-x64-gnu@26.7.3-stable.1")
    return str(path)


def _load():
    lib = ctypes.CDLL(library_path())
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    signatures = {
        "chdb_connect": (pointer, [ctypes.c_int, ctypes.POINTER(text)]),
        "chdb_close_conn": (None, [pointer]),
        "chdb_query_n": (pointer, [pointer, text, size, text, size]),
        "chdb_result_buffer": (pointer, [pointer]),
        "chdb_result_length": (size, [pointer]),
        "chdb_result_error": (text, [pointer]),
        "chdb_result_storage_rows_read": (ctypes.c_uint64, [pointer]),
        "chdb_result_storage_bytes_read": (ctypes.c_uint64, [pointer]),
        "chdb_destroy_query_result": (None, [pointer]),
        "chdb_stream_insert_n": (pointer, [pointer, text, size, text, size]),
        "chdb_stream_insert_error": (text, [pointer]),
        "chdb_stream_append": (ctypes.c_int, [pointer, text, size]),
        "chdb_stream_done": (pointer, [pointer]),
        "chdb_destroy_insert_stream": (None, [pointer]),
        "chdb_set_signal_handlers_enabled": (None, [ctypes.c_int]),
        "chdb_version": (text, []),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    lib.chdb_set_signal_handlers_enabled(0)
    return lib


class Engine:
    """One connection to the store in `directory`. Rows come back as lists of text fields."""

    _lib = None

    def __init__(self, directory, **settings):
        if Engine._lib is None:
            Engine._lib = _load()
        directory = os.path.abspath(directory)  # a relative path breaks fsync_part_directory (code 107)
        os.makedirs(directory, exist_ok=True)
        config = os.path.join(directory, "probe-config.xml")
        with open(config, "w") as file:
            file.write("<clickhouse></clickhouse>\n")
        arguments = ["clickhouse", f"--path={directory}", f"--config-file={config}"]
        arguments += [f"--{name}={value}" for name, value in {**SMALL_MACHINE, **settings}.items()]
        array = (ctypes.c_char_p * len(arguments))(*[a.encode() for a in arguments])
        self._handle = self._lib.chdb_connect(len(arguments), array)
        if not self._handle:
            raise EngineError("chdb_connect gave no connection")
        self._connection = ctypes.c_void_p.from_address(self._handle).value
        self.rows_read = self.bytes_read = 0  # of the last statement, from storage

    def close(self):
        self._lib.chdb_close_conn(self._handle)

    def _take(self, result):
        error = self._lib.chdb_result_error(result)
        length = self._lib.chdb_result_length(result)
        data = ctypes.string_at(self._lib.chdb_result_buffer(result), length) if length else b""
        self.rows_read = self._lib.chdb_result_storage_rows_read(result)
        self.bytes_read = self._lib.chdb_result_storage_bytes_read(result)
        self._lib.chdb_destroy_query_result(result)
        if error:
            raise EngineError(error.decode(errors="replace"))
        return data

    def raw(self, sql, form="TSV"):
        text, form = sql.encode(), form.encode()
        return self._take(self._lib.chdb_query_n(self._connection, text, len(text), form, len(form)))

    def rows(self, sql):
        return [line.split("\t") for line in self.raw(sql).decode().splitlines()]

    def ints(self, sql):
        """The single row of `sql`, all of whose columns are integers."""
        (row,) = self.rows(sql)
        return [int(field) for field in row]

    def insert(self, statement, block):
        """Inserts one Native block; `statement` is the INSERT without FORMAT."""
        text = statement.encode()
        stream = self._lib.chdb_stream_insert_n(self._connection, text, len(text), b"Native", 6)
        try:
            error = self._lib.chdb_stream_insert_error(stream)
            if error:
                raise EngineError(error.decode(errors="replace"))
            self._lib.chdb_stream_append(stream, block, len(block))
            self._take(self._lib.chdb_stream_done(stream))
        finally:
            self._lib.chdb_destroy_insert_stream(stream)

    def cpu(self, sql, repeat=5):
        """Median CPU milliseconds of `sql` (all threads of this process) after one warm-up, and its last answer."""
        answer = self.raw(sql)
        spent = []
        for _ in range(repeat):
            before = time.process_time()
            answer = self.raw(sql)
            spent.append((time.process_time() - before) * 1000)
        return sorted(spent)[len(spent) // 2], answer


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


_STRUCT = {"UInt16": "H", "UInt32": "I", "UInt64": "Q", "DateTime": "I"}


def native_block(columns):
    """`columns` = [(name, type, values)] as one block of the Native format; String values are bytes."""
    count = len(columns[0][2])
    out = [varint(len(columns)), varint(count)]
    for name, kind, values in columns:
        for text in (name.encode(), kind.encode()):
            out += [varint(len(text)), text]
        if kind == "String":
            for value in values:
                out += [varint(len(value)), value]
        else:
            out.append(struct.pack(f"<{count}{_STRUCT[kind]}", *values))
    return b"".join(out)


def table(header, rows):
    """Prints a small aligned table."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    print(flush=True)


class Claims:
    """The claims a probe checks; `finish` is the exit code."""

    def __init__(self):
        self.failed = 0

    def check(self, holds, sentence):
        print(("holds  " if holds else "FAILS  ") + sentence, flush=True)
        self.failed += not holds

    def finish(self):
        return 1 if self.failed else 0
