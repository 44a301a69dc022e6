"""The pods of one StatefulSet by ordinal, kept as they change (see engine.controllers.pod_tally).

A sync must not look at every pod: an ordered set of a thousand pods is synced some thousand times. So pods that are
as they should be are only counted; the others (starting, not ready, being deleted, finished, with a wrong identity)
are in `unsettled`, which is what a sync looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from engine.clock import SECOND, parse_time
from engine.controllers.ownership import Matches, label_selector
from store.types import Envelope, JsonObject, ObjectKey, Uid

POD_NAME_LABEL: Final = "statefulset.kubernetes.io/pod-name"
REVISION_LABEL: Final = "controller-revision-hash"


class Member(NamedTuple):
    """What matters about one pod."""

    key: ObjectKey
    uid: Uid
    ordinal: int
    phase: str
    terminating: bool
    ready: bool
    """It runs and is ready."""
    since: int
    """Instant at which it became ready; 0 while it is not."""
    revision: str
    """Name of the ControllerRevision that it was made from."""
    fits: bool
    """It has the labels and the volumes of its ordinal."""

    @property
    def finished(self) -> bool:
        return self.phase in ("Failed", "Succeeded")


def ordinal_of(set_name: str, pod_name: str) -> int | None:
    """The ordinal in a pod's name; None when the name is none of this set's."""
    prefix, dash, digits = pod_name.rpartition("-")
    if not dash or prefix != set_name or not digits.isdecimal() or (digits[0] == "0" and digits != "0"):
        return None
    return int(digits)


def claim_templates(owner: Envelope) -> list[JsonObject]:
    return owner.obj["spec"].get("volumeClaimTemplates") or []


def claim_name(template: JsonObject, set_name: str, ordinal: int) -> str:
    """Name of the claim that a template makes for an ordinal."""
    return f"{template['metadata']['name']}-{set_name}-{ordinal}"


class Roster:
    """The pods that one StatefulSet controls."""

    def __init__(self, owner: Envelope) -> None:
        spec = owner.obj["spec"]
        self.key = (owner.namespace, owner.name)
        self.selector: JsonObject | None = spec.get("selector")
        self.matches: Matches = label_selector(self.selector)
        self.claim_due = True
        self.min_ready: int = spec.get("minReadySeconds", 0) * SECOND
        self.claims = [template["metadata"]["name"] for template in claim_templates(owner)]
        self.members: dict[int, Member] = {}
        self.unsettled: dict[int, None] = {}
        """Ordinals of pods that are not running, ready, available and right in every respect."""
        self.unchecked: dict[int, None] = {}
        """Ordinals whose claims were not compared with the retention policy since something changed."""
        self.policy: object = None
        """What the claims were compared with."""
        self.foreign: dict[ObjectKey, None] = {}
        """Pods to be released: the selector or the name does not match."""
        self.revisions: dict[str, int] = {}
        """How many pods there are of a revision, those aside that are being deleted."""
        self.ready = 0
        self._maturing: dict[int, int] = {}
        """Ready pods that are not known to have been so for minReadySeconds: ordinal → since."""

    def fits(self, owner: Envelope) -> bool:
        spec = owner.obj["spec"]
        return bool(spec.get("selector") == self.selector and spec.get("minReadySeconds", 0) * SECOND == self.min_ready)

    # -- numbers ---------------------------------------------------------------------------------------------------

    def available(self, now: int) -> int:
        """Pods that have been ready for minReadySeconds."""
        if self._maturing:
            for ordinal in [o for o, since in self._maturing.items() if since + self.min_ready <= now]:
                del self._maturing[ordinal]
                self._file(self.members[ordinal])
        return self.ready - len(self._maturing)

    def is_available(self, member: Member, now: int) -> bool:
        return member.ready and (not self.min_ready or member.since + self.min_ready <= now)

    def next_available(self) -> int | None:
        """The next instant at which a pod becomes available just because time passes."""
        return min(self._maturing.values()) + self.min_ready if self._maturing else None

    def first_gap(self, start: int, count: int) -> int | None:
        """The lowest ordinal without a pod."""
        members = self.members
        for ordinal in range(start, start + count):
            if ordinal not in members:
                return ordinal
        return None

    # -- changes ---------------------------------------------------------------------------------------------------

    def put(self, env: Envelope, same_labels: bool = False) -> bool:
        ordinal = ordinal_of(self.key[1], env.name)
        if ordinal is None or (env.key in self.foreign if same_labels else not self.matches(env.labels)):
            changed = self.drop(env.key)
            self.foreign[env.key] = None
            return changed
        if self.foreign:
            self.foreign.pop(env.key, None)
        member = self._member(env, ordinal)
        before = self.members.get(ordinal)
        if member == before:
            return False
        if before is not None:
            self._uncount(before)
        self.members[ordinal] = member
        if self.claims and (before is None or before.uid != member.uid):
            self.unchecked[ordinal] = None
        if not member.terminating:
            self.revisions[member.revision] = self.revisions.get(member.revision, 0) + 1
        if member.ready:
            self.ready += 1
            if self.min_ready:
                self._maturing[ordinal] = member.since
        self._file(member)
        return True

    def drop(self, key: ObjectKey) -> bool:
        self.foreign.pop(key, None)
        ordinal = ordinal_of(self.key[1], key.name)
        before = self.members.get(ordinal) if ordinal is not None else None
        if before is None or ordinal is None:
            return False
        self._uncount(before)
        del self.members[ordinal]
        self.unsettled.pop(ordinal, None)
        self.unchecked.pop(ordinal, None)
        return True

    def _uncount(self, member: Member) -> None:
        if not member.terminating:
            left = self.revisions[member.revision] - 1
            if left:
                self.revisions[member.revision] = left
            else:
                del self.revisions[member.revision]
        if member.ready:
            self.ready -= 1
            self._maturing.pop(member.ordinal, None)

    def _file(self, member: Member) -> None:
        if member.ready and member.fits and not member.terminating and member.ordinal not in self._maturing:
            self.unsettled.pop(member.ordinal, None)
        else:
            self.unsettled[member.ordinal] = None

    def _member(self, env: Envelope, ordinal: int) -> Member:
        obj = env.obj
        status: Mapping[str, Any] = obj.get("status") or {}
        phase = status.get("phase", "")
        since = 0
        if phase == "Running":
            for condition in status.get("conditions") or ():
                if condition["type"] == "Ready" and condition["status"] == "True":
                    stamp = condition.get("lastTransitionTime")
                    since = (parse_time(stamp) if stamp and self.min_ready else 0) or 1
        labels = env.labels
        return Member(
            env.key, env.uid, ordinal, phase, "deletionTimestamp" in obj["metadata"], since > 0, since,
            labels.get(REVISION_LABEL, ""),
            labels.get(POD_NAME_LABEL) == env.name and (not self.claims or self._has_volumes(obj, ordinal)),
        )  # fmt: skip

    def _has_volumes(self, obj: JsonObject, ordinal: int) -> bool:
        """storageMatches."""
        found = {volume["name"]: volume.get("persistentVolumeClaim") for volume in obj["spec"].get("volumes") or ()}
        return all(
            (found.get(name) or {}).get("claimName") == f"{name}-{self.key[1]}-{ordinal}" for name in self.claims
        )
