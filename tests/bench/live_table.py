"""The console with 15,000 pods of which 1,000 change every second: what `tests.bench.console.keys` presses keys in.

The whole app on a client without an engine, so that only the console is measured; `:pods` is open at the start.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from engine.client import Query
from engine.collector import set_collector
from tests.tui.fake_client import FakeClient
from tui.app import KubariumApp

PODS = 15_000
CHANGES = 1_000
"""Row changes per second."""
_TICK = 0.02


def pod(number: int, restarts: int) -> dict[str, Any]:
    status = {"name": "c", "ready": restarts % 2 == 0, "restartCount": restarts, "state": {"running": {}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{number:06d}", "namespace": "shop", "creationTimestamp": "2026-11-23T09:00:00Z"},
        "spec": {"nodeName": f"node-{number % 100:03d}", "containers": [{"name": "c", "image": "web:1"}]},
        "status": {"phase": "Running", "podIP": f"10.1.{number // 250}.{number % 250}", "containerStatuses": [status]},
    }


class LiveApp(KubariumApp):
    """Opens the pods at once."""

    async def _open(self) -> None:
        await super()._open()
        self.open_query(Query("pods"))


def churn(client: FakeClient) -> None:
    """Change pods at an even pace, for ever (a daemon thread)."""
    number, restarts, due = 0, 0, time.monotonic()
    while True:
        for _ in range(int(CHANGES * _TICK)):
            number = (number + 7919) % PODS
            restarts += 1
            client.put("pods", pod(number, restarts // PODS + 1))
        due += _TICK
        time.sleep(max(0.0, due - time.monotonic()))


def main() -> None:
    client = FakeClient([("pods", pod(number, 0)) for number in range(PODS)])
    sys.setswitchinterval(0.001)
    set_collector()  # as the engine does in the console's process
    threading.Thread(target=churn, args=(client,), daemon=True).start()
    LiveApp(client).run()


if __name__ == "__main__":
    main()
