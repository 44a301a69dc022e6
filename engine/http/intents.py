"""Which action of a person a request belongs to: one kubectl command is one intent, however many requests it makes.

kubectl names its command and a session that is new for each run (`Kubectl-Command: kubectl drain`, `Kubectl-Session`),
and so does `kubarium drain`: all that the run writes is one action in the log, so that it is told once and undone as a
whole. A session belongs to its user: nobody joins another's action. Any other client's request is an action of its
own, in the words of its user agent. What machines write of their own accord (service accounts, kubelets) is nobody's
action, as with the cluster's own components: it has an author, and no intent.

Source: k8s.io/kubectl genericclioptions (CommandHeaderRoundTripper).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Final

from engine.api.requests import Caller
from engine.http.messages import Request
from engine.http.negotiation import agent_of
from engine.http.paths import RequestInfo

_SESSION: Final = re.compile(r"[0-9A-Za-z-]{8,64}")
_COMMAND: Final = re.compile(r"(kubectl|kubarium)( [a-z-]{1,40}){1,4}")
_REMEMBERED: Final = 1_000
"""Sessions whose first words are kept; a run of kubectl is over long before."""
_MACHINES: Final = ("system:serviceaccount:", "system:node:")


class Intents:
    """Names the actions of one server. Used on the HTTP loop only."""

    def __init__(self) -> None:
        self._count = itertools.count(1)
        self._sessions: dict[tuple[str, str], str] = {}
        """(user, session) → intent."""

    def of(self, request: Request, caller: Caller, info: RequestInfo, revision: int) -> Caller:
        """The caller of a change, with its intent. `revision`: the present one, which sets restarts apart."""
        session, command = request.header("kubectl-session"), request.header("kubectl-command")
        if _SESSION.fullmatch(session) and _COMMAND.fullmatch(command):
            return replace(caller, intent=self._of_session(caller.user, session, f"{command} {_object(info)}"))
        if caller.user.startswith(_MACHINES):
            return caller
        agent = agent_of(request)
        words = f"{agent} {info.verb} {_object(info)}".strip()
        return replace(caller, intent=f"wire-{revision}-{next(self._count)} {words}")

    def _of_session(self, user: str, session: str, words: str) -> str:
        known = self._sessions.get((user, session))
        if known is None:
            if len(self._sessions) >= _REMEMBERED:
                del self._sessions[next(iter(self._sessions))]
            known = self._sessions[user, session] = f"kubectl-{next(self._count)}-{session} {words}"
        return known


def _object(info: RequestInfo) -> str:
    """`pods/eviction shop/web`"""
    where = f"{info.namespace}/{info.name}" if info.namespace else info.name
    what = f"{info.plural}/{info.subresource}" if info.subresource else info.plural
    return f"{what} {where}".rstrip("/ ")
