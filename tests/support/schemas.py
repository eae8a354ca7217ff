"""Values made by chance of the JSON Schemas of the OpenAPI document, and what becomes of them when they are spoilt. Our own: tools that
do this are not among the packages that the tests may use."""

import copy
import random
import string
import uuid
from typing import Any

# What strangers send where a word is expected.
HOSTILE = (
    "",
    " ",
    "\u0000",
    "\ud800",
    "é" * 40,
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "{zone}",
    "${jndi:ldap://x}",
    "../../etc/passwd",
    "%00%ff",
    "=1+1",
    "\u202egnp.exe",
    "(a+)+$",
    "[",
    "null",
    "9" * 400,
    "x" * 3_000,
)
# Among the values of a name in Maker's `known`: now and then one that is made of the schema.
ANY = object()
NUMBERS = (0, -1, 1, 0.5, -0.0, 2**31, -(2**31) - 1, 2**63, -(2**63), 2**64, 10**400, 1e308, 1e-320)


class Maker:
    """`known`: values that members and parameters of a name have most of the time, so that requests get past the first look."""

    def __init__(self, chance: random.Random, document: Any, known: dict[str, list[Any]]):
        self.chance = chance
        self.document = document
        self.known = known

    def value(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """One that fits the schema, but where `known` says otherwise."""
        chance = self.chance
        schema = self.document.resolve(schema)
        if schema is True or schema == {}:
            return self.word()
        if name in self.known and chance.random() < 0.9:
            known = chance.choice(self.known[name])
            if known is not ANY:
                return copy.deepcopy(known)
        if "allOf" in schema:
            whole = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                whole |= self.document.resolve(part)
            return self.value(whole, name, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return chance.choice(schema["enum"])
        if "properties" in schema:
            return self.object(schema, depth)
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                # Filters hold filters: deep down only the first, plain, kind.
                return self.value(schema[choice][0] if depth > 5 else chance.choice(schema[choice]), name, depth + 1)
        kinds = schema.get("type", "string")
        kind = chance.choice(kinds) if isinstance(kinds, list) else kinds
        if kind == "array":
            return self.array(schema, depth)
        if kind == "object":
            return {self.word(): self.word() for _ in range(chance.randint(0, 3))}
        return self.scalar(kind, schema)

    def word(self) -> str:
        return "".join(self.chance.choices(string.ascii_letters, k=self.chance.randint(1, 8)))

    def scalar(self, kind: str, schema: Any) -> Any:
        chance = self.chance
        if kind == "null":
            return None
        if kind == "boolean":
            return chance.random() < 0.5
        if kind in ("integer", "number"):
            least, most = schema.get("minimum", -1_000_000), schema.get("maximum", 1_000_000)
            return chance.choice([least, most, chance.randint(least, most)])
        if schema.get("pattern") == "^property:.+":
            return "property:" + self.word()
        if "pattern" in schema:
            return f"{chance.randint(0, 29):02}:{chance.randint(0, 59):02}"  # the only other one: a time of the day
        if schema.get("format") == "uuid":
            return str(uuid.UUID(int=chance.getrandbits(128), version=4))
        day = f"20{chance.randint(20, 27)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        if schema.get("format") == "date":
            return day
        if schema.get("format") == "date-time":
            return f"{day}T{chance.randint(0, 23):02}:00:00Z"
        least = schema.get("minLength", 0)
        return (self.word() if chance.random() < 0.8 else "/" + self.word()).ljust(least, "x")

    def array(self, schema: Any, depth: int) -> list[Any]:
        first = schema.get("prefixItems", [])
        least = schema.get("minItems", 0)
        most = min(schema.get("maxItems", least + 3), least + 3, *([len(first)] if schema.get("items") is False else []))
        items = []
        for place in range(self.chance.randint(least, max(least, most))):
            items.append(self.value(first[place] if place < len(first) else schema.get("items", {}), "", depth + 1))
        if schema.get("uniqueItems"):
            items = [item for place, item in enumerate(items) if item not in items[:place]]
        return items

    def object(self, schema: Any, depth: int) -> dict[str, Any]:
        """Of alternatives that say which members there must be one is taken, of `oneOf` without the others' members."""
        members = set(schema.get("required", []))
        left_out: set[str] = set()
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                chosen = self.chance.choice(schema[choice])
                members |= set(chosen["required"])
                if choice == "oneOf":
                    left_out = {name for other in schema[choice] for name in other["required"]} - set(chosen["required"])
        members |= {name for name in schema["properties"] if self.chance.random() < 0.3}
        return {
            name: self.value(part, name, depth + 1)
            for name, part in schema["properties"].items()
            if name in members and name not in left_out
        }

    def spoilt(self, value: Any) -> Any:
        """The same with one to three things wrong."""
        value = copy.deepcopy(value)
        for _ in range(self.chance.randint(1, 3)):
            value = self.spoilt_once(value)
        return value

    def spoilt_once(self, value: Any) -> Any:
        chance = self.chance
        if isinstance(value, dict) and value and chance.random() < 0.85:
            name = chance.choice(list(value))
            what = chance.random()
            if what < 0.15:
                del value[name]
            elif what < 0.25:
                value[chance.choice([name + "s", name.upper(), "", "__proto__"])] = self.junk()
            else:
                value[name] = self.spoilt_once(value[name])
            return value
        if isinstance(value, list) and value and chance.random() < 0.85:
            place = chance.randrange(len(value))
            what = chance.random()
            if what < 0.15:
                del value[place]
            elif what < 0.3:
                value += [copy.deepcopy(value[place])] * chance.choice([1, 2, 60])
            else:
                value[place] = self.spoilt_once(value[place])
            return value
        return self.junk()

    def junk(self) -> Any:
        chance = self.chance
        deep: Any = []
        for _ in range(chance.choice([3, 40])):
            deep = [deep]
        return chance.choice([None, True, {}, [], [[]], {"a": 1}, deep, chance.choice(NUMBERS), chance.choice(HOSTILE), chance.choice(HOSTILE)])
