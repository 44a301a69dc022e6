"""Namespaces that are being deleted are emptied, then let go (kube-controller-manager's namespace-controller).

Pods go first and get their grace; only when none is left everything else follows, kind by kind. What remains is told
in the namespace's conditions, with Kubernetes' words, and looked at again after half the time it may take. When
nothing remains, the finalizer `kubernetes` is taken off and the API removes the namespace. Deletion starts 5 seconds
after it was asked for, so that objects created at the last moment are seen.

(pkg/controller/namespace/deletion: namespaced_resources_deleter.go, status_condition_utils.go.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.api.errors import ApiError, InternalError, NotFound
from engine.api.kinds import NAMESPACES, PODS, Kind
from engine.clock import SECOND, parse_time, rfc3339
from engine.controllers.controller import Key, Queue, Watch, being_deleted
from store.types import DELETED, Envelope, JsonObject, ObjectKey, WatchEvent

if TYPE_CHECKING:
    from engine.controllers.registry import ControllerContext

_DELAY: Final = 5 * SECOND
"""namespaceDeletionGracePeriod."""
_FINALIZER_ESTIMATE: Final = 15
"""Seconds that finalizers of content are given before the next look."""
_STEP: Final = 25
"""Objects deleted in one step."""
_FINALIZER: Final = "kubernetes"
_WELL: Final = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions", "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted", "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}  # fmt: skip
"""Each condition's reason and message while it is False, in the order in which they are listed."""


class _Remaining(NamedTuple):
    """What is left of a namespace's content."""

    by_kind: dict[str, int]
    """Count by `pods.` or `deployments.apps`."""
    by_finalizer: dict[str, int]
    estimate: int
    """Seconds that it may take to go; 0 when nothing waits for time or finalizers."""
    errors: list[str]


class _Pass:
    """One walk over the content: what is still to be deleted, and which deletions were refused."""

    def __init__(self) -> None:
        self.todo: list[ObjectKey] = []
        self.refused: dict[ObjectKey, str] = {}


