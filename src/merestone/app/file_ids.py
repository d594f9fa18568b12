"""The ids of a file's records: how many are missing or occur again."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


class SeenIds:
    """Takes the ids batch by batch; ids that only rise, as most files' do, cost next to nothing."""

    def __init__(self) -> None:
        self.n_missing = 0
        self._kept: list[pa.Array] = []
        self._is_rising = True
        self._last: pa.Scalar | None = None

    def add(self, ids: pa.ChunkedArray) -> None:
        """Take the ids of the next records."""
        for chunk in ids.chunks:
            if len(chunk):
                self.n_missing += chunk.null_count
                self._add(_own_copy(chunk))

    def _add(self, ids: pa.Array) -> None:
        self._kept.append(ids)
        self._is_rising = self._is_rising and ids.null_count == 0 and self._rises(ids)
        self._last = ids[-1]

    def _rises(self, ids: pa.Array) -> bool:
        try:
            if self._last is not None and not pc.less(self._last, ids[0]).as_py():
                return False
            return pc.all(pc.less(ids.slice(0, len(ids) - 1), ids.slice(1))).as_py() is not False
        except pa.ArrowNotImplementedError:
            return False

    def repeated(self) -> tuple[int, str | None]:
        """Return how many ids occur more than once, and the first of them."""
        if self._is_rising or not self._kept:
            return 0, None
        ids = pa.chunked_array(self._kept).drop_null()
        if pc.count_distinct(ids).as_py() == len(ids):
            return 0, None
        counts = ids.value_counts()
        often = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        return len(often), str(often[0].as_py())


def _own_copy(ids: pa.Array) -> pa.Array:
    """Return the ids without the batch they came in, which would stay in memory with them."""
    if pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    if pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type):
        return pc.binary_join_element_wise(ids, "", "")
    return (
        ids.take(pa.array(range(0), pa.int64())) if not len(ids) else pa.concat_arrays([ids, ids.slice(0, 0)])
    )
