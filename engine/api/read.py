"""Reading: lists with selectors, chunks and resourceVersion semantics, and watches as a selector sees them.

The engine reads its own present (`find`, `get`) at no cost. Lists are of the present too; a list in chunks stays the
list of one moment: envelopes are immutable, so the rest of a chunked list is kept as references, a bounded number of
them, and a continue token whose list is gone gets an honest 410.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import orjson

from engine.api import errors, selectors
from engine.api.errors import Cause
from engine.api.kinds import Kind
from engine.api.requests import Context, ListResult
from store.types import Envelope, EventType, Expired, FutureRevision, Resource, Revision, WatchEvent

_SNAPSHOTS: Final = 32
"""Chunked lists that can be continued at a time."""
_GONE: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)

Matcher = Callable[[Envelope], bool]
_Snapshot = tuple[Resource, str | None, str, str, Revision]


def matcher(kind: Kind, labels: str, fields: str) -> Matcher | None:
    """One predicate for both selectors; None when everything matches. BadRequest when they cannot be read."""
    by_labels = selectors.parse_labels(labels) if labels else None
    by_fields = selectors.parse_fields(fields, kind) if fields else None
    if by_labels is not None and by_fields is not None:
        label_matches, field_matches = by_labels.matches, by_fields.matches
        return lambda env: label_matches(env.labels) and field_matches(env)
    if by_labels is not None:
        matches = by_labels.matches
        return lambda env: matches(env.labels)
    return by_fields.matches if by_fields is not None else None


def revision_of(text: str, name: str = "resourceVersion") -> int:
    """A resourceVersion parameter as a number; "" is 0. BadRequest when it is none."""
    if not text:
        return 0
    if not text.isascii() or not text.isdigit():
        cause = Cause("", name, f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
        raise errors.BadRequest(f"invalid resource version: {cause}")
    return int(text)


def too_large(asked: int, current: int) -> errors.ServerTimeout:
    """The revision has not happened yet."""
    return errors.ServerTimeout(
        f"Timeout: Too large resource version: {asked}, current: {current}",
        causes=[Cause("ResourceVersionTooLarge", "", "Too large resource version")],
        retry_after=1,
    )


class Listing(NamedTuple):
    """A list that was begun: what there is, and which of it is wanted."""

    kind: Kind
    namespace: str | None
    labels: str
    fields: str
    limit: int
    items: Sequence[Envelope]
    """All there is."""
    revision: Revision
    matches: Matcher | None
    """None: all of it is wanted. May be asked on any thread, since envelopes never change."""


class Reader:
    """Lists, in one step or in two: who comes from outside chooses among the items beside the engine."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._snapshots: dict[_Snapshot, Sequence[Envelope]] = {}

    def list(
        self, kind: Kind, namespace: str | None, labels: str, fields: str, limit: int, continue_token: str,
        resource_version: str, resource_version_match: str,
    ) -> ListResult:  # fmt: skip
        found = self.begin(
            kind, namespace, labels, fields, limit, continue_token, resource_version, resource_version_match
        )
        if isinstance(found, ListResult):
            return found
        assert found.matches is not None, "else there was nothing to choose"
        return self.end(found, [env for env in found.items if found.matches(env)])

    def begin(
        self, kind: Kind, namespace: str | None, labels: str, fields: str, limit: int, continue_token: str,
        resource_version: str, resource_version_match: str,
    ) -> ListResult | Listing:  # fmt: skip
        """The list, or a Listing to choose from when there are selectors: then `end` makes the list of what matched."""
        matches = matcher(kind, labels, fields)
        if continue_token:
            return self._continue(kind, namespace, labels, fields, limit, continue_token, bool(matches))
        asked = revision_of(resource_version)
        self._check_match(resource_version, resource_version_match, asked)
        head = self._store.revision
        if asked > head:
            raise too_large(asked, head)
        items: Sequence[Envelope]
        if asked and resource_version_match == "Exact" and asked != head:
            items, head = self._as_of(kind, namespace, Revision(asked)), Revision(asked)
        else:
            items = self._store.list(kind.stored_as, namespace)
        found = Listing(kind, namespace, labels, fields, limit, items, head, matches)
        return found if matches is not None else self.end(found, items)

    def end(self, begun: Listing, items: Sequence[Envelope]) -> ListResult:
        """The first chunk of the items that were chosen."""
        return self._chunk(
            begun.kind, begun.namespace, begun.labels, begun.fields, items, 0, begun.limit, begun.revision,
            begun.matches is not None,
        )  # fmt: skip

    def _check_match(self, resource_version: str, match: str, asked: int) -> None:
        if match and not resource_version:
            text = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
            raise errors.invalid("meta.k8s.io", "ListOptions", "", [Cause("", "resourceVersionMatch", text)])
        if match == "Exact" and not asked:
            text = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            raise errors.invalid("meta.k8s.io", "ListOptions", "", [Cause("", "resourceVersionMatch", text)])
        if match not in ("", "Exact", "NotOlderThan"):
            text = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
            raise errors.invalid("meta.k8s.io", "ListOptions", "", [Cause("", "resourceVersionMatch", text)])

    def _as_of(self, kind: Kind, namespace: str | None, revision: Revision) -> Sequence[Envelope]:
        try:
            return self._store.history.state_at(revision, kind.stored_as, namespace)
        except Expired as error:
            raise errors.Gone("The resourceVersion for the provided list is too old.") from error
        except FutureRevision as error:
            raise too_large(error.asked, error.current) from error

    def _chunk(
        self, kind: Kind, namespace: str | None, labels: str, fields: str, items: Sequence[Envelope], start: int,
        limit: int, revision: Revision, selected: bool,
    ) -> ListResult:  # fmt: skip
        end = start + limit
        if not limit or end >= len(items):
            return ListResult(items[start:] if start else items, revision)
        key = (kind.resource, namespace, labels, fields, revision)
        self._snapshots.pop(key, None)
        self._snapshots[key] = items
        if len(self._snapshots) > _SNAPSHOTS:
            del self._snapshots[next(iter(self._snapshots))]
        last = items[end - 1]
        place = f"{last.namespace}/{last.name}" if namespace is None and last.namespace else last.name
        token = orjson.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": f"{place}\0"})
        remaining = None if selected else len(items) - end
        return ListResult(
            items[start:end], revision, base64.urlsafe_b64encode(token).rstrip(b"=").decode(), remaining
        )  # fmt: skip

    def _continue(
        self, kind: Kind, namespace: str | None, labels: str, fields: str, limit: int, token: str, selected: bool
    ) -> ListResult:
        revision, start = _read_token(token)
        items = self._snapshots.get((kind.resource, namespace, labels, fields, Revision(revision)))
        if items is None:
            raise errors.Gone(_GONE)
        index = 0
        for index, env in enumerate(items):  # noqa: B007  the place is used after the loop
            place = f"{env.namespace}/{env.name}" if namespace is None and env.namespace else env.name
            if f"{place}\0" == start:
                break
        return self._chunk(
            kind, namespace, labels, fields, items, index + 1, limit, Revision(revision), selected
        )  # fmt: skip


