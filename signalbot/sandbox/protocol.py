"""The language between daemon and worker: length-framed JSON, with bytes behind it.

Both sides use it. The daemon reads frames with bounds; nothing in them is believed.
"""

import json
from collections.abc import Mapping
from struct import Struct
from typing import Any

HEADER = Struct("<II")
"""Lengths of the JSON text and of the bytes that follow it."""


def pack_frame(head: Mapping[str, Any], blob: bytes = b"") -> bytes:
    """One frame."""
    text = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((HEADER.pack(len(text), len(blob)), text, blob))