class NamespaceController:
    """One per cluster."""

    def __init__(self, context: ControllerContext) -> None:
        self.name = context.name
        self._api, self._clock, self._caller = context.api, context.clock, context.caller
        self._passes: dict[Key, _Pass] = {}
        self._queue: Queue | None = None

    def watches(self) -> Sequence[Watch]:
        return (Watch(NAMESPACES, self._deleted_namespace),)

    def start(self, queue: Queue) -> None:
        self._queue = queue
        self._passes.clear()

    def reconcile(self, key: Key) -> int | None:
        env = self._api.find(NAMESPACES, *key)
        if env is None or not being_deleted(env.obj) or not env.obj["spec"].get("finalizers"):
            self._passes.pop(key, None)
            return None
        walk = self._passes.setdefault(key, _Pass())
        if not walk.todo:
            walk.todo = self._next_content(env.name, walk)
        if walk.todo:
            self._delete_some(walk)
            return 0
        del self._passes[key]
        left = self._remaining(env, walk)
        env = self._write_conditions(env, left)
        if left.errors:
            raise InternalError(", ".join(left.errors))
        if left.by_kind:
            return (left.estimate // 2 + 1) * SECOND
        self._finalize(env)
        return None

    # -- content ---------------------------------------------------------------------------------------------------

    def _kinds(self) -> list[Kind]:
        """Namespaced kinds whose objects can be deleted, pods first."""
        kinds = [
            kind for kind in self._api.kinds.all()
            if kind.namespaced and kind.stored and kind.storage is None and "delete" in kind.verbs
        ]  # fmt: skip
        return sorted(kinds, key=lambda kind: kind.resource != PODS)

    def _next_content(self, namespace: str, walk: _Pass) -> list[ObjectKey]:
        """Objects of the next kind that has any which nobody asked to go; none of the others while pods are left."""
        for kind in self._kinds():
            content = self._api.store.list(kind.resource, namespace)
            todo = [env.key for env in content if not being_deleted(env.obj) and env.key not in walk.refused]
            if todo or (content and kind.resource == PODS):
                todo.reverse()
                return todo
        return []

    def _delete_some(self, walk: _Pass) -> None:
        for _ in range(min(_STEP, len(walk.todo))):
            key = walk.todo.pop()
            try:
                self._api.delete(self._caller, key.resource, key.namespace, key.name)
            except NotFound:
                continue
            except ApiError as error:
                walk.refused[key] = str(error)

    def _remaining(self, env: Envelope, walk: _Pass) -> _Remaining:
        left = _Remaining({}, {}, 0, list(dict.fromkeys(walk.refused.values())))
        estimate = 0
        for kind in self._kinds():
            content = self._api.store.list(kind.resource, env.name)
            if not content:
                continue
            left.by_kind[f"{kind.resource.plural}.{kind.resource.group}"] = len(content)
            finalizers = [name for item in content for name in item.obj["metadata"].get("finalizers") or ()]
            for name in finalizers:
                left.by_finalizer[name] = left.by_finalizer.get(name, 0) + 1
            wait = self._grace_left(env, content) if kind.resource == PODS else 0
            if not wait and finalizers:
                wait = _FINALIZER_ESTIMATE
            if not wait and not walk.refused:
                where = f"{kind.resource.group}/{kind.version}, Resource={kind.resource.plural}"
                left.errors.append(f"unexpected items still remain in namespace: {env.name} for gvr: {where}")
            estimate = max(estimate, wait)
            if kind.resource == PODS:
                break
        return left._replace(estimate=estimate)

    def _grace_left(self, env: Envelope, pods: Sequence[Envelope]) -> int:
        """The longest grace of the pods, 0 once that much time has passed since the namespace's deletion."""
        longest = max(
            (
                pod.obj["spec"].get("terminationGracePeriodSeconds") or 0 for pod in pods
                if (pod.obj.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
            ),
            default=0,
        )  # fmt: skip
        passed = self._clock.now() - parse_time(env.obj["metadata"]["deletionTimestamp"])
        return 0 if passed >= longest * SECOND else longest

    # -- the namespace itself --------------------------------------------------------------------------------------

    def _write_conditions(self, env: Envelope, left: _Remaining) -> Envelope:
        troubles: dict[str, tuple[str, str]] = {}
        if left.errors:
            texts = ", ".join(left.errors)
            troubles["NamespaceDeletionContentFailure"] = (
                "ContentDeletionFailed", f"Failed to delete all resource types, {len(left.errors)} remaining: {texts}",
            )  # fmt: skip
        if left.by_kind:
            texts = ", ".join(sorted(f"{kind} has {count} resource instances" for kind, count in left.by_kind.items()))
            troubles["NamespaceContentRemaining"] = ("SomeResourcesRemain", f"Some resources are remaining: {texts}")
        if left.by_finalizer:
            texts = ", ".join(
                sorted(f"{name} in {count} resource instances" for name, count in left.by_finalizer.items())
            )
            troubles["NamespaceFinalizersRemaining"] = (
                "SomeFinalizersRemain", f"Some content in the namespace has finalizers remaining: {texts}",
            )  # fmt: skip
        before: JsonObject = env.obj.get("status") or {}
        present = {condition["type"]: condition for condition in before.get("conditions") or ()}
        now = rfc3339(self._clock.now())
        for type_, well in _WELL.items():
            trouble = troubles.get(type_)
            present[type_] = _condition(present.get(type_), type_, trouble is not None, *(trouble or well), now)
        status = {**before, "phase": "Terminating", "conditions": list(present.values())}
        return env if status == before else self._api.update_status(self._caller, env, status)

    def _finalize(self, env: Envelope) -> None:
        spec = env.obj["spec"]
        finalizers = [name for name in spec["finalizers"] if name != _FINALIZER]
        changed = {**env.obj, "spec": {**spec, "finalizers": finalizers}}
        self._api.update(self._caller, NAMESPACES, "", env.name, changed, subresource="finalize")

    def _deleted_namespace(self, event: WatchEvent) -> Iterable[Key]:
        if event.type != DELETED and being_deleted(event.now.obj) and self._queue is not None:
            self._queue.add_after(("", event.now.name), _DELAY)
        return ()


def _condition(
    present: dict[str, Any] | None, type_: str, trouble: bool, reason: str, message: str, now: str
) -> dict[str, Any]:
    """The condition as it is, if it says the same."""
    new = {
        "type": type_, "status": "True" if trouble else "False", "lastTransitionTime": now, "reason": reason,
        "message": message,
    }  # fmt: skip
    if present is None:
        return new
    if all(present.get(field) == new[field] for field in ("status", "reason", "message")):
        return present
    if present["status"] == new["status"]:
        new["lastTransitionTime"] = present["lastTransitionTime"]
    return new
