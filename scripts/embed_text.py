#!/usr/bin/env python3
"""Embeds text files into a C++ source: embed_text.py NAMESPACE OUTPUT.cc FILE…

The source defines `std::span<const footfall::TextFile> NAMESPACE::files()` (base/text_file.h), sorted by file name. Text is split into
raw string literals below the compiler's limit, so that SQL stays readable in a debugger.
"""
import os
import sys


def literal(text: str) -> str:
    chunks = [text[i : i + 8000] for i in range(0, len(text), 8000)] or [""]
    return " ".join(f'R"~({chunk})~"' for chunk in chunks)


def main() -> None:
    namespace, target, *sources = sys.argv[1:]
    lines = ['#include "base/text_file.h"', "", f"namespace {namespace} {{", "", "std::span<const footfall::TextFile> files() {"]
    lines.append("    static constexpr footfall::TextFile kFiles[] = {")
    for source in sorted(sources, key=os.path.basename):
        with open(source, encoding="utf-8") as file:
            text = file.read()
        lines.append(f'        {{"{os.path.basename(source)}", {literal(text)}}},')
    lines += ["    };", "    return kFiles;", "}", "", f"}}  // namespace {namespace}", ""]
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


main()
