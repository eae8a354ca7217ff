#!/usr/bin/env python3
"""schema/event.schema.json -> fields.inc, the X-macro list that the C++ record derives from.

Each line is FOOTFALL_FIELD(name, kind, column_type): the members of event::Event, the reader and writer of the record and the
columns of the loader's blocks are made from it, so that a field is declared once.
"""
import json
import sys


def main() -> None:
    source, target = sys.argv[1:3]
    with open(source, encoding="utf-8") as file:
        schema = json.load(file)
    lines = ["// Generated from schema/event.schema.json. Do not edit."]
    for name, field in schema["properties"].items():
        if name == "v":
            lines.append(f"#define FOOTFALL_RECORD_VERSION {field['const']}")
            continue
        lines.append(f'FOOTFALL_FIELD({name}, {field["x-kind"]}, "{field["x-column"]["type"]}")')
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


main()
