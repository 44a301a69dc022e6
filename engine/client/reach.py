"""Answers to `reach`: whether a connection gets to its end, and who says no."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Symptom = Literal[
    "", "no answer", "connection refused", "connection timed out", "no such host", "no route", "404 Not Found",
    "502 Bad Gateway", "503 Service Temporarily Unavailable", "504 Gateway Time-out",
]  # fmt: skip
"""Those with a number are what an ingress proxy answers."""
Stage = Literal["source", "dns", "ingress", "service", "endpoint", "policy", "pod"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was asked on the way."""

    stage: Stage
    ok: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok' if self.ok else 'NO'}  {self.stage}: {self.text}"


@dataclass(slots=True)
class Reach:
    """The answer."""

    ok: bool = False
    name: str = ""
    """The full name that was resolved; "" when an address was asked for."""
    address: str = ""
    """What the client connects to; "" when the name led nowhere."""
    service: str = ""
    """namespace/name of the Service that it went through; "" without one."""
    endpoint: str = ""
    """`10.244.1.3:8080`, where the connection ends; "" when it does not get there."""
    pod: str = ""
    """namespace/name of the pod there; "" for what is no pod."""
    refused_by: str = ""
    """Who says no, `NetworkPolicy shop/default-deny`, `Service shop/web`, `DNS` …; "" when nobody does."""
    symptom: Symptom = ""
    """What the client would see."""
    steps: list[Step] = field(default_factory=list)

    @property
    def answered(self) -> int:
        """HTTP status that an ingress proxy answers by itself; 0 when it does not, or none is on the way."""
        return int(self.symptom[:3]) if self.symptom[:1].isdigit() else 0

    def trail(self) -> str:
        """The steps as text, one a line."""
        return "\n".join(map(str, self.steps))

    def good(self, stage: Stage, text: str) -> None:
        """Note a step that goes well."""
        self.steps.append(Step(stage, True, text))

    def bad(self, stage: Stage, text: str, by: str, symptom: Symptom) -> bool:
        """Note who says no. Always False."""
        self.steps.append(Step(stage, False, text))
        self.refused_by, self.symptom = by, symptom
        return False
