"""Tables of what governs the cluster: priorities, rights, leases, webhooks, certificates, API services."""

from __future__ import annotations

from typing import Any, Final

from engine.api.table.columns import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Cell,
    Column,
    Printer,
    at,
    count,
    field,
    number,
)
from engine.api.table.times import SECOND, human_duration


def _role(obj: dict[str, Any], now: int) -> str:
    ref = obj.get("roleRef") or {}
    return f"{ref.get('kind', '')}/{ref.get('name', '')}"


def _subjects(kind: str) -> Cell:
    def cell(obj: dict[str, Any], now: int) -> str:
        found = [s for s in obj.get("subjects") or () if s.get("kind") == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{s.get('namespace', '')}/{s['name']}" for s in found)
        return ", ".join(s["name"] for s in found)

    return cell


def _bindings() -> Printer:
    return Printer(
        (
            NAME, Column("Role", _role, ".roleRef"), AGE,
            *(
                Column(f"{kind}s", _subjects(kind), f"{kind}s in the roleBinding", priority=1)
                for kind in ("User", "Group", "ServiceAccount")
            ),
        )
    )  # fmt: skip


def _webhooks(what: str) -> Printer:
    doc = f"{what} indicates the number of webhooks registered in this configuration"
    return Printer((NAME, Column("Webhooks", count("webhooks"), doc, "integer"), AGE))


def _request_condition(obj: dict[str, Any], now: int) -> str:
    types = {c["type"] for c in at(obj, "status.conditions") or ()}
    word = "Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"
    word += ",Failed" if "Failed" in types else ""
    return f"{word},Issued" if at(obj, "status.certificate") else word


def _requested_duration(obj: dict[str, Any], now: int) -> str:
    seconds = at(obj, "spec.expirationSeconds")
    return NONE if seconds is None else human_duration(seconds * SECOND)


def _api_service(obj: dict[str, Any], now: int) -> str:
    service = at(obj, "spec.service")
    return f"{service['namespace']}/{service['name']}" if service else "Local"


def _available(obj: dict[str, Any], now: int) -> str:
    for condition in at(obj, "status.conditions") or ():
        if condition["type"] == "Available":
            if condition["status"] == "True":
                return "True"
            return f"{condition['status']} ({condition.get('reason', '')})"
    return "Unknown"


def _limited_level(path: str, missing: Any = UNSET) -> Cell:
    def cell(obj: dict[str, Any], now: int) -> Any:
        value = at(obj, f"spec.{path}")
        return missing if value is None else value

    return cell


def _shares(obj: dict[str, Any], now: int) -> Any:
    found = at(obj, "spec.limited.nominalConcurrencyShares")
    return at(obj, "spec.exempt.nominalConcurrencyShares") or 0 if found is None else found


def _missing_level(obj: dict[str, Any], now: int) -> str:
    for condition in at(obj, "status.conditions") or ():
        if condition["type"] == "Dangling":
            return str(condition["status"])
    return "?"


def _claim_state(obj: dict[str, Any], now: int) -> str:
    words = ["deleted"] if obj["metadata"].get("deletionTimestamp") else []
    if not at(obj, "status.allocation"):
        return ",".join([*words, "pending"]) if not words else "deleted"
    words.append("allocated")
    if at(obj, "status.reservedFor"):
        words.append("reserved")
    return ",".join(words)


_QUEUING: Final = "limited.limitResponse.queuing"

PRINTERS: Final[dict[str, Printer]] = {
    "priorityclasses.scheduling.k8s.io": Printer(
        (
            NAME, Column("Value", number("value"), ".value", "integer"),
            Column("Global-Default", field("globalDefault", False), ".globalDefault", "boolean"), AGE,
            Column("PreemptionPolicy", field("preemptionPolicy", "PreemptLowerPriority"), ".preemptionPolicy"),
        )
    ),
    "rolebindings.rbac.authorization.k8s.io": _bindings(),
    "clusterrolebindings.rbac.authorization.k8s.io": _bindings(),
    "leases.coordination.k8s.io": Printer(
        (NAME, Column("Holder", field("spec.holderIdentity"), ".spec.holderIdentity"), AGE)
    ),
    "runtimeclasses.node.k8s.io": Printer((NAME, Column("Handler", field("handler"), ".handler"), AGE)),
    "certificatesigningrequests.certificates.k8s.io": Printer(
        (
            NAME, AGE, Column("SignerName", field("spec.signerName"), ".spec.signerName"),
            Column("Requestor", field("spec.username"), ".spec.username"),
            Column("RequestedDuration", _requested_duration, ".spec.expirationSeconds"),
            Column("Condition", _request_condition, ".status.conditions"),
        )
    ),
    "validatingwebhookconfigurations.admissionregistration.k8s.io": _webhooks("Webhooks"),
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": _webhooks("Webhooks"),
    **{
        f"{word}admissionpolicies.admissionregistration.k8s.io": Printer(
            (
                NAME,
                Column(
                    "Validations" if word == "validating" else "Mutations",
                    count("spec.validations" if word == "validating" else "spec.mutations"),
                    f"{'Validations' if word == 'validating' else 'Mutations'} indicates the number of rules defined "
                    "in this configuration",
                    "integer",
                ),
                Column(
                    "ParamKind",
                    lambda obj, now: "/".join(
                        at(obj, f"spec.paramKind.{key}") or "" for key in ("apiVersion", "kind")
                    ) if at(obj, "spec.paramKind") else UNSET,
                    "ParamKind specifies the kind of resources used to parameterize this policy",
                ),
                AGE,
            )
        )
        for word in ("validating", "mutating")
    },
    **{
        f"{word}admissionpolicybindings.admissionregistration.k8s.io": Printer(
            (
                NAME,
                Column("PolicyName", field("spec.policyName"), "PolicyName indicates the policy that is bound"),
                Column(
                    "ParamRef",
                    lambda obj, now: UNSET if not at(obj, "spec.paramRef") else "/".join(
                        filter(None, (at(obj, "spec.paramRef.namespace"), at(obj, "spec.paramRef.name")))
                    ) or "*",
                    "ParamRef indicates the param resource which scopes the binding",
                ),
                AGE,
            )
        )
        for word in ("validating", "mutating")
    },
    "apiservices.apiregistration.k8s.io": Printer(
        (
            NAME, Column("Service", _api_service, "The reference to the service that hosts this API endpoint."),
            Column("Available", _available, "Whether this service is available."), AGE,
        )
    ),
    "flowschemas.flowcontrol.apiserver.k8s.io": Printer(
        (
            NAME,
            Column(
                "PriorityLevel", field("spec.priorityLevelConfiguration.name"), ".spec.priorityLevelConfiguration"
            ),
            Column("MatchingPrecedence", number("spec.matchingPrecedence"), ".spec.matchingPrecedence", "integer"),
            Column("DistinguisherMethod", field("spec.distinguisherMethod.type", NONE), ".spec.distinguisherMethod"),
            AGE, Column("MissingPL", _missing_level, "references a broken or non-existent PriorityLevelConfiguration"),
        )
    ),
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": Printer(
        (
            NAME, Column("Type", field("spec.type"), ".spec.type"),
            Column("NominalConcurrencyShares", _shares, ".spec.limited.nominalConcurrencyShares"),
            Column("Queues", _limited_level(f"{_QUEUING}.queues"), f".spec.{_QUEUING}.queues"),
            Column("HandSize", _limited_level(f"{_QUEUING}.handSize"), f".spec.{_QUEUING}.handSize"),
            Column(
                "QueueLengthLimit", _limited_level(f"{_QUEUING}.queueLengthLimit"), f".spec.{_QUEUING}.queueLengthLimit"
            ),
            AGE,
        )
    ),
    "deviceclasses.resource.k8s.io": Printer((NAME, AGE)),
    "resourceclaimtemplates.resource.k8s.io": Printer((NAME, AGE)),
    "resourceclaims.resource.k8s.io": Printer(
        (
            NAME,
            Column("State", _claim_state, "A summary of the current state (allocated, pending, reserved, etc.)."), AGE,
        )
    ),
    "resourceslices.resource.k8s.io": Printer(
        (
            NAME, Column("Node", field("spec.nodeName", UNSET), ".spec.nodeName"),
            Column("Driver", field("spec.driver"), ".spec.driver"),
            Column("Pool", field("spec.pool.name"), ".spec.pool"), AGE,
        )
    ),
}  # fmt: skip
