"""Decodes text files: finds the encoding and rejects other content."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from typing import Final

from signalbot.replay.candle_files.archives import FilePart
from signalbot.replay.candle_files.row_errors import unreadable_error

_HEAD: Final = 1 << 16  # bytes examined
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_HTML_MARKERS: Final = ("<!doctype", "<html", "<?xml")


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A text that is decoded lazily: most files are read once, line by line."""

    part: FilePart
    encoding: str

    def lines(self) -> Iterator[str]:
        """Return the lines with their ends, as the csv module requires."""
        return TextIOWrapper(BytesIO(self.part.data), self.encoding, errors="replace", newline="")

    def head(self) -> list[str]:
        """Return the first complete lines."""
        data = self.part.data
        text = data[:_HEAD].decode(self.encoding, errors="replace")
        lines = text.splitlines()
        return lines if len(data) <= _HEAD else lines[:-1]

    def read_all(self) -> str:
        return self.part.data.decode(self.encoding, errors="replace")


def open_text(part: FilePart) -> DecodedText:
    """Detect the encoding of a text.

    Raises:
        ConfigError: it is not text, empty, or a web page.
    """
    text = DecodedText(part, _encoding_of(part))
    if not part.data.strip(b" \t\r\n\xef\xbb\xbf\x00"):
        raise unreadable_error(part.name, "the file is empty")
    start = "".join(text.head()[:5]).lstrip("\ufeff \t").lower()
    if start.startswith(_HTML_MARKERS):
        raise unreadable_error(
            part.name, "this is a web page, not candles: was the download refused?"
        )
    if start.startswith("version https://git-lfs"):
        raise unreadable_error(part.name, "this is a Git LFS pointer: fetch the file itself")
    return text


def _encoding_of(part: FilePart) -> str:
    data = part.data
    if data.startswith(_UTF16):
        encoding = "utf-16"
    elif len(data) > 1 and not any(data[1:400:2]):
        encoding = "utf-16-le"
    elif b"\x00" in data[:_HEAD]:
        raise unreadable_error(part.name, "not a text file; expected CSV, JSON or Parquet")
    else:
        # Other encodings differ at most in letters of column names.
        return "utf-8-sig" if _is_utf8(data) else "cp1252"
    try:
        data.decode(encoding)
    except UnicodeDecodeError as e:
        raise unreadable_error(part.name, "not a text file; expected CSV, JSON or Parquet") from e
    return encoding


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return True
