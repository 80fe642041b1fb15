"""The wire format of protocol buffers, as far as a message of text, numbers and messages needs."""

from typing import Any


def message(fields: dict[int, Any]) -> bytes:
    """One message: text, whole numbers, or messages that are encoded already, by field number."""
    return b"".join(_field(number, value) for number, value in fields.items())


def decoded(data: bytes) -> dict[int, Any]:
    """The fields of a message by number: whole numbers, or bytes for everything else."""
    fields: dict[int, Any] = {}
    at = 0
    while at < len(data):
        tag, at = _read(data, at)
        if tag & 7 == 0:
            fields[tag >> 3], at = _read(data, at)
        else:
            length, at = _read(data, at)
            fields[tag >> 3] = data[at : at + length]
            at += length
    return fields


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return _number(number << 3) + _number(value)
    payload = value.encode() if isinstance(value, str) else value
    return _number(number << 3 | 2) + _number(len(payload)) + payload


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
