"""What the API server asks of the kubelets for one pod: logs, exec, attach and connections to its ports.

Refusals come in two kinds, as in Kubernetes. What the API server itself knows (no such pod, no such container, not
scheduled) is raised before anything begins. What the kubelet finds (the container does not run) is raised as
`KubeletRefusal`, which the wire tells where the protocol has its place for it. A node whose kubelet is stopped cannot
be asked anything.

Sources: pkg/registry/core/pod/strategy.go (LogLocation, streamLocation, validateContainer) and
pkg/kubelet/kubelet_pods.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from engine.api.errors import BadRequest, InternalError
from engine.api.kinds import NODES, PODS
from engine.api.server import Api
from engine.clock import Clock
from engine.informers import Informers
from engine.kubelet import attaching, spread
from engine.kubelet.facts import ContainerFacts, facts_of
from engine.kubelet.kubelets import Kubelets
from engine.kubelet.logs import Follower, Line, LogOptions, Run, find_run, read
from engine.kubelet.runtime import ContainerSpec, ExecOutput, ExecRequest, ExecSession, Handle
from engine.kubelet.serving import Conversation
from engine.network.listening import listener
from store.types import DELETED, Envelope, Uid, WatchEvent

_PORT: Final = 10250
"""Where a kubelet's server listens."""


class KubeletRefusal(InternalError):
    """The kubelet was asked and said no."""


class Unreachable(InternalError):
    """The kubelet cannot be dialled for a log. Kubernetes gives such answers no reason."""

    reason = ""


class NotListening(Exception):
    """Nobody listens on the port; the text is the kubelet's."""


class PortConnection:
    """A connection to a port of a container: bytes in, bytes out, over when the container goes."""

    def __init__(self, streams: Streams, env: Envelope, port: int, handle: Handle) -> None:
        self._streams, self._env, self._port, self._handle = streams, env, port, handle
        self._conversation = Conversation(handle, port)

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """(what is sent back, the connection is over)."""
        if self._streams.listening(self._env, self._port) is not self._handle:
            return b"", True
        return self._conversation.feed(data), self._conversation.over


class LogStream:
    """A log that goes on. `lines` is what it holds already; close it when nobody listens any longer."""

    def __init__(self, lines: Iterator[Line], follower: Follower | None, forget: Callable[[LogStream], None]) -> None:
        self.lines, self.follower = lines, follower
        """`follower` None: the container has ended, nothing more will come."""
        self._forget = forget

    def close(self) -> None:
        self._forget(self)


