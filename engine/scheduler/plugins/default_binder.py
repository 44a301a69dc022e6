"""DefaultBinder: POST pods/binding."""

from __future__ import annotations

from engine.api.server import Api, Caller
from engine.scheduler.framework import BindPlugin
from store.types import Envelope


class DefaultBinder(BindPlugin):
    name = "DefaultBinder"

    def __init__(self, api: Api, caller: Caller) -> None:
        self._api, self._caller = api, caller

    def bind(self, env: Envelope, node: str) -> Envelope:
        return self._api.bind(self._caller, env.namespace, env.name, node)
