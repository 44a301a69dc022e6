"""Server-side apply: the object that comes of it, and who owns its fields then.

What the configuration says is set; what this manager said before, says no longer, and nobody else owns, is removed;
what would change a field of another manager is a conflict, unless forced. Equal values are shared, not fought over.
Source: structured-merge-diff merge/update.go (Apply, prune), managedfields/internal/lastapplied*.go.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.api.apply import LAST_APPLIED, annotated, original_of
from engine.api.kinds import Kind
from engine.api.managed.components import components
from engine.api.managed.conflicts import Conflicting, refusal
from engine.api.managed.fields import NOTHING, FieldSet
from engine.api.managed.managers import (
    BEFORE_FIRST_APPLY,
    Entry,
    Manager,
    Managers,
    owned,
    read,
    without,
)
from engine.api.managed.typed import Node, changes, fields_of, merged, pruned
from store.types import JsonObject

_KUBECTL: Final = "kubectl"


class Applied(NamedTuple):
    """What an apply makes of an object."""

    obj: JsonObject
    managers: Managers


class Applying(NamedTuple):
    """One apply: a configuration in its stored version, by a manager."""

    kind: Kind
    """In the version that the configuration is written in."""
    stored: Kind
    """In the version that is stored."""
    manager: Manager
    config: JsonObject
    """Without what this door does not write (status, or all but status)."""
    node: Node
    """The kind's schema."""
    force: bool
    now: str

    @property
    def fields(self) -> FieldSet:
        """What the configuration owns."""
        return self._owned(self.config)

    def _owned(self, obj: JsonObject) -> FieldSet:
        return owned(fields_of(obj, self.node), self.manager.subresource, "status" in self.kind.subresources)

    def created(self) -> Managers:
        """The managers of an object that the apply creates."""
        fields = self.fields
        return {self.manager: Entry(fields, self.now)} if fields else {}

    def to(self, live: JsonObject) -> Applied:
        """Apply to a live object. Conflict (409) when others' fields stand against it."""
        told = components(self.stored, live, self.node)
        managers = {**told, **read(live["metadata"])}
        if "managedFields" not in live["metadata"] and not any(self._same_door(each) for each in told):
            managers |= self._before_first(live)
        mine, fields = managers.get(self.manager), self.fields
        others: FieldSet = NOTHING.union(*(entry.fields for each, entry in managers.items() if each != self.manager))
        new: JsonObject = merged(live, self.config, self.node)
        changed, _ = changes(live, new, self.node)
        found = [
            Conflicting(each, path)
            for each in sorted(managers) if each != self.manager
            for path in sorted(managers[each].fields & changed)
        ]  # fmt: skip
        if found and not self.force:
            ours = self._taken_over(live)
            found = [each for each in found if each.path not in ours]
            if found:
                raise refusal(found)
        lost = (NOTHING if mine is None else mine.fields) - fields - others
        if lost:
            new = pruned(new, self.node, lost, others | fields)
        changed, removed = changes(live, new, self.node)
        after = without(managers, changed | removed, self.manager)
        if mine is None or mine.fields != fields or changed or removed:
            after[self.manager] = Entry(fields, self.now)
        if not fields:
            after.pop(self.manager, None)
        for each in told:
            if each.subresource:
                after.pop(
                    each, None
                )  # it is told anew whenever it is asked for: components do not book what they write
        return Applied(self._annotated(live, new), after)

    def _same_door(self, other: Manager) -> bool:
        return other.subresource == self.manager.subresource

    def _before_first(self, live: JsonObject) -> Managers:
        """Owners of an object that has none: whoever made it, before anybody applied."""
        fields = self._owned(live)
        manager = Manager(BEFORE_FIRST_APPLY, "Update", self.kind.api_version)
        return {manager: Entry(fields, self.now)} if fields else {}

    def _taken_over(self, live: JsonObject) -> FieldSet:
        """What kubectl may take over: what it applied on the client's side and nobody has changed since."""
        original = original_of(live) if self.manager.name == _KUBECTL else None
        if original is None:
            return NOTHING
        moved, _ = changes(original, live, self.node)
        return self._owned(original) - moved

    def _annotated(self, live: JsonObject, new: JsonObject) -> JsonObject:
        """kubectl's note of what was applied last follows, so that one may go back to applying on the client's side."""
        notes = live["metadata"].get("annotations") or {}
        if self.manager.name != _KUBECTL or LAST_APPLIED not in notes:
            return new
        text = annotated(self.config)["metadata"]["annotations"][LAST_APPLIED]
        meta = new["metadata"]
        return {**new, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), LAST_APPLIED: text}}}