class Streams:
    """One per cluster; everything on the engine's loop."""

    def __init__(self, api: Api, clock: Clock, informers: Informers, kubelets: Kubelets) -> None:
        self._api, self._clock, self._kubelets = api, clock, kubelets
        self._runtime = kubelets.runtime
        self._following: dict[Uid, list[LogStream]] = {}
        self._sessions: dict[Uid, list[tuple[str, Handle, ExecSession]]] = {}
        """Commands under way: (container, as it ran when they began, command)."""
        informers.on_event(PODS, self._pod_changed)

    # -- logs ------------------------------------------------------------------------------------------------------

    def logs(self, namespace: str, pod: str, options: LogOptions = LogOptions()) -> Iterator[Line]:
        """(instant, line), oldest first; nothing of a pod without a node. Raises NotFound, BadRequest, Invalid.

        The lines are made as they are taken: take a long log in slices.
        """
        run = self._run(namespace, pod, options)
        return read(self._runtime, run, self._clock.now(), options) if run is not None else iter(())

    def follow(
        self, namespace: str, pod: str, options: LogOptions, receive: Callable[[Sequence[Line]], None],
        ended: Callable[[], None],
    ) -> LogStream:  # fmt: skip
        """As `logs`, and `receive` gets what is written from now on until `ended` is called."""
        run = self._run(namespace, pod, options)
        if run is None or run.ended is not None:
            lines = read(self._runtime, run, self._clock.now(), options) if run is not None else iter(())
            return LogStream(lines, None, self._forget)
        return self._follow(run, read(self._runtime, run, self._clock.now(), options), receive, ended)

    def _follow(
        self, run: Run, lines: Iterator[Line], receive: Callable[[Sequence[Line]], None], ended: Callable[[], None]
    ) -> LogStream:
        follower = Follower(self._clock, self._runtime, run, self._clock.now(), receive, ended)
        stream = LogStream(lines, follower, self._forget)
        self._following.setdefault(run.spec.pod.uid, []).append(stream)
        return stream

    def _run(self, namespace: str, pod: str, options: LogOptions) -> Run | None:
        options.validate(pod)
        env = self._api.get(PODS, namespace, pod)
        facts = container_of(env, options.container)
        if not env.obj["spec"].get("nodeName"):
            return None
        query = f"/containerLogs/{namespace}/{pod}/{facts.name}"
        self._dial(env, f'Get "https://{{0}}{query}": ', Unreachable)
        return find_run(env, facts, options.previous)

    def _pod_changed(self, event: WatchEvent) -> None:
        env, uid = (None if event.type == DELETED else event.now), event.now.uid
        if uid in self._sessions:
            self._kill_orphans(uid, env)
        for stream in tuple(self._following.get(uid, ())):
            if stream.follower is not None and stream.follower.active:
                stream.follower.look(env)
                if not stream.follower.active:
                    self._forget(stream)

    def _forget(self, stream: LogStream) -> None:
        if stream.follower is not None:
            stream.follower.close()
        for uid, streams in list(self._following.items()):
            if stream in streams:
                streams.remove(stream)
                if not streams:
                    del self._following[uid]

    # -- exec and attach -------------------------------------------------------------------------------------------

    def exec(
        self, namespace: str, pod: str, container: str, request: ExecRequest, output: ExecOutput
    ) -> ExecSession:  # fmt: skip
        """Begin a command. Raises NotFound and BadRequest, KubeletRefusal when the container does not run."""
        spec, handle = self.container(namespace, pod, container)
        session = self._runtime.exec(spec, handle, request, output)
        if session.active:
            under_way = [each for each in self._sessions.get(spec.pod.uid, ()) if each[2].active]
            self._sessions[spec.pod.uid] = [*under_way, (spec.facts.name, handle, session)]
        return session

    def _kill_orphans(self, uid: Uid, env: Envelope | None) -> None:
        """Commands die with their container."""
        left = []
        for name, handle, session in self._sessions.pop(uid, ()):
            running = self._running(env, name) if env is not None else None
            if running is None or running[1] is not handle:
                session.kill()
            elif session.active:
                left.append((name, handle, session))
        if left:
            self._sessions[uid] = left

    def check(self, namespace: str, pod: str, container: str) -> None:
        """What `exec` and `attach` would refuse before they begin. Raises as they do."""
        self._locate(namespace, pod, container)

    def container(self, namespace: str, pod: str, container: str) -> tuple[ContainerSpec, Handle]:
        """A running container, as exec wants it."""
        env, facts = self._locate(namespace, pod, container)
        found = self._running(env, facts.name)
        if found is None:
            raise KubeletRefusal(
                f'Internal error occurred: unable to upgrade connection: container not found ("{facts.name}")'
            )
        return found

    def attach(
        self, namespace: str, pod: str, container: str, stdin: bool, tty: bool, output: ExecOutput
    ) -> ExecSession:  # fmt: skip
        """What a container writes from now on. Raises as `exec`.

        A container with `stdin: true` whose process is a shell reads what is written here; any other does not.
        """
        env, facts = self._locate(namespace, pod, container)
        found = self._running(env, facts.name)
        if found is None:
            raise KubeletRefusal(
                "Internal error occurred: unable to upgrade connection: "
                f"container {facts.name} not found in pod {pod}_{namespace}"
            )
        spec, handle = found
        if stdin and attaching.reads(facts):
            session: ExecSession = attaching.ShellAttachment(self._runtime, spec, handle, tty, output)
            self._sessions.setdefault(env.uid, []).append((facts.name, handle, session))
            return session
        run = find_run(env, facts, previous=False)
        return attaching.LogAttachment(
            lambda receive, ended: self._follow(run, iter(()), receive, ended), bool(facts.spec.get("tty")), output
        )

    # -- ports -----------------------------------------------------------------------------------------------------

    def pod_for_ports(self, namespace: str, pod: str) -> Envelope:
        """The pod whose ports are asked for. Raises NotFound, BadRequest, KubeletRefusal."""
        env = self._api.get(PODS, namespace, pod)
        if not env.obj["spec"].get("nodeName"):
            raise BadRequest(f"pod {pod} does not have a host assigned")
        self._dial(env, "Internal error occurred: error dialing backend: ", KubeletRefusal)
        if self._kubelets.worker(env) is None:
            raise KubeletRefusal(
                f"Internal error occurred: unable to upgrade connection: pod not found ({pod}_{namespace})"
            )
        return env

    def connect(self, env: Envelope, port: int) -> PortConnection:
        """A connection to a port from inside of the pod. Raises NotListening."""
        handle = self.listening(env, port)
        if handle is None:
            raise NotListening(_cannot_forward(env, port))
        return PortConnection(self, env, port, handle)

    def listening(self, env: Envelope, port: int) -> Handle | None:
        """The container that listens on a port of a pod, as it is now; None: nobody does."""
        present = self._api.find(PODS, env.namespace, env.name)
        if present is None or present.uid != env.uid:
            return None
        name, _ = listener(present, port, "TCP")
        worker = self._kubelets.worker(env)
        for c in worker.containers if worker is not None else ():
            if c.handle is not None and c.facts.name == name:
                return c.handle
        return None

    # -- inside ----------------------------------------------------------------------------------------------------

    def _locate(self, namespace: str, pod: str, container: str) -> tuple[Envelope, ContainerFacts]:
        env = self._api.get(PODS, namespace, pod)
        facts = container_of(env, container)
        if not env.obj["spec"].get("nodeName"):
            raise BadRequest(f"pod {pod} does not have a host assigned")
        self._dial(env, "Internal error occurred: error dialing backend: ", KubeletRefusal)
        return env, facts

    def _dial(self, env: Envelope, doing: str, refusal: type[InternalError]) -> None:
        """Raises NotFound for a node that is no more, `refusal` when its kubelet does not answer or serves nothing."""
        name = env.obj["spec"]["nodeName"]
        node = self._kubelets.nodes.get(name)
        if node is None:
            self._api.get(NODES, "", name)
        if node is None or not node.running:
            address = f"{node.address if node is not None and node.address else name}:{_PORT}"
            raise refusal(f"{doing.format(address)}dial tcp {address}: connect: connection refused")
        if node.unserved:
            raise refusal(node.unserved)

    def _running(self, env: Envelope, name: str) -> tuple[ContainerSpec, Handle] | None:
        worker = self._kubelets.worker(env)
        for c in worker.containers if worker is not None else ():
            if c.facts.name == name and c.handle is not None:
                address = (env.obj.get("status") or {}).get("podIP", "")
                return ContainerSpec(env, c.facts, c.restarts, c.id, address), c.handle
        return None


