"""Suggests the IANA time zone for common other notations, such as UTC+3 or PST."""

import re
from typing import Final
from zoneinfo import available_timezones

from signalbot.config.problems import closest_match

_OFFSET: Final = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?", re.ASCII)
_CITIES: Final = {
    "-10:00": "Pacific/Honolulu", "-9:00": "America/Anchorage", "-8:00": "America/Los_Angeles",
    "-7:00": "America/Denver", "-6:00": "America/Chicago", "-5:00": "America/New_York",
    "-4:00": "America/Halifax", "-3:00": "America/Sao_Paulo", "+0:00": "Europe/London",
    "+1:00": "Europe/Berlin", "+2:00": "Europe/Athens", "+3:00": "Europe/Istanbul",
    "+4:00": "Asia/Dubai", "+5:00": "Asia/Karachi", "+6:00": "Asia/Dhaka",
    "+7:00": "Asia/Bangkok", "+8:00": "Asia/Shanghai", "+9:00": "Asia/Tokyo",
    "+10:00": "Australia/Sydney", "+12:00": "Pacific/Auckland", "-9:30": "Pacific/Marquesas",
    "-3:30": "America/St_Johns", "+3:30": "Asia/Tehran", "+4:30": "Asia/Kabul",
    "+5:30": "Asia/Kolkata", "+5:45": "Asia/Kathmandu", "+6:30": "Asia/Yangon",
    "+8:45": "Australia/Eucla", "+9:30": "Australia/Darwin", "+10:30": "Australia/Lord_Howe",
    "+12:45": "Pacific/Chatham",
}  # fmt: skip
_ABBREVIATIONS: Final = {
    "CEST": "Europe/Berlin", "BST": "Europe/London", "EDT": "America/New_York",
    "CST": "America/Chicago", "CDT": "America/Chicago", "MDT": "America/Denver",
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "MSK": "Europe/Moscow",
    "IST": "Asia/Kolkata", "SGT": "Asia/Singapore", "HKT": "Asia/Hong_Kong",
    "JST": "Asia/Tokyo", "KST": "Asia/Seoul", "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney", "BRT": "America/Sao_Paulo",
}  # fmt: skip


def zone_suggestion(text: str) -> str:
    """Return the end of an error about an unknown time zone ``text``: what to write instead."""
    found = _OFFSET.fullmatch(text.strip().upper())
    if found is None:
        near = _ABBREVIATIONS.get(text.upper()) or closest_match(text, available_timezones())
        return f": did you mean '{near}'?" if near else ", such as 'Europe/Berlin'"
    names = _names(found[1], int(found[2]), int(found[3] or 0))
    return f": write {' or '.join(names)}" if names else ": write a city's, such as 'Europe/Berlin'"


def _names(sign: str, hours: int, minutes: int) -> list[str]:
    """Return a city with that offset in winter, and the zone with that fixed offset."""
    names = []
    city = _CITIES.get(f"{sign if hours or minutes else '+'}{hours}:{minutes:02}")
    if city is not None:
        names.append(f"'{city}'")
    turned = "-" if sign == "+" else "+"  # POSIX counts offsets to the west
    fixed = f"Etc/GMT{turned}{hours}" if hours else "UTC"
    if not minutes and fixed in available_timezones():
        names.append(f"'{fixed}' (its sign is inverted)" if hours else f"'{fixed}'")
    return names
