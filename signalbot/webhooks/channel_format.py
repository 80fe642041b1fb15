"""Parses channel signals: entry, targets and stop under headings, in the style of Cornix."""

import re
from collections.abc import Iterator, Sequence

from signalbot.domain.errors import InvalidSignal
from signalbot.webhooks.fields import quoted_value
from signalbot.webhooks.number_parsing import number_or_none

_PAIR_IN_TEXT = re.compile(
    r"[#$]?\b([A-Z0-9]{2,15})\s?[/\-_]?\s?(USDT|USDC|BUSD|USD|BTC|ETH|EUR)(?:\.P|PERP|[-_]?PERP)?\b"
)
_HEADINGS = (
    (
        "entry",
        re.compile(r"\b(entry|entries|buy(?!ing)|enter|sell zone|buy zone)\b", re.IGNORECASE),
    ),
    ("stop", re.compile(r"\b(stop(?:[- ]?loss)?(?: targets?)?|sl)\b", re.IGNORECASE)),
    (
        "target",
        re.compile(r"\b(take[- ]?profits?|targets?|tps?\d*|sell(?! zone))\b", re.IGNORECASE),
    ),
)
_NUMBERED = re.compile(
    r"^\W*(?:(?:tp|target|entry|t)?\s*\d{1,2}\s*(?:[):]|[.\-](?!\d))\s*)?", re.IGNORECASE
)
_NUMBERED_HEADING = re.compile(r"\b(?:tp|target|entry)\s*\d{1,2}\b", re.IGNORECASE)
_IGNORED_LINE = re.compile(r"\b(leverage|exchanges?|amount|client|risk)\b", re.IGNORECASE)
_PRICE = re.compile(r"\d+(?:\.\d+)?(?:[eE]-?\d+)?(?![\d.]*[%xX\d])")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_CONDITIONAL_ENTRY = re.compile(r"\b(breakout|above|below)\b", re.IGNORECASE)
_STATUS_UPDATE = re.compile(
    r"\b(close[ds]?|closing|exit(?:ed|ing)?|flat|hit|reached|achieved|done|stopped|cancel\w*|"
    r"reduc\w+|partial\w*|updat\w+|mov(?:e|ed|ing)|secured?)\b",
    re.IGNORECASE,
)
_FIRST_ORDER = re.compile(r"\W*(?:signal\W+)?(buy|sell)\b", re.IGNORECASE)
_FIRST_SALE = re.compile(r"\W*(?:signal\W+)?sell\b", re.IGNORECASE)
_TRAILING_PART = re.compile(r"^[^\w\n]*trailing\b.*$", re.IGNORECASE | re.MULTILINE)
_NO_TRAIL = re.compile(
    r"\b0+(?:\.0+)?\s*%|\bnone\b|\boff\b|\bwithout\b|\bdisabled\b", re.IGNORECASE
)


def from_channel(text: str) -> list[tuple[str, str]] | None:
    """Convert a channel signal to fields; None if the text is none.

    Raises:
        InvalidSignal: it has no side, or requests something unsupported.
    """
    text, trailing = _without_trailing(text)
    pair = _PAIR_IN_TEXT.search(text)
    if pair is None or not any(pattern.search(text) for _, pattern in _HEADINGS):
        return None
    _reject_other_texts(text, trailing)
    sections = _sections(text)
    if not any(sections.values()):
        return None
    entries, targets, stops = (sections.get(name, []) for name in ("entry", "target", "stop"))
    if len(stops) > 1:
        raise InvalidSignal("the alert has several stops; only one is supported")
    side = _side(text, entries, targets, stops)
    return [
        ("symbol", f"{pair[1]}/{pair[2]}"),
        ("action", f"enter {side}"),
        *(("price", price) for price, _ in entries[:1]),
        *(("stop_loss", price) for price, _ in stops),
        *_targets(targets),
    ]


