"""Randomness after a fork: every generator that the zygote made gets a state of its own.

A forked child shares its parent's generators. ``collect`` walks the heap once in the zygote and
keeps every generator that some library made; ``reseed`` gives each, and the global ones, fresh
entropy in the child. What draws from the host kernel on each use (``secrets``, ``uuid.uuid4``,
``os.urandom``) needs nothing. The hash seed is the zygote's and stays.
"""

from __future__ import annotations

import gc
import os
import random
import sys
from typing import Any, List

from .pristine import __builtins__

# Bytes of entropy for one generator: what the Mersenne twister and PCG64 take with profit.
SEED_BYTES = 32
# A library with more generators of its own than this is a program, not an import.
GENERATORS_MAX = 10_000

_urandom = os.urandom


class _Found:
    plain: List[random.Random] = []
    legacy: List[Any] = []
    bit_generators: List[Any] = []


def collect() -> int:
    """Finds every generator that is alive; returns how many. Called in the zygote, last."""
    numpy_random = sys.modules.get("numpy.random")
    bit_generator: Any = getattr(numpy_random, "BitGenerator", ())
    legacy: Any = getattr(numpy_random, "RandomState", ())
    generator: Any = getattr(numpy_random, "Generator", ())
    plain, states, bits = {}, {}, {}
    for each in gc.get_objects():
        kind = type(each)
        if issubclass(kind, random.Random):
            plain[id(each)] = each
        elif issubclass(kind, legacy):
            states[id(each)] = each
        elif issubclass(kind, generator):
            bits[id(each.bit_generator)] = each.bit_generator
        elif issubclass(kind, bit_generator):
            bits[id(each)] = each
    _Found.plain = list(plain.values())[:GENERATORS_MAX]
    _Found.legacy = list(states.values())[:GENERATORS_MAX]
    _Found.bit_generators = list(bits.values())[:GENERATORS_MAX]
    return len(_Found.plain) + len(_Found.legacy) + len(_Found.bit_generators)


def reseed() -> None:
    """Gives every known generator fresh entropy. Called in a child before any user code."""
    random.seed(_urandom(SEED_BYTES))
    for plain in _Found.plain:
        plain.seed(_urandom(SEED_BYTES))
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        _reseed_numpy(numpy_random)
    _reseed_openssl()
    tempfile: Any = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile._name_sequence = None


def _reseed_numpy(numpy_random: Any) -> None:
    numpy_random.seed(_words(8))
    for legacy in _Found.legacy:
        legacy.seed(_words(8))
    for bits in _Found.bit_generators:
        # A state can only be set to one of the same kind: a new generator makes it.
        bits.state = type(bits)(int.from_bytes(_urandom(SEED_BYTES), "little")).state


def _words(count: int) -> List[int]:
    data = _urandom(4 * count)
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


def _reseed_openssl() -> None:
    ssl: Any = sys.modules.get("_ssl")
    # From 1.1.1 on it sees by the process's id that it was forked, and takes fresh
    # entropy by itself: a zygote's is never 1, a sandbox's always.
    if ssl is not None and ssl.OPENSSL_VERSION_INFO < (1, 1, 1):
        ssl.RAND_add(_urandom(SEED_BYTES), float(SEED_BYTES))
