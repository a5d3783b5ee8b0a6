"""Tables of the fields of a saved run, from its JSON schema."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from perfbench_docs.project import ROOT

SCHEMA = ROOT / "perfbench" / "results" / "run.schema.json"
Definition = Mapping[str, Any]


def render_fields() -> str:
    """A section for each type of the schema, the document itself first: its description and a table of its fields."""
    definitions = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    return "\n".join(line for name, definition in definitions.items() for line in _render_definition(name, definition))


def _render_definition(name: str, definition: Definition) -> Iterator[str]:
    yield from (f"## {name}", "")
    if description := definition.get("description", ""):
        first, _, rest = description.partition("\n")
        yield from ("\n".join((first, textwrap.dedent(rest))).strip(), "")
    if "enum" in definition:
        yield from (f"One of {', '.join(f'`{value}`' for value in definition['enum'])}.", "")
    properties = definition.get("properties", {})
    if properties:
        yield from ("| field | type | default |", "|---|---|---|")
        for field, schema in properties.items():
            default = "" if "default" not in schema else f"`{json.dumps(schema['default'])}`"
            yield f"| `{field}` | {describe_type(schema)} | {default} |"
        yield ""


def describe_type(schema: Definition) -> str:
    """The type of a field in words: ``array of Sample``, ``integer or null``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(map(describe_type, schema[key]))
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        parts = schema.get("prefixItems")
        if parts:
            return "array of " + ", ".join(map(describe_type, parts))
        return f"array of {describe_type(schema['items'])}" if isinstance(schema.get("items"), Mapping) else "array"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {describe_type(schema['additionalProperties'])} by name"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
