"""The engine of the embedded store with a server's configuration: python3 engine.py CONFIG FOLDER, statements as a JSON array on standard
input, the answer to each, or its error, as one on standard output. A program of its own, since the library keeps its process busy at the end."""

import ctypes
import json
import os
import pathlib
import sys

LIBRARY = pathlib.Path(__file__).resolve().parent.parent.parent / "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"


def main() -> None:
    config, folder = sys.argv[1:]
    library = ctypes.CDLL(str(LIBRARY))
    library.chdb_connect.restype = ctypes.POINTER(ctypes.c_void_p)
    library.chdb_query.restype = ctypes.c_void_p
    for name in ("chdb_result_buffer", "chdb_result_error", "chdb_result_length"):
        getattr(library, name).restype = ctypes.c_void_p if name != "chdb_result_length" else ctypes.c_size_t
        getattr(library, name).argtypes = [ctypes.c_void_p]
    library.chdb_set_signal_handlers_enabled(0)
    words = [b"clickhouse", f"--path={folder}".encode(), f"--config-file={config}".encode()]
    connection = library.chdb_connect(len(words), (ctypes.c_char_p * len(words))(*words))
    if not connection:
        sys.exit("the engine does not open with this configuration")
    answers = []
    for statement in json.load(sys.stdin):
        result = library.chdb_query(ctypes.c_void_p(connection[0]), statement.encode(), b"TSV")
        error = library.chdb_result_error(result)
        if error:
            answers.append({"error": ctypes.string_at(error).decode()})
        else:
            length = library.chdb_result_length(result)
            answers.append({"text": ctypes.string_at(library.chdb_result_buffer(result), length).decode() if length else ""})
    print(json.dumps(answers), flush=True)
    os._exit(0)


main()
