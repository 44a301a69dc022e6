"""News of files turned into records: which documents are to be applied, which objects are declared no more.

A document that is as it was, and applied, is not applied again; its lines may have moved. A file that broke keeps its
claims on what can no longer be read in it. At a start the cluster is searched for objects that the folder created in an
earlier life and that no file declares any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from engine.api.server import Api
from engine.folder.apply import OWNER, key_of, owning_file
from engine.folder.documents import ParsedFile
from engine.folder.records import Claims, DocumentRecord, FileRecord
from engine.folder.watch import FileNews
from store.types import ObjectKey, Resource

_NOTHING: Final = ParsedFile((), (), False, {})
_NEEDLE: Final = OWNER.encode()


class Taken(NamedTuple):
    """What news ask for."""

    fresh: list[DocumentRecord]
    """To be applied."""
    dropped: dict[ObjectKey, str]
    """Declared no more by the file that is named; perhaps by another one."""


class Intake:
    """Owns the records of the files, and keeps the claims up to date."""

    def __init__(self, api: Api, claims: Claims, watch: Callable[[Resource], None]) -> None:
        """`watch` is told of each resource that is declared."""
        self._api, self._claims, self._watch = api, claims, watch
        self.files: dict[str, FileRecord] = {}

    def take_over(self, news: Sequence[FileNews], first: bool) -> Taken:
        """`first`: the news are all that there is, after a start."""
        taken = Taken([], {})
        for item in news:
            self._one(item, taken)
        if first and "." not in self.files:  # a folder that is not there has left nothing behind
            for key, path in self._left_behind():
                taken.dropped.setdefault(key, path)
        return taken

    def _one(self, news: FileNews, taken: Taken) -> None:
        before = self.files.get(news.path)
        if news.fault and before is not None:
            before.fault = news.fault
            before.changed()
            return
        if news.saved_as_it_was:
            if before is not None:
                taken.fresh.extend(record for record in before.documents if record.state != "applied")
                before.fault = ""
                before.changed()
            return
        after = FileRecord(news.path, news.parsed or _NOTHING, [], fault=news.fault, note=news.note)
        if news.gone:
            self.files.pop(news.path, None)
        else:
            self.files[news.path] = after
        gone = self._replace(before, after, taken)
        for key in gone:
            if before is not None and key in before.kept:
                self._claims.drop_kept(key, news.path)
            if after.parsed.broken and not news.gone:
                after.kept[key] = None
                self._claims.keep(key, news.path)
            else:
                taken.dropped[key] = news.path

    def _replace(self, before: FileRecord | None, after: FileRecord, taken: Taken) -> dict[ObjectKey, None]:
        """Records of the new contents; returns the objects that the old ones declared and the new ones do not."""
        known: dict[tuple[str, str, str, str], DocumentRecord] = {}
        for record in before.documents if before is not None else ():
            known.setdefault(_identity(record), record)
            self._claims.remove(record)
        for position, document in enumerate(after.parsed.documents):
            record = DocumentRecord(after.path, position, document)
            after.documents.append(record)
            found = key_of(self._api, document)
            if found is not None:
                record.key = found[1]
                self._claims.add(record)
                self._watch(record.key.resource)
            earlier = known.pop(_identity(record), None)
            if earlier is None or not self._stays_applied(record, earlier):
                taken.fresh.append(record)
        gone = {record.key: None for record in known.values() if record.key is not None}
        return gone | (before.kept if before is not None else {})

    def _stays_applied(self, record: DocumentRecord, earlier: DocumentRecord) -> bool:
        if earlier.state != "applied" or earlier.document.obj != record.document.obj:
            return False
        if record.key is None or len(self._claims.all(record.key)) > 1:
            return False
        record.baseline, record.revision = earlier.baseline, earlier.revision
        record.settle("applied")
        return True

    def _left_behind(self) -> list[tuple[ObjectKey, str]]:
        broken = tuple(path for path, record in self.files.items() if record.parsed.broken or record.fault)
        found: list[tuple[ObjectKey, str]] = []
        for kind in self._api.kinds.all():
            for env in self._api.store.list(kind.resource):
                if _NEEDLE not in env.raw or (path := owning_file(env)) is None or self._claims.claimed(env.key):
                    continue
                unreadable = next((name for name in broken if path == name or path.startswith(name + "/")), None)
                if unreadable is not None:
                    self.files[unreadable].kept[env.key] = None
                    self._claims.keep(env.key, unreadable)
                else:
                    found.append((env.key, path))
        return found


def _identity(record: DocumentRecord) -> tuple[str, str, str, str]:
    document = record.document
    return document.api_version, document.kind, document.namespace, document.name
