"""Which versions of a document a caller allows to be replaced."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The ETags of an If-Match header, without quotes; None stands for ``*``, any version."""

    etags: frozenset[str] | None

    def allows(self, etag: str) -> bool:
        """May the version with this ETag be replaced?"""
        return self.etags is None or etag in self.etags