def _read_token(token: str) -> tuple[int, str]:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        found = orjson.loads(raw)
        return int(found["rv"]), str(found["start"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        why = f"invalid continue token: continue key is not valid: {_unreadable(token)}"
        raise errors.BadRequest(why) from None


def _unreadable(token: str) -> str:
    """What Go's decoders of base64 and JSON say of a token that is none of ours."""
    foreign = re.search(r"[^-_A-Za-z0-9]", token)
    if foreign or len(token) % 4 == 1:
        return f"illegal base64 data at input byte {foreign.start() if foreign else len(token) - 1}"
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).lstrip()
    if not raw:
        return "unexpected end of JSON input"
    if raw[:1] != b"{":
        return f"invalid character '{chr(raw[0])}' looking for beginning of value"
    return "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"


class WatchNotice(NamedTuple):
    """One event of a watch, as its selectors see it."""

    type: EventType
    now: Envelope
    """The object; for DELETED its last state that matched, stamped with the revision."""
    revision: Revision


class Watch:
    """A cursor on committed revisions of one resource. `poll` never waits; `Expired` once it fell behind the ring."""

    def __init__(
        self, context: Context, kind: Kind, namespace: str | None, since: int, matches: Matcher | None
    ) -> None:
        self._resource, self._namespace, self._matches = kind.stored_as, namespace, matches
        self._store = context.store
        self.revision = Revision(since)
        """Everything up to here was seen: what a BOOKMARK says, and from where a new watch would go on."""
        if since > self._store.revision:
            raise too_large(since, self._store.revision)
        try:
            self._cursor = self._store.watch(Revision(since))
        except Expired as error:
            raise errors.Gone(str(error)) from error

    def poll(self, limit: int = 1000) -> list[WatchNotice]:
        """Up to `limit` events that are committed, in revision order. Raises Gone (410) behind the ring's tail."""
        found: list[WatchNotice] = []
        while len(found) < limit:
            try:
                events = self._cursor.poll(limit - len(found))
            except Expired as error:
                raise errors.Gone(str(error)) from error
            if not events:
                break
            self._select(events, found)
        self.revision = self._cursor.position
        return found

    def _select(self, events: Sequence[WatchEvent], found: list[WatchNotice]) -> None:
        group, plural = self._resource
        for event in events:
            key = event.now.key
            if key.plural != plural or key.group != group:
                continue
            if self._namespace is None or key.namespace == self._namespace:
                notice = self._seen(event)
                if notice is not None:
                    found.append(notice)

    def _seen(self, event: WatchEvent) -> WatchNotice | None:
        matches = self._matches
        if matches is None:
            return WatchNotice(event.type, event.now, event.revision)
        now = event.type != "DELETED" and matches(event.now)
        earlier = event.before if event.before is not None and matches(event.before) else None
        if now:
            return WatchNotice("ADDED" if earlier is None else "MODIFIED", event.now, event.revision)
        if earlier is not None:
            gone = event.now if event.type == "DELETED" else _stamped(earlier, event.revision)
            return WatchNotice("DELETED", gone, event.revision)
        return None


def _stamped(env: Envelope, revision: Revision) -> Envelope:
    """The last state that a selector saw, at the revision that took it out of view."""
    obj = {**env.obj, "metadata": {**env.obj["metadata"], "resourceVersion": str(revision)}}
    return Envelope(env.key, revision, orjson.dumps(obj), obj)