def _cannot_forward(env: Envelope, port: int) -> str:
    sandbox, space = spread.hex_id(env.uid, "sandbox"), spread.hex_id(env.uid, "netns")
    space = "-".join((space[:8], space[8:12], space[12:16], space[16:20], space[20:32]))
    return (
        f"error forwarding port {port} to pod {sandbox}, uid : failed to execute portforward in network namespace "
        f'"/var/run/netns/cni-{space}": failed to connect to localhost:{port} inside namespace "{sandbox}", IPv4: dial '
        f"tcp4 127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6 [::1]:{port}: connect: connection refused "
    )


def container_of(env: Envelope, name: str) -> ContainerFacts:
    """The container that is meant: the named one, or the only one. Raises BadRequest."""
    spec, facts = env.obj["spec"], facts_of(env.obj["spec"])
    if not name:
        if len(facts.apps) == 1:
            return facts.apps[0]
        keys = ("initContainers", "containers", "ephemeralContainers")
        names = " ".join(c["name"] for key in keys for c in spec.get(key) or ())
        raise BadRequest(f"a container name must be specified for pod {env.name}, choose one of: [{names}]")
    for c in facts.containers:
        if c.name == name:
            return c
    for each in spec.get("ephemeralContainers") or ():
        if each["name"] == name:
            return ContainerFacts(each, "ephemeral", "Never")
    raise BadRequest(f"container {name} is not valid for pod {env.name}")


def default_container(env: Envelope) -> str:
    """The container that kubectl takes when none is named: by annotation, else the first one."""
    annotations = env.obj["metadata"].get("annotations") or {}
    first: str = env.obj["spec"]["containers"][0]["name"]
    return annotations.get("kubectl.kubernetes.io/default-container") or first
