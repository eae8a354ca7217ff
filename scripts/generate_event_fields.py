#!/usr/bin/env python3
"""schema/event.schema.json -> fields.inc and caps.inc, the X-macro lists that the C++ record derives from.

Each line of the first is FOOTFALL_FIELD(name, kind, column_type): the members of event::Event, the reader and writer of the record
and the columns of the loader's blocks are made from it, so that a field is declared once. Each line of the second is
FOOTFALL_CAPPED(name, kind, distinct_max), for the fields whose different values of a site and day are bounded.
"""
import json
import sys


def main() -> None:
    source, fields, caps = sys.argv[1:4]
    with open(source, encoding="utf-8") as file:
        schema = json.load(file)
    head = "// Generated from schema/event.schema.json. Do not edit."
    lines, capped = [head], [head]
    for name, field in schema["properties"].items():
        if name == "v":
            lines.append(f"#define FOOTFALL_RECORD_VERSION {field['const']}")
            continue
        lines.append(f'FOOTFALL_FIELD({name}, {field["x-kind"]}, "{field["x-column"]["type"]}")')
        if "x-distinct-max" in field:
            capped.append(f'FOOTFALL_CAPPED({name}, {field["x-kind"]}, {field["x-distinct-max"]})')
    for target, content in ((fields, lines), (caps, capped)):
        with open(target, "w", encoding="utf-8") as file:
            file.write("\n".join(content) + "\n")


main()
