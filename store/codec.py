"""How a body is kept in the revision log: zstd, level 1, with a dictionary trained on the cluster's own objects.

A dictionary brings a 2 KB pod to about 200 bytes. Each row decodes alone, so compaction may remove any other row.
A new store starts without one, trains its first after a few hundred writes, and later ones when the cluster has
grown into something else. Dictionaries are numbered from 1 and never change: rows name the one they need.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import zstandard

from store.types import Packed

LEVEL: Final = 1
NO_DICTIONARY: Final = 0
_DICTIONARY_BYTES: Final = 32 * 1024
_TRAIN_AT: Final = (300, 3_000, 12_000, 50_000, 500_000)
"""Rows seen when the first, second … dictionary is trained (0.05 to 0.3 s of the writer thread, GIL released)."""
_SAMPLES_PER_KIND: Final = 80
_FEWEST_SAMPLES: Final = 32


class Encoder:
    """Compresses bodies for the log. Belongs to the writer thread."""

    def __init__(self, dictionaries: Mapping[int, bytes], rows_seen: int = 0) -> None:
        """`rows_seen`: rows that the log already has."""
        self.dict_id = max(dictionaries, default=NO_DICTIONARY)
        self._rows = rows_seen
        self._samples: dict[tuple[str, ...], deque[bytes]] = {}
        self._compressor = _compressor(dictionaries.get(self.dict_id))
        self.packed = packed_by(dictionaries.get(self.dict_id))
        """What the bodies of `encode` are, for those who keep them in memory."""

    def encode(self, bodies: Sequence[bytes]) -> list[bytes]:
        """Compress a block of bodies. The interpreter's lock is given up once for the block, not once for each."""
        if len(bodies) == 1:
            return [self._compressor.compress(bodies[0])]
        segments = self._compressor.multi_compress_to_buffer(list(bodies))
        return [segments[i].tobytes() for i in range(len(segments))]

    def sample(self, kind: tuple[str, ...], body: bytes) -> None:
        """Note a body that the next dictionary may learn from."""
        samples = self._samples.get(kind)
        if samples is None:
            samples = self._samples[kind] = deque(maxlen=_SAMPLES_PER_KIND)
        samples.append(body)

    def train(self, rows: int) -> bytes | None:
        """Account for `rows` more rows; a new dictionary if it is time for one. From now on it is used."""
        self._rows += rows
        if self.dict_id >= len(_TRAIN_AT) or self._rows < _TRAIN_AT[self.dict_id]:
            return None
        samples: list[bytes | bytearray | memoryview] = [body for kind in self._samples.values() for body in kind]
        if len(samples) < _FEWEST_SAMPLES:
            return None
        try:
            data = zstandard.train_dictionary(_DICTIONARY_BYTES, samples).as_bytes()
        except zstandard.ZstdError:
            # Too few or too uniform: then a plain piece of the samples serves as well.
            data = b"".join(samples)[-_DICTIONARY_BYTES:]
        self._samples.clear()
        self.dict_id += 1
        self._compressor = _compressor(data)
        self.packed = packed_by(data)
        return data


def decoder(dictionaries: Mapping[int, bytes]) -> Callable[[int, bytes], bytes]:
    """A function (dictionary number, stored body) -> body. Not to be shared between threads."""
    decompressors: dict[int, zstandard.ZstdDecompressor] = {}

    def decode(dict_id: int, body: bytes) -> bytes:
        decompressor = decompressors.get(dict_id)
        if decompressor is None:
            data = dictionaries.get(dict_id)
            dictionary = zstandard.ZstdCompressionDict(data) if data is not None else None
            decompressor = decompressors[dict_id] = zstandard.ZstdDecompressor(dict_data=dictionary)
        return decompressor.decompress(body)

    return decode


def packed_by(data: bytes | None) -> type[Packed]:
    """The kind of `Packed` that a dictionary makes, None: made without one."""
    dictionary = zstandard.ZstdCompressionDict(data) if data is not None else None
    decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)
    lock = threading.Lock()  # a decompressor serves one thread at a time

    class PackedByDictionary(Packed):
        __slots__ = ()

        def unpack(self) -> bytes:
            with lock:
                return decompressor.decompress(self)

    return PackedByDictionary


def _compressor(data: bytes | None) -> zstandard.ZstdCompressor:
    if data is None:
        return zstandard.ZstdCompressor(level=LEVEL)
    dictionary = zstandard.ZstdCompressionDict(data)
    dictionary.precompute_compress(level=LEVEL)
    return zstandard.ZstdCompressor(level=LEVEL, dict_data=dictionary)
