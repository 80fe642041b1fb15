"""Frames between daemon and worker: a header with lengths, JSON, and raw bytes.

Both sides use it. The daemon reads frames with size limits and validates their content.
"""

import json
from collections.abc import Mapping
from struct import Struct
from typing import Any

HEADER = Struct("<II")
"""Lengths of the JSON text and of the following bytes."""


def pack_frame(head: Mapping[str, Any], blob: bytes = b"") -> bytes:
    """Build one frame."""
    text = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((HEADER.pack(len(text), len(blob)), text, blob))
