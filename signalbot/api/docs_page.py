"""``/docs``: renders the OpenAPI document to a static page without scripts."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
pre { background: #8881; padding: .6rem; white-space: pre-wrap }
details { border-top: 1px solid #8884; padding: .4rem 0 } summary { cursor: pointer }
b { display: inline-block; min-width: 4.5rem } i { color: #777; font-style: normal }
table { border-collapse: collapse } td { padding: .1rem .8rem .1rem 0; vertical-align: top }
"""
_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; frame-ancestors 'none'; style-src 'sha256-{_DIGEST}'"
"""Content-Security-Policy of the page: allows only its own style."""

_AUTH_TEXTS = {"administrator": "an administrator's token", "token": "a token"}
_MAX_DEPTH = 6

OpenApiDocument = Mapping[str, Any]


def docs_page(document: OpenApiDocument) -> str:
    """Render the OpenAPI document as HTML."""
    info = document["info"]
    parts = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info['description'])}</p>",
        "<p>Send the token in the header <code>Authorization: Bearer …</code>; the document "
        'is at <a href="openapi.json">openapi.json</a>.</p>',
        *_operations(document),
    ]
    head = f"<meta charset=utf-8><title>signalbot API</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>"


def _operations(document: OpenApiDocument) -> Iterator[str]:
    tag = None
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            [*tags] = operation.get("tags", ("",))
            if tags[0] != tag:
                tag = tags[0]
                yield f"<h2>{escape(tag)}</h2>"
            yield _operation(document, method.upper(), path, operation)


def _operation(
    document: OpenApiDocument, method: str, path: str, operation: OpenApiDocument
) -> str:
    about = "".join(f"<p>{escape(each)}</p>" for each in _paragraphs(operation))
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code><td>{escape(each['in'])}"
        f"<td>{escape(each.get('description', ''))}</tr>"
        for each in operation.get("parameters", ())
    )
    return (
        f"<details><summary><b>{method}</b> <code>{escape(path)}</code> "
        f"<i>{escape(_auth_text(operation))}</i></summary>{about}"
        f"{f'<table>{rows}</table>' if rows else ''}"
        f"{_example_block('Request', _body(document, operation.get('requestBody', {})))}"
        f"{''.join(_responses(document, operation))}</details>"
    )


def _paragraphs(operation: OpenApiDocument) -> Iterator[str]:
    text = str(operation.get("description") or operation.get("summary", ""))
    yield from (" ".join(each.split()) for each in text.split("\n\n"))


def _auth_text(operation: OpenApiDocument) -> str:
    schemes = [name for each in operation.get("security", ()) for name in each]
    return _AUTH_TEXTS[schemes[0]] if schemes else "no token"


def _responses(document: OpenApiDocument, operation: OpenApiDocument) -> Iterator[str]:
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            yield _example_block(f"Response {status}", _body(document, response))


def _body(document: OpenApiDocument, described: OpenApiDocument) -> object:
    """Return the example of a body, or build one from its schema."""
    for media in described.get("content", {}).values():
        for example in media.get("examples", {}).values():
            return example.get("value")
        if "example" in media:
            return media["example"]
        if "schema" in media:
            return _example(document, media["schema"], 0)
    return None


def _example_block(title: str, example: object) -> str:
    if example in (None, {}):
        return ""
    text = json.dumps(example, indent=2, ensure_ascii=False)
    return f"<p>{escape(title)}</p><pre>{escape(text)}</pre>"


def _example(document: OpenApiDocument, schema: Any, depth: int) -> Any:
    """Build an example value of a schema from its examples and defaults."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return {}
    for inner in (_referred(document, schema), *_alternatives(schema)):
        if inner is not None:
            return _example(document, inner, depth + 1)
    for given in (*schema.get("examples", ())[:1], schema.get("default"), schema.get("const")):
        if given is not None:
            return given
    return schema["enum"][0] if "enum" in schema else _by_type(document, schema, depth)


def _referred(document: OpenApiDocument, schema: OpenApiDocument) -> Any:
    """Return the schema behind a reference."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"].get(name)


def _alternatives(schema: OpenApiDocument) -> Iterator[Any]:
    """Yield the first alternative of a schema without example or default."""
    if not schema.get("examples") and schema.get("default") is None:
        for key in ("anyOf", "allOf", "oneOf"):
            yield from schema.get(key, ())[:1]


def _by_type(document: OpenApiDocument, schema: OpenApiDocument, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: _example(document, each, depth + 1) for name, each in properties.items()}
        case "array":
            return [_example(document, schema.get("items", {}), depth + 1)]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case _:
            return "…"
