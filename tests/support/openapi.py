"""The OpenAPI document as a client reads it, and whether answers are what it says."""

import copy
import dataclasses
import json
import subprocess
import urllib.parse
from collections.abc import Iterator
from typing import Any

from support.client import Answer
from support.server import ROOT, Server

PATH = "/api/v1/openapi.json"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def pointer(*parts: str) -> str:
    """A JSON pointer into the document, as a fragment of a URI."""
    return "#/" + "/".join(urllib.parse.quote(part.replace("~", "~0").replace("/", "~1"), safe="~") for part in parts)


@dataclasses.dataclass(frozen=True)
class Operation:
    method: str  # in capitals
    path: str
    spec: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.path

    def parameters(self, place: str) -> list[Any]:
        return [parameter for parameter in self.spec.get("parameters", []) if parameter["in"] == place]

    def examples(self) -> dict[str, Any]:
        """Of the body, by name."""
        return {
            name: example["value"]
            for content in self.spec.get("requestBody", {}).get("content", {}).values()
            for name, example in content.get("examples", {}).items()
        }

    def target(self, values: dict[str, str], query: dict[str, Any] | None = None) -> str:
        """Path and query. Parameters of the path that have no value are as in the document's examples."""
        path = self.path
        for parameter in self.parameters("path"):
            value = values.get(parameter["name"], parameter.get("example", ""))
            path = path.replace("{" + parameter["name"] + "}", urllib.parse.quote(value, safe=""))
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def callers(self) -> dict[str, set[str]] | None:
        """By security scheme the roles or scopes that may; None: anybody, without anything."""
        found: dict[str, set[str]] = {}
        for requirement in self.spec["security"]:
            for scheme, who in requirement.items():
                found.setdefault(scheme, set()).update(who)
        return None if not self.spec["security"] or {} in self.spec["security"] else found


class Document:
    def __init__(self, server: Server):
        self.root = server.request("GET", PATH).json()

    def operations(self) -> Iterator[Operation]:
        for path, item in self.root["paths"].items():
            for method, spec in item.items():
                assert method in METHODS, (path, method)
                yield Operation(method.upper(), path, spec)

    def resolve(self, node: Any) -> Any:
        while "$ref" in node:
            found = self.root
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def closed(self) -> Any:
        """The same, but that objects have no members that are not described: the document leaves that open for what comes, and what
        is there now has to be described."""
        root = copy.deepcopy(self.root)

        def close(node: Any) -> None:
            if isinstance(node, list):
                for item in node:
                    close(item)
            if isinstance(node, dict):
                if node.get("type") == "object" and isinstance(node.get("properties"), dict):
                    node.setdefault("additionalProperties", False)
                for item in node.values():
                    close(item)

        close(root)
        return root


class Checks:
    """Answers, collected to be judged at once: a process of the validator costs half a second."""

    def __init__(self, document: Document):
        self.document = document
        self.checks: list[dict[str, Any]] = []
        self.of: list[str] = []
        self.problems: list[str] = []

    def add(self, what: str, at: str, value: Any) -> None:
        self.checks.append({"at": at, "value": value})
        self.of.append(what)

    def add_answer(self, what: str, operation: Operation, answer: Answer) -> None:
        """Its status, media type and body are among those of the document."""
        responses = operation.spec["responses"]
        status = str(answer.status)
        if status not in responses:
            self.problems.append(f"{what}: {operation} answers {answer}, a status that is not in the document")
            return
        if "$ref" in responses[status]:
            at = ["components", "responses", responses[status]["$ref"].rpartition("/")[2]]
        else:
            at = ["paths", operation.path, operation.method.lower(), "responses", status]
        content = self.document.resolve(responses[status]).get("content", {})
        if not content:
            if answer.body:
                self.problems.append(f"{what}: {operation} answers {answer} where the document has no body")
            return
        media_type = answer.headers["Content-Type"]
        if media_type not in content:
            self.problems.append(f"{what}: {operation} answers {status} as {media_type}, which is not in the document")
        elif "json" in media_type and "ndjson" not in media_type:
            self.add(f"{what}: {operation} answers {status}", pointer(*at, "content", media_type, "schema"), answer.json())

    def judge(self) -> None:
        told = validate(self.document.closed(), self.checks)
        found = self.problems + [
            f"{self.of[misfit['index']]} {json.dumps(self.checks[misfit['index']]['value'])[:600]}: {misfit['problems']}"
            for misfit in told["misfits"]
        ]
        assert not found, f"{len(found)} of {len(self.checks)}:\n" + "\n".join(found[:12])


def validate(document: Any, checks: list[dict[str, Any]]) -> Any:
    """What a validator that is not ours says: `problems` of the document, `misfits` of the values."""
    done = subprocess.run(
        ["node", "tests/support/openapi.mjs"],
        input=json.dumps({"document": document, "checks": checks}),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
