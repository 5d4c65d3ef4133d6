"""The hash of payloads and results: sha256, by the built-in code where little is to be hashed.

OpenSSL's is several times faster once it is loaded, but loading it takes longer than a small cell's whole hash.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import _Hash

LARGE = 1 << 20
"""Bytes from which OpenSSL is worth its loading."""
_BUILT_IN = "_sha2" if sys.version_info >= (3, 12) else "_sha256"


def sha256(size: int) -> _Hash:
    """A fresh sha256 for about *size* bytes."""
    if size < LARGE:
        try:
            made: _Hash = __import__(_BUILT_IN).sha256()
        except ImportError:  # an interpreter that was built with OpenSSL's alone
            pass
        else:
            return made
    import hashlib

    return hashlib.sha256()