def _reject_other_texts(text: str, trailing: Sequence[str]) -> None:
    for line in text.splitlines():
        if _CONDITIONAL_ENTRY.search(line):
            raise InvalidSignal(
                f"{quoted_value(line.strip())}: conditional entries are not supported"
            )
        if _STATUS_UPDATE.search(line):
            raise InvalidSignal(
                f"{quoted_value(line.strip())}: this updates an open position; to close it, "
                "send a line such as 'close BTCUSDT'"
            )
    for line in trailing:
        if not _NO_TRAIL.search(line):
            raise InvalidSignal(
                f"{quoted_value(line.strip())}: trailing of stops is a user setting"
            )


def _targets(targets: Sequence[tuple[str, str | None]]) -> Iterator[tuple[str, str]]:
    """Yield the targets, with shares if all of them have one."""
    has_shares = all(share is not None for _, share in targets)
    for number, (price, share) in enumerate(targets, 1):
        yield f"tp{number}", price
        if has_shares:
            yield f"tp{number}_share", f"{share}%"


def _without_trailing(text: str) -> tuple[str, list[str]]:
    """Split the last part, about trailing, from the text; return both."""
    found = _TRAILING_PART.search(text)
    if found is None:
        return text, []
    lines = text[found.start() :].splitlines()
    first = [] if lines[0].strip().endswith(":") else lines[:1]
    return text[: found.start()], first + [line for line in lines[1:] if line.strip()]


def _side(
    text: str,
    entries: Sequence[tuple[str, str | None]],
    targets: Sequence[tuple[str, str | None]],
    stops: Sequence[tuple[str, str | None]],
) -> str:
    """Return the side named in the text, by its first order, or implied by its prices."""
    sides = [side for side in ("long", "short") if re.search(rf"\b{side}\b", text, re.IGNORECASE)]
    if len(sides) > 1:
        raise InvalidSignal("the alert has both long and short")
    if sides:
        return sides[0]
    order = _FIRST_ORDER.match(text)
    if order is not None:
        return "long" if order[1].lower() == "buy" else "short"
    if entries and (targets or stops):
        entry = number_or_none(entries[0][0])
        other = number_or_none((targets or stops)[0][0])
        if entry is not None and other is not None and entry != other:
            return "long" if (other > entry) is bool(targets) else "short"
    raise InvalidSignal("the alert has neither long nor short")


def _sections(text: str) -> dict[str, list[tuple[str, str | None]]]:
    """Return prices with their shares by heading."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    headings: dict[str, str] = {}
    current: str | None = None
    for line in text.splitlines():
        heading = next((name for name, pattern in _HEADINGS if pattern.search(line)), None)
        if heading == "target" and not headings and _FIRST_SALE.match(line):
            heading = "entry"  # a sell first opens a short
        if heading is not None:
            current = heading
            headings[current] = line.strip()
            found.setdefault(current, [])
        elif re.search(r"[A-Za-z]{3,}", line) and not _NUMBERED.match(line):
            current = None
        if current is not None and not _IGNORED_LINE.search(line):
            found[current] += _prices(_body(line, is_heading=heading is not None))
    for name, line in headings.items():
        if name != "entry" and not found[name] and not _NO_TRAIL.search(line):
            raise InvalidSignal(f"{quoted_value(line)}: expected a price")
    return found


def _prices(body: str) -> list[tuple[str, str | None]]:
    """Return the prices of a line with their shares; a lone percentage is a level."""
    if re.search(r"\d,\d", body):
        raise InvalidSignal(f"{quoted_value(body.strip())}: expected a number without separators")
    share = _SHARE.search(body)
    prices = _PRICE.findall(_SHARE.sub("", body))
    if share is not None and not prices:
        return [(f"{share[1]}%", None)]
    return [(price, share[1] if share and len(prices) == 1 else None) for price in prices]


def _body(line: str, *, is_heading: bool) -> str:
    """Return a line without heading and numbering."""
    if is_heading and ":" in line:
        line = line.partition(":")[2]
    elif is_heading:
        line = re.sub(r"^[^\d]*", "", _NUMBERED_HEADING.sub("", line))
    return _NUMBERED.sub("", line, count=1)
