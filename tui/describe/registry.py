"""Which description a kind gets, and what it needs besides the object: events, pods, a lease, replica sets …"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from engine.client import ClientError, Item, Query
from tui.board import Scope
from tui.describe import core, workloads
from tui.describe.generic import describe_generic
from tui.describe.node import describe_node
from tui.describe.parts import Json
from tui.describe.pod import describe_pod
from tui.session import Session, answer

Describer = Callable[[Session, Item], Awaitable[str]]


async def describe(session: Session, resource: str, item: Item) -> str:
    """The object as `kubectl describe` prints it. Raises ClientError when something it needs is refused."""
    describer = DESCRIBERS.get(resource)
    if describer is None:
        return describe_generic(item.obj, await own_events(session, item), session.now())
    return await describer(session, item)


async def own_events(session: Session, item: Item) -> list[Json]:
    """Events about an object. A node's are found by its name: kubelets write the name as uid, as in Kubernetes."""
    if item.obj.get("kind") == "Node":
        fields = f"involvedObject.kind=Node,involvedObject.name={item.name}"
    else:
        fields = f"involvedObject.uid={item.uid}"
    found = await answer(session.client.list(Query("events", item.namespace or None, fields=fields)))
    return [event.obj for event in found]


async def _all(session: Session, resource: str, namespace: str, labels: str = "") -> list[Json]:
    """Objects of a kind in a namespace; none where the kind is not served."""
    if session.kind_of(resource) is None:
        return []
    return [item.obj for item in await answer(session.client.list(Query(resource, namespace, labels)))]


async def _pod(session: Session, item: Item) -> str:
    return describe_pod(item.obj, await own_events(session, item), session.now())


async def _node(session: Session, item: Item) -> str:
    lease: Json | None = None
    try:
        lease = (await answer(session.client.get("leases.coordination.k8s.io", "kube-node-lease", item.name))).obj
    except ClientError as error:
        if error.code != 404:
            raise
    pods = [pod.obj for pod in session.board.pods(Scope(node=item.name))]
    return describe_node(item.obj, lease, pods, await own_events(session, item), session.now())


async def _deployment(session: Session, item: Item) -> str:
    sets = await _all(session, "replicasets.apps", item.namespace)
    return workloads.describe_deployment(item.obj, sets, await own_events(session, item), session.now())


def _with_pods(render: Callable[[Json, list[Json], list[Json], int], str]) -> Describer:
    async def describer(session: Session, item: Item) -> str:
        pods = [pod.obj for pod in session.board.pods(Scope(namespace=item.namespace))]
        return render(item.obj, pods, await own_events(session, item), session.now())

    return describer


def _alone(render: Callable[[Json, list[Json], int], str]) -> Describer:
    async def describer(session: Session, item: Item) -> str:
        return render(item.obj, await own_events(session, item), session.now())

    return describer


async def _service(session: Session, item: Item) -> str:
    of_service = f"kubernetes.io/service-name={item.name}"
    slices = await _all(session, "endpointslices.discovery.k8s.io", item.namespace, of_service)
    return core.describe_service(item.obj, slices, await own_events(session, item), session.now())


async def _namespace(session: Session, item: Item) -> str:
    quotas = await _all(session, "resourcequotas", item.name)
    return core.describe_namespace(item.obj, quotas, await _all(session, "limitranges", item.name))


async def _secret(session: Session, item: Item) -> str:
    return core.describe_secret(item.obj)


DESCRIBERS: Final[dict[str, Describer]] = {
    "pods": _pod,
    "nodes": _node,
    "namespaces": _namespace,
    "services": _service,
    "configmaps": _alone(core.describe_config_map),
    "secrets": _secret,
    "serviceaccounts": _alone(core.describe_service_account),
    "deployments.apps": _deployment,
    "replicasets.apps": _with_pods(workloads.describe_replica_set),
    "statefulsets.apps": _with_pods(workloads.describe_stateful_set),
    "daemonsets.apps": _with_pods(workloads.describe_daemon_set),
    "jobs.batch": _alone(workloads.describe_job),
    "cronjobs.batch": _alone(workloads.describe_cron_job),
    "poddisruptionbudgets.policy": _alone(workloads.describe_disruption_budget),
}
"""By resource; every other kind gets the generic description."""
