#!/usr/bin/env python3
"""schema/rejections.json -> rejections.inc, the X-macro list that src/event/rejection.h derives from.

Each line is FOOTFALL_REJECTION(kWrongType, "wrong_type").
"""
import json
import sys


def main() -> None:
    source, target = sys.argv[1:3]
    with open(source, encoding="utf-8") as file:
        reasons = json.load(file)["reasons"]
    lines = ["// Generated from schema/rejections.json. Do not edit."]
    for reason in reasons:
        constant = "k" + "".join(word.capitalize() for word in reason["name"].split("_"))
        lines.append(f'FOOTFALL_REJECTION({constant}, "{reason["name"]}")')
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


main()
