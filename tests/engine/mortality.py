"""Controllers that die: a call of theirs to the API fails before its write or after it, as if the process had
ended there."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from engine.api.errors import ApiError
from engine.api.kinds import EVENTS
from engine.api.requests import Caller
from engine.api.server import Api
from engine.clock import SECOND
from engine.cluster import Cluster

_MORTAL = ("system:serviceaccount:kube-system:", "simulated-cloud")
_VERBS = ("create", "update", "update_status", "patch", "delete")


class Death(Exception):
    """A controller's process ends here."""


class Mortality:
    """While it is deadly, four writes in a hundred fail before they are done, and four after."""

    def __init__(self, api: Api, chance: random.Random) -> None:
        self._chance = chance
        self.deadly = True
        self.deaths = 0
        for verb in _VERBS:
            setattr(api, verb, self._mortal(getattr(api, verb)))

    def _mortal(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        def call(caller: Caller, what: Any, *args: Any, **options: Any) -> Any:
            mortal = caller.user.startswith(_MORTAL) and what != EVENTS
            fate = self._chance.random() if self.deadly and mortal else 1.0
            if fate < 0.04:
                self.deaths += 1
                raise Death
            answer = verb(caller, what, *args, **options)
            if fate < 0.08:
                self.deaths += 1
                raise Death
            return answer

        return call

    def reign(self, cluster: Cluster, act: Callable[[], None], steps: int, pause: int) -> None:
        """`act` so many times, at most `pause` seconds apart, while controllers die; now and then all of them lose
        their memory at once. Afterwards nobody dies any more."""
        for _ in range(steps):
            try:
                act()
            except ApiError:  # what is being deleted is not changed any more
                continue
            finally:
                cluster.run_for(self._chance.randint(0, pause * SECOND))
                if self._chance.random() < 0.15:
                    for runner in cluster.controllers:
                        runner.queue.clear()
                        runner.start()
        self.deadly = False
