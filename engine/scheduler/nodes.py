"""The nodes as arrays: one row per node, one column per fact, kept up to date by single events.

Rows never move, so that a row is an identity while its node lives; a deleted node's row is used again once no pod
is left on it. Two kinds of change are told apart:

- what a node *is* (labels, taints, allocatable, cordoned, present): `epoch` counts up, whatever was derived is void;
- what is *on* it (pods, their requests and ports): its row goes into a log, so that who keeps scores recomputes only
  the rows that changed since.

A pod is counted from the moment it is assumed (before its binding is confirmed), once per uid, also on a node that
is not known yet or no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.scheduler.affinity_terms import NOBODY, PodIdentity
from engine.scheduler.images import ImageTable
from engine.scheduler.podclass import HostPort, PodClass
from engine.scheduler.resources import CPU, EPHEMERAL_STORAGE, MEMORY, PODS, amounts
from engine.scheduler.selections import Placed, Selections
from store.types import JsonObject, Uid

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Rows = slice | npt.NDArray[np.intp]
"""Some rows of the table, or a run of them."""

_FIRST_ROWS: Final = 64
_LOG_KEPT: Final = 8192
BASE_RESOURCES: Final = (CPU, MEMORY, EPHEMERAL_STORAGE, PODS)


class Taint(NamedTuple):
    """core/v1 Taint."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


class NodeChange(NamedTuple):
    """What an event changed on a node, as queueing hints ask for it."""

    row: int
    added: bool = False
    labels: bool = False
    taints: bool = False
    unschedulable: bool = False
    allocatable: bool = False

    @property
    def any(self) -> bool:
        return self.added or self.labels or self.taints or self.unschedulable or self.allocatable


def distinct(codes: npt.NDArray[np.integer[Any]]) -> tuple[npt.NDArray[np.integer[Any]], Ints]:
    """The different codes in order, and how often each is there.

    np.unique says the same, but its first call imports numpy.ma: 25 ms and a megabyte at every start.
    """
    ordered = np.sort(codes)
    begins = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    return ordered[starts], np.diff(starts, append=len(ordered))


class LabelColumn:
    """One label key over all nodes: a code per row, -1 where the label is missing."""

    __slots__ = ("_single", "_single_at", "codes", "values")

    def __init__(self, rows: int) -> None:
        self._single, self._single_at = False, -1
        self.codes: Codes = np.full(rows, -1, np.int32)
        self.values: dict[str, int] = {}

    def put(self, row: int, value: str | None) -> None:
        self.codes[row] = -1 if value is None else self.values.setdefault(value, len(self.values))

    def tells_apart(self, size: int, epoch: int) -> bool:
        """Every row has a value of its own (as of this epoch of the table)."""
        if self._single_at != epoch:
            codes = self.codes[:size]
            self._single = bool((codes >= 0).all()) and len(distinct(codes)[0]) == size
            self._single_at = epoch
        return self._single


