"""ResourceQuota: refuses what would exceed a quota of its namespace, or does not say what the quota must know."""

from __future__ import annotations

from typing import Any

from engine.api import errors
from engine.api.admission.request import AdmissionRequest, spec_of
from engine.api.kinds import PODS
from engine.quota.ledger import Account, ledger_of
from engine.quota.usage import missing_compute


def validate(request: AdmissionRequest) -> None:
    """Creations and updates. Raises Forbidden."""
    resource = request.kind.stored_as
    for account in ledger_of(request.store).of(request.namespace):
        if not account.covers(resource, request.obj):
            continue
        after, before = account.usage(resource, request.obj), account.usage(resource, request.old)
        if resource == PODS and request.old is None:
            _require_statements(request, account)
        more = {name: nano - before.get(name, 0) for name, nano in after.items() if nano > before.get(name, 0)}
        over = sorted(name for name, nano in more.items() if account.used[name] + nano > account.hard[name])
        if over:
            raise errors.forbidden(
                resource, request.name,
                f"exceeded quota: {account.name}, requested: {_listed(account, over, more)}, "
                f"used: {_listed(account, over, account.used)}, limited: {_listed(account, over, account.hard)}",
            )  # fmt: skip


def _require_statements(request: AdmissionRequest, account: Account) -> None:
    missing = missing_compute(spec_of(request.obj), account.hard)
    if missing:
        listed = "; ".join(
            f"{name} for: {','.join(sorted(missing[name]))}" if missing[name] else name for name in sorted(missing)
        )
        why = f"failed quota: {account.name}: must specify {listed}"
        raise errors.forbidden(request.kind.resource, request.name, why)


def _listed(account: Account, names: list[str], amounts: dict[str, Any]) -> str:
    return ",".join(f"{name}={account.text(name, amounts[name])}" for name in names)
