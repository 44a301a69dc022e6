"""All pods of the cluster, added up: by node, by namespace; and the pods of the one that is looked at.

One watch of all pods serves the loads in the tables of nodes and namespaces, and the home screen's Pods pane, so
choosing another node asks the engine nothing. Loads follow from requests of pods that are not finished, as
`kubectl describe node` counts them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from textual.message_pump import MessagePump

from engine.client import ClusterClient, Item, Query
from tui.feed import Feed
from tui.kinds.pods import pod_request
from tui.kinds.spec import Load
from tui.mailbox import News


class Scope(NamedTuple):
    """Which pods are looked at: those of a node, of several, of a namespace, or all."""

    node: str | None = None
    namespace: str | None = None
    nodes: frozenset[str] | None = None

    def holds(self, pod: Item) -> bool:
        if self.namespace is not None and pod.namespace != self.namespace:
            return False
        if self.node is None and self.nodes is None:
            return True
        node = (pod.obj.get("spec") or {}).get("nodeName")
        return node == self.node if self.node is not None else node in (self.nodes or ())


class _Share(NamedTuple):
    node: str
    namespace: str
    cpu: int
    memory: int
    counted: bool


class BoardNews(NamedTuple):
    """What a listener hears: the mailbox's news, and whose loads are others now."""

    news: News
    nodes: frozenset[str]
    namespaces: frozenset[str]


class PodBoard:
    """Keeps all pods and their sums. Belongs to the app's thread."""

    def __init__(self, client: ClusterClient, owner: MessagePump) -> None:
        self._feed = Feed(client, owner, self._receive)
        self._pods: dict[str, Item] = {}
        self._shares: dict[str, _Share] = {}
        self._nodes: dict[str, Load] = {}
        self._namespaces: dict[str, Load] = {}
        self._listeners: list[Callable[[BoardNews], None]] = []

    def open(self) -> None:
        self._feed.open(Query("pods"))

    def close(self) -> None:
        self._feed.pause()

    @property
    def loaded(self) -> bool:
        return self._feed.loaded

    def listen(self, listener: Callable[[BoardNews], None]) -> Callable[[], None]:
        """Hear of changes from now on; call the result to hear no more."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def pods(self, scope: Scope) -> list[Item]:
        return [pod for pod in self._pods.values() if scope.holds(pod)]

    def node_load(self, node: str) -> Load:
        return self._nodes.get(node, _NO_LOAD)

    def namespace_load(self, namespace: str) -> Load:
        return self._namespaces.get(namespace, _NO_LOAD)

    def namespaces(self) -> list[str]:
        """Namespaces that have pods."""
        return list(self._namespaces)

    def _receive(self, news: News) -> None:
        nodes: set[str] = set()
        namespaces: set[str] = set()
        if news.relist is not None:
            nodes |= self._nodes.keys()
            namespaces |= self._namespaces.keys()
            self._pods, self._shares, self._nodes, self._namespaces = {}, {}, {}, {}
            for pod in news.relist:
                self._put(pod, nodes, namespaces)
        for uid, change in news.changes.items():
            if change.type == "DELETED":
                self._take(uid, nodes, namespaces)
            else:
                self._put(change.item, nodes, namespaces)
        heard = BoardNews(news, frozenset(nodes), frozenset(namespaces))
        for listener in list(self._listeners):
            listener(heard)

    def _put(self, pod: Item, nodes: set[str], namespaces: set[str]) -> None:
        before = self._pods.get(pod.uid)
        self._pods[pod.uid] = pod
        own, phase = pod.obj.get("spec") or {}, (pod.obj.get("status") or {}).get("phase")
        old = self._shares.get(pod.uid)
        node, counted = own.get("nodeName") or "", phase not in ("Succeeded", "Failed")
        if before is not None and old is not None and before.obj.get("spec") is own:
            if old.counted == counted:
                return
            share = old._replace(counted=counted)
        elif counted:
            share = _Share(node, pod.namespace, pod_request(pod.obj, "cpu"), pod_request(pod.obj, "memory"), True)
        else:
            share = _Share(node, pod.namespace, 0, 0, False)
        if share == old:
            return
        if old is not None:
            self._add(old, -1, nodes, namespaces)
        self._shares[pod.uid] = share
        self._add(share, 1, nodes, namespaces)

    def _take(self, uid: str, nodes: set[str], namespaces: set[str]) -> None:
        self._pods.pop(uid, None)
        share = self._shares.pop(uid, None)
        if share is not None:
            self._add(share, -1, nodes, namespaces)

    def _add(self, share: _Share, sign: int, nodes: set[str], namespaces: set[str]) -> None:
        if not share.counted:
            return
        for sums, name, touched in ((self._nodes, share.node, nodes), (self._namespaces, share.namespace, namespaces)):
            if name:
                old = sums.get(name, _NO_LOAD)
                sums[name] = Load(old.pods + sign, old.cpu + sign * share.cpu, old.memory + sign * share.memory)
                touched.add(name)


_NO_LOAD = Load()