class NodeTable:
    """All nodes. `size` rows are in use; slices `[:size]` of the arrays are what plugins look at."""

    def __init__(self) -> None:
        self.size = 0
        self.count = 0
        """Nodes that exist."""
        self.epoch = 0
        self.names: list[str] = []
        self.labels: list[Mapping[str, str]] = []
        self.taints: list[tuple[Taint, ...]] = []
        self.pods: list[dict[Uid, PodClass]] = []
        self.ports: list[dict[HostPort, int]] = []
        """Users of each host port by node."""
        self.resources: dict[str, int] = {name: index for index, name in enumerate(BASE_RESOURCES)}
        """Row of each resource in `allocatable` and `requested`."""
        self._row_of: dict[str, int] = {}
        self._row_of_pod: dict[Uid, int] = {}
        self._namespace_of_pod: dict[Uid, str] = {}
        self._free: list[int] = []
        self._columns: dict[str, LabelColumn] = {}
        self._taint_sets: dict[tuple[Taint, ...], int] = {}
        self._vectors: dict[int, tuple[Ints, list[tuple[int, int]]]] = {}
        self.selections = Selections(_FIRST_ROWS)
        """How many pods of which kind are where, for those who ask."""
        self.images = ImageTable(_FIRST_ROWS)
        self.priorities: dict[int, int] = {}
        """Number of counted pods by priority."""
        self._by_priority: dict[int, Ints] | None = None
        self._log: list[int] = []
        self._log_start = 0
        self._allocate(_FIRST_ROWS)

    def _allocate(self, rows: int) -> None:
        kinds = len(self.resources)
        self.alive: Mask = np.zeros(rows, np.bool_)
        self.unschedulable: Mask = np.zeros(rows, np.bool_)
        self.taint_codes: Codes = np.zeros(rows, np.int32)
        """Index of each node's taints in `taint_sets`."""
        self.allocatable: Ints = np.zeros((kinds, rows), np.int64)
        self.requested: Ints = np.zeros((kinds, rows), np.int64)
        """Row `pods` counts pods."""
        self.counted: Ints = np.zeros((2, rows), np.int64)
        """Non-zero requests: millicores and bytes."""

    # -- reading ---------------------------------------------------------------------------------------------------

    def row(self, name: str) -> int | None:
        """Row of an existing node."""
        row = self._row_of.get(name)
        return row if row is not None and self.alive[row] else None

    def rows(self) -> list[int]:
        """Rows of the existing nodes."""
        return [int(row) for row in np.flatnonzero(self.alive[: self.size])]

    def row_of_pod(self, uid: Uid) -> int | None:
        return self._row_of_pod.get(uid)

    def class_of(self, uid: Uid) -> PodClass | None:
        """The class that a pod is counted as; None if it is on no node."""
        row = self._row_of_pod.get(uid)
        return None if row is None else self.pods[row][uid]

    def column(self, key: str) -> LabelColumn:
        """One label over all nodes; built when first asked for."""
        column = self._columns.get(key)
        if column is None:
            column = self._columns[key] = LabelColumn(len(self.alive))
            for row in range(self.size):
                column.put(row, self.labels[row].get(key))
        return column

    @property
    def taint_sets(self) -> list[tuple[Taint, ...]]:
        return list(self._taint_sets)

    @property
    def version(self) -> int:
        """Counts what is on the nodes: position of the log's end."""
        return self._log_start + len(self._log)

    def changed_since(self, version: int) -> list[int] | None:
        """Rows whose pods changed since then, each once, in order; None when the log does not reach back so far."""
        if version < self._log_start:
            return None
        tail = self._log[version - self._log_start :]
        return tail if len(tail) < 2 else list(dict.fromkeys(tail))

    def lower_than(self, priority: int) -> Ints:
        """What pods of lower priority take from each node, in the order of `resources`. Kept up to date from the first
        time that it is asked for."""
        if self._by_priority is None:
            self._by_priority = {}
            by_class: dict[PodClass, list[int]] = {}
            for row, pods in enumerate(self.pods):
                for pod in pods.values():
                    by_class.setdefault(pod, []).append(row)
            for pod, rows in by_class.items():
                pods_on = np.bincount(rows, minlength=len(self.alive))
                self._tally(pod.priority)[:] += self.vector(pod)[:, None] * pods_on
        total = np.zeros_like(self.requested)
        for other, taken in self._by_priority.items():
            if other < priority:
                total[: len(taken)] += taken
        return total

    def _tally(self, priority: int) -> Ints:
        assert self._by_priority is not None
        taken = self._by_priority.get(priority)
        if taken is None or taken.shape != self.requested.shape:
            wider = np.zeros_like(self.requested)
            if taken is not None:
                wider[: len(taken), : taken.shape[1]] = taken
            taken = self._by_priority[priority] = wider
        return taken

    @property
    def all_rows(self) -> slice:
        return slice(0, self.size)

    def vector(self, pod: PodClass) -> Ints:
        """The pod's requests in the order of `resources`, with 1 for `pods`."""
        return self._vector(pod)[0]

    def wanted(self, pod: PodClass) -> list[tuple[int, int]]:
        """What of it is not zero: (index of the resource, amount)."""
        return self._vector(pod)[1]

    def _vector(self, pod: PodClass) -> tuple[Ints, list[tuple[int, int]]]:
        known = self._vectors.get(pod.number)
        if known is not None and len(known[0]) == len(self.resources):
            return known
        for name in pod.requests:
            if name not in self.resources:
                self._add_resource(name)
        vector = np.zeros(len(self.resources), np.int64)
        for name, value in pod.requests.items():
            vector[self.resources[name]] = value
        vector[self.resources[PODS]] = 1
        pairs = [(index, value) for index, value in enumerate(vector.tolist()) if value]
        if len(self._vectors) > 4096:
            self._vectors.clear()
        self._vectors[pod.number] = vector, pairs
        return vector, pairs

    # -- nodes -----------------------------------------------------------------------------------------------------

    def put_node(self, obj: JsonObject) -> NodeChange:
        """Add or update from a Node object."""
        meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
        row = self._claim(meta["name"])
        added = not self.alive[row]
        labels: Mapping[str, str] = meta.get("labels") or {}
        taints = tuple(Taint(t["key"], t.get("value") or "", t["effect"]) for t in spec.get("taints") or ())
        unschedulable = bool(spec.get("unschedulable"))
        offered = amounts(status.get("allocatable") or status.get("capacity"))
        for name in offered:
            if name not in self.resources:
                self._add_resource(name)
        allocatable = np.zeros(len(self.resources), np.int64)
        for name, value in offered.items():
            allocatable[self.resources[name]] = value
        change = NodeChange(
            row, added, labels != self.labels[row], taints != self.taints[row],
            unschedulable != bool(self.unschedulable[row]),
            bool((allocatable != self.allocatable[:, row]).any()),
        )  # fmt: skip
        self.epoch += self.images.put(row, status.get("images") or ())
        if not change.any:
            return change
        self.epoch += 1
        self.count += added
        self.alive[row] = True
        if added or change.labels:
            self.labels[row] = labels
            for key, column in self._columns.items():
                column.put(row, labels.get(key))
        if added or change.taints:
            self.taints[row] = taints
            self.taint_codes[row] = self._taint_sets.setdefault(taints, len(self._taint_sets))
        self.unschedulable[row] = unschedulable
        self.allocatable[:, row] = allocatable
        return change

    def put_images(self, obj: JsonObject) -> None:
        """Take over `status.images` of an existing node."""
        row = self._row_of.get(obj["metadata"]["name"])
        if row is not None:
            self.epoch += self.images.put(row, (obj.get("status") or {}).get("images") or ())

    def remove_node(self, name: str) -> None:
        """The node is gone; pods that are still bound to it stay counted until they go."""
        row = self._row_of.get(name)
        if row is None or not self.alive[row]:
            return
        self.epoch += 1
        self.alive[row] = False
        self.count -= 1
        self._release(row)

    # -- pods ------------------------------------------------------------------------------------------------------

    def assign(self, uid: Uid, pod: PodClass, node: str, who: PodIdentity = NOBODY) -> None:
        """Count a pod on a node, as the class without relations. A pod that is there already is left as it is; one
        that changed is counted anew."""
        pod = pod.base
        known = self._row_of_pod.get(uid)
        if known is not None:
            if self.names[known] == node and self.pods[known][uid] is pod:
                self.selections.relabel(uid, who)
                return
            self.remove_pod(uid)
        row = self._claim(node)
        self._row_of_pod[uid] = row
        self.pods[row][uid] = pod
        self._namespace_of_pod[uid] = who.namespace
        self._count(row, pod, 1)
        self.selections.add(uid, row, pod, who)

    def remove_pod(self, uid: Uid) -> Placed | None:
        """Stop counting a pod. What it was; None if it was not counted."""
        row = self._row_of_pod.pop(uid, None)
        if row is None:
            return None
        pod = self.pods[row].pop(uid)
        self._count(row, pod, -1)
        who = self.selections.remove(uid, self._namespace_of_pod.pop(uid))
        self._release(row)
        return Placed(row, who, pod)

    def identity(self, uid: Uid) -> PodIdentity:
        """What selectors see of a counted pod."""
        return self.selections.who(uid, self._namespace_of_pod[uid]) or NOBODY

    # -- inside ----------------------------------------------------------------------------------------------------

    def _count(self, row: int, pod: PodClass, sign: int) -> None:
        vector = self.vector(pod)
        if sign > 0:
            self.requested[:, row] += vector
        else:
            self.requested[:, row] -= vector
        left = self.priorities.get(pod.priority, 0) + sign
        self.priorities[pod.priority] = left
        if self._by_priority is not None:
            self._tally(pod.priority)[:, row] += sign * vector
        if not left:
            del self.priorities[pod.priority]
            if self._by_priority is not None:
                del self._by_priority[pod.priority]
        self.counted[0, row] += sign * pod.milli_cpu_counted
        self.counted[1, row] += sign * pod.memory_counted
        if pod.ports:
            users = self.ports[row]
            for port in pod.ports:
                users[port] = users.get(port, 0) + sign
                if not users[port]:
                    del users[port]
        self._log.append(row)
        if len(self._log) > _LOG_KEPT:
            cut = _LOG_KEPT // 2
            self._log_start += cut
            del self._log[:cut]

    def _claim(self, name: str) -> int:
        """The row of this name; a fresh one, not alive, for a new name."""
        row = self._row_of.get(name)
        if row is not None:
            return row
        if self._free:
            row = self._free.pop()
            self.names[row] = name
        else:
            row = self.size
            self.size += 1
            self.epoch += 1
            if self.size > len(self.alive):
                self._grow()
            self.names.append(name)
            self.labels.append({})
            self.taints.append(())
            self.pods.append({})
            self.ports.append({})
            self.taint_codes[row] = self._taint_sets.setdefault((), len(self._taint_sets))
        self._row_of[name] = row
        return row

    def _release(self, row: int) -> None:
        """Free the row of a node that is gone, if no pod holds it."""
        if self.alive[row] or self.pods[row]:
            return
        del self._row_of[self.names[row]]
        self._free.append(row)
        for column in self._columns.values():
            column.put(row, None)
        self.labels[row], self.taints[row] = {}, ()
        self.epoch += self.images.put(row, ())
        self.unschedulable[row] = False
        self.allocatable[:, row] = 0

    def _grow(self) -> None:
        filled = len(self.alive)
        flags, codes, figures = self._arrays()
        self._allocate(2 * filled)
        new_flags, new_codes, new_figures = self._arrays()
        for flag, new_flag in zip(flags, new_flags, strict=True):
            new_flag[:filled] = flag
        new_codes[:filled] = codes
        for figure, new_figure in zip(figures, new_figures, strict=True):
            new_figure[:, :filled] = figure
        self.selections.grow(2 * filled)
        self.images.grow(2 * filled)
        for column in self._columns.values():
            wider = np.full(2 * filled, -1, np.int32)
            wider[:filled] = column.codes
            column.codes = wider

    def _arrays(self) -> tuple[tuple[Mask, Mask], Codes, tuple[Ints, Ints, Ints]]:
        return (self.alive, self.unschedulable), self.taint_codes, (self.allocatable, self.requested, self.counted)

    def _add_resource(self, name: str) -> None:
        self.resources[name] = len(self.resources)
        blank = np.zeros((1, len(self.alive)), np.int64)
        self.allocatable = np.concatenate([self.allocatable, blank])
        self.requested = np.concatenate([self.requested, blank])
        self.epoch += 1
