"""Views as of a moment: the same deliveries as views of the present, moved by hand.

A view keeps one kind's state (`store.asof`); moving it delivers what differs for its query. All of it runs on the
history's thread: mailboxes take deliveries from any thread, since they only store and wake.
"""

from __future__ import annotations

from engine.api.read import Matcher
from engine.client import Change, ClusterSummary, Mailbox, Relist
from engine.summary import Totals
from store.asof import AsOf
from store.history import History
from store.types import Envelope, Revision


class PastMoment:
    """One query at a moment."""

    def __init__(self, scrub: AsOf, namespace: str | None, matches: Matcher | None, mailbox: Mailbox) -> None:
        self._scrub, self._namespace, self._matches, self._mailbox = scrub, namespace, matches, mailbox
        self._shown: dict[int, Envelope] = {}

    def move(self, at: Revision) -> None:
        """Show another moment. Raises Expired or FutureRevision; then nothing is delivered."""
        first = self._scrub.revision is None
        came, left = self._scrub.move(at)
        if first:
            items = sorted((env for env in came if self._wanted(env)), key=lambda env: (env.namespace, env.name))
            self._shown = {env.created: env for env in items}
            self._mailbox.deliver(Relist(items))
            return
        changes = [Change("DELETED", env) for env in left if self._shown.pop(env.created, None) is not None]
        for env in came:
            before = self._shown.get(env.created)
            if self._wanted(env):
                self._shown[env.created] = env
                changes.append(Change("ADDED" if before is None else "MODIFIED", env))
            elif before is not None:
                del self._shown[env.created]
                changes.append(Change("DELETED", env))
        if changes:
            self._mailbox.deliver(changes)

    def _wanted(self, env: Envelope) -> bool:
        if self._namespace is not None and env.namespace != self._namespace:
            return False
        return self._matches is None or self._matches(env)


def summary_at(history: History, nodes: AsOf, pods: AsOf, at: Revision) -> ClusterSummary:
    """The header's figures at a moment. `nodes` and `pods` are moved there."""
    nodes.move(at)
    pods.move(at)
    totals = Totals()
    for env in nodes.state.values():
        totals.count_node(env, True)
    for env in pods.state.values():
        totals.count_pod(env, True)
    record = history.record(at) if at else None
    return totals.summary(cluster_time=record.cluster_time if record is not None else 0, speed=0.0, revision=at)
