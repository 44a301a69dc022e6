"""The refusal of an apply that would change fields that others own. Source: managedfields/internal/conflict.go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.api import errors
from engine.api.errors import Cause
from engine.api.managed.fields import Path, text
from engine.api.managed.managers import Manager


class Conflicting(NamedTuple):
    """A field and one who owns it."""

    manager: Manager
    path: Path

    def who(self) -> str:
        """`"kubectl-edit" using apps/v1`; a manager that applied is only named."""
        name = f'"{self.manager.name}"'
        if self.manager.subresource:
            name += f' with subresource "{self.manager.subresource}"'
        return f"{name} using {self.manager.api_version}" if self.manager.operation == "Update" else name


def refusal(found: Sequence[Conflicting]) -> errors.Conflict:
    """409 with a cause per field."""
    causes = [Cause("FieldManagerConflict", text(c.path), f"conflict with {c.who()}") for c in found]
    if len(found) == 1:
        told = f"Apply failed with 1 conflict: conflict with {found[0].who()}: {text(found[0].path)}"
        return errors.Conflict(told, causes=causes)
    lines = []
    for who in sorted({c.who() for c in found}):
        lines.append(f"conflicts with {who}:")
        lines += [f"- {text(c.path)}" for c in found if c.who() == who]
    return errors.Conflict(f"Apply failed with {len(found)} conflicts: " + "\n".join(lines), causes=causes)
