"""Landlock: restricts this thread to opening the named files (Linux 5.13).

The C library has no wrappers for its system calls. Constants from ``linux/landlock.h``.
"""

import ctypes
import os
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION = 1
_PATH_BENEATH = 1
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}  # number of rights by version
_NET_RIGHTS = 0b11  # bind and connect over TCP
_SCOPES = 0b11  # abstract sockets and signals to other processes
_NET_SINCE, _SCOPES_SINCE = 4, 6

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def version() -> int:
    """Return the kernel's version of Landlock; 0 if it has none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION)))


def restrict(readable: Iterable[str], *, folder: int) -> int:
    """Allow reading ``readable`` and ``folder`` only; open no other file, use no TCP.

    Folders include their contents; missing paths are ignored; ``folder`` is an open descriptor.
    Returns the version in force. Needs ``no_new_privs``.

    Raises:
        OSError: the kernel has no Landlock, or rejects it.
    """
    offered = version()
    if not offered:
        raise OSError("the kernel has no Landlock")
    count = max(count for since, count in _FILE_RIGHTS.items() if since <= offered)
    rules = _Ruleset(
        (1 << count) - 1,
        _NET_RIGHTS if offered >= _NET_SINCE else 0,
        _SCOPES if offered >= _SCOPES_SINCE else 0,
    )
    ruleset = _call(_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    try:
        for path in readable:
            _allow(ruleset, path)
        _allow_beneath(ruleset, folder, _READ_FILE | _READ_DIR)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return offered


def _allow(ruleset: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rights = _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE
    if path == os.devnull:
        rights |= _WRITE_FILE
    try:
        _allow_beneath(ruleset, place, rights)
    finally:
        os.close(place)


def _allow_beneath(ruleset: int, place: int, rights: int) -> None:
    _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(_Beneath(rights, place)), 0)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
