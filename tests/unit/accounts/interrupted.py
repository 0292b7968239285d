"""An index whose writes are overtaken."""

from collections.abc import Callable, Mapping

from chalicelib.ports import Add, Change, Entry, Index, Page, TextPage


class Interrupted:
    """An index in which something else happens just before the next write."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.before_write: Callable[[], object] | None = None

    def get(self, partition: str, key: str) -> Entry | None:
        return self._index.get(partition, key)

    def query(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page:
        return self._index.query(partition, prefix, limit=limit, after=after)

    def texts(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> TextPage:
        return self._index.texts(partition, prefix, limit=limit, after=after)

    def write(self, *changes: Change) -> None:
        happening, self.before_write = self.before_write, None
        if happening is not None:
            happening()
        self._index.write(*changes)

    def add(self, addition: Add) -> Mapping[str, int]:
        return self._index.add(addition)

    def expire(self, now: float) -> int:
        return self._index.expire(now)
