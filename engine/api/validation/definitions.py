"""apiextensions.k8s.io: custom resource definitions. Their schemas are in engine.api.validation.schemas.

What all versions have alike is held, and complained of, as one: with a single version the paths are
`spec.validation.openAPIV3Schema`, `spec.subresources` and `spec.additionalPrinterColumns`, not those of the version.
Source: apiextensions-apiserver pkg/apis/apiextensions/validation.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from engine.api.errors import Cause
from engine.api.internal_schema import hoisted, versions_inside
from engine.api.names import rfc1035_errors, subdomain_errors
from engine.api.validation.causes import Causes, forbidden, immutable, invalid, not_supported, required
from engine.api.validation.schemas import validate_schema
from store.types import JsonObject

_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS: Final = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_APPROVAL: Final = "api-approved.kubernetes.io"
_PROTECTED: Final = (".k8s.io", ".kubernetes.io")


def definition(causes: Causes, obj: JsonObject) -> None:
    spec: JsonObject = obj.get("spec") or {}
    plural, group = (spec.get("names") or {}).get("plural") or "", spec.get("group") or ""
    name = obj["metadata"].get("name") or ""
    if name != f"{plural}.{group}":
        causes.append(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    _spec(causes, spec)
    stored = [each["name"] for each in spec.get("versions") or () if each.get("storage") and each.get("name")]
    if not stored:
        causes.append(invalid("status.storedVersions", None, "must have at least one stored version"))
    _approval(causes, obj)
    if spec.get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        causes.append(invalid("spec.preserveUnknownFields", True, text))


def definition_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    spec: JsonObject = new.get("spec") or {}
    before: JsonObject = old.get("spec") or {}
    names, had = spec.get("names") or {}, before.get("names") or {}
    _spec(causes, spec)
    conditions = (old.get("status") or {}).get("conditions") or ()
    if any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
        immutable(causes, "spec.scope", spec.get("scope"), before.get("scope"))
        immutable(causes, "spec.names.kind", names.get("kind"), had.get("kind"))
    immutable(causes, "spec.group", spec.get("group"), before.get("group"))
    immutable(causes, "spec.names.plural", names.get("plural"), had.get("plural"))
    _stored_versions(causes, spec, (old.get("status") or {}).get("storedVersions") or [])
    if (new["metadata"].get("annotations") or {}).get(_APPROVAL) != (old["metadata"].get("annotations") or {}).get(
        _APPROVAL
    ):
        _approval(causes, new)


def _stored_versions(causes: Causes, spec: JsonObject, stored: list[str]) -> None:
    present = {each.get("name") for each in spec.get("versions") or ()}
    for index, name in enumerate(stored):
        if name not in present:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions"
                f" until a storage migration ensures no data remains persisted in {name} and removes {name} from "
                "status.storedVersions"
            )
            causes.append(invalid(f"status.storedVersions[{index}]", name, text))


def _approval(causes: Causes, obj: JsonObject) -> None:
    group = f".{(obj.get('spec') or {}).get('group') or ''}"
    if not group.endswith(_PROTECTED):
        return
    path = f"metadata.annotations[{_APPROVAL}]"
    value = (obj["metadata"].get("annotations") or {}).get(_APPROVAL) or ""
    see = "see https://github.com/kubernetes/enhancements/pull/1111"
    if not value:
        text = f'protected groups must have approval annotation "{_APPROVAL}", {see}'
        causes.append(required(path, text))
    elif not value.startswith(("unapproved", "http://", "https://")):
        text = (
            f'protected groups must have approval annotation "{_APPROVAL}" with either a URL or a reason starting with '
            f'"unapproved", {see}'
        )
        causes.append(invalid(path, value, text))


# -- spec ------------------------------------------------------------------------------------------------------------


def _spec(causes: Causes, spec: JsonObject) -> None:
    group, scope = spec.get("group") or "", spec.get("scope") or ""
    if not group:
        causes.append(required("spec.group"))
    elif wrong := subdomain_errors(group):
        causes.append(invalid("spec.group", group, ",".join(wrong)))
    elif "." not in group:
        causes.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    if not scope:
        causes.append(required("spec.scope"))
    elif scope not in ("Cluster", "Namespaced"):
        causes.append(not_supported("spec.scope", scope, ("Cluster", "Namespaced")))
    versions: list[JsonObject] = spec.get("versions") or []
    for index, version in enumerate(versions):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            causes.append(required(f"spec.versions[{index}].schema.openAPIV3Schema"))
    where = hoisted(versions)
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        name = version.get("name") or ""
        if wrong := rfc1035_errors(name):
            causes.append(invalid(f"{path}.name", name, ",".join(wrong)))
        _deprecation(causes, version, path)
        if not where.schema:
            _schema(causes, version, f"{path}.schema")
        if not where.subresources:
            _subresources(causes, version, f"{path}.subresources")
        if not where.columns:
            _columns(causes, version, f"{path}.additionalPrinterColumns")
    if len({each.get("name") for each in versions}) != len(versions):
        causes.append(_versions(versions, "must contain unique version names"))
    if sum(bool(each.get("storage")) for each in versions) != 1:
        causes.append(_versions(versions, "must have exactly one version marked as storage version"))
    if versions and (wrong := rfc1035_errors(versions[0].get("name") or "")):
        causes.append(invalid("spec.version", versions[0].get("name") or "", ",".join(wrong)))
    _names(causes, spec.get("names") or {})
    if where.schema:
        _schema(causes, versions[0], "spec.validation")
    if where.subresources:
        _subresources(causes, versions[0], "spec.subresources")
    if where.columns:
        _columns(causes, versions[0], "spec.additionalPrinterColumns")
    _conversion(causes, spec.get("conversion") or {})


def _versions(versions: list[JsonObject], text: str) -> Cause:
    shown = orjson.dumps(versions_inside(versions)).decode()
    return Cause("FieldValueInvalid", "spec.versions", f"Invalid value: {shown}: {text}")


def _deprecation(causes: Causes, version: JsonObject, path: str) -> None:
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    if not version.get("deprecated"):
        causes.append(invalid(f"{path}.deprecationWarning", warning, "can only be set for deprecated versions"))
    elif len(warning) > 256:
        causes.append(invalid(f"{path}.deprecationWarning", warning, "must be <= 256 characters long"))
    elif not warning:
        causes.append(invalid(f"{path}.deprecationWarning", warning, "must not be an empty string"))


def _names(causes: Causes, names: JsonObject) -> None:
    for name in ("plural", "singular", "kind", "listKind"):
        if not names.get(name):
            causes.append(required(f"spec.names.{name}"))
    for name, folded in (("plural", False), ("singular", False), ("kind", True), ("listKind", True)):
        value = names.get(name) or ""
        wrong = rfc1035_errors(value.lower() if folded else value)
        if value and wrong:
            text = ",".join(wrong)
            text = f"may have mixed case, but should otherwise match: {text}" if folded else text
            causes.append(invalid(f"spec.names.{name}", value, text))
    _labels(causes, names, "shortNames")
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        causes.append(invalid("spec.names.listKind", names["listKind"], "kind and listKind may not be the same"))
    _labels(causes, names, "categories")


def _labels(causes: Causes, names: JsonObject, field: str) -> None:
    for index, value in enumerate(names.get(field) or ()):
        if wrong := rfc1035_errors(value):
            causes.append(invalid(f"spec.names.{field}[{index}]", value, ",".join(wrong)))


# -- what versions have ----------------------------------------------------------------------------------------------


def _schema(causes: Causes, version: JsonObject, path: str) -> None:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema:
        status = (version.get("subresources") or {}).get("status") is not None
        validate_schema(causes, schema, f"{path}.openAPIV3Schema", status=status)


def _subresources(causes: Causes, version: JsonObject, path: str) -> None:
    scale: JsonObject | None = (version.get("subresources") or {}).get("scale")
    if scale is None:
        return
    for field, under in (("specReplicasPath", "spec"), ("statusReplicasPath", "status")):
        value = scale.get(field) or ""
        if not value:
            causes.append(required(f"{path}.scale.{field}"))
        elif not _json_path(causes, f"{path}.scale.{field}", value) and not value.startswith(f".{under}."):
            causes.append(invalid(f"{path}.scale.{field}", value, f"should be a json path under .{under}"))
    value = scale.get("labelSelectorPath") or ""
    place = f"{path}.scale.labelSelectorPath"
    if value and not _json_path(causes, place, value) and not value.startswith((".spec.", ".status.")):
        causes.append(invalid(place, value, "should be a json path under either .spec or .status"))


def _json_path(causes: Causes, path: str, value: str) -> bool:
    """Whether it is no simple path, which is complained of then."""
    if value.startswith("."):
        return False
    causes.append(invalid(path, value, "must be a simple json path starting with ."))
    return True


def _columns(causes: Causes, version: JsonObject, path: str) -> None:
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        at = f"{path}[{index}]"
        if not column.get("name"):
            causes.append(required(f"{at}.name"))
        _choice(causes, f"{at}.type", column.get("type"), _COLUMN_TYPES, optional=False)
        _choice(causes, f"{at}.format", column.get("format"), _COLUMN_FORMATS, optional=True)
        if not column.get("jsonPath"):
            causes.append(required(f"{at}.JSONPath"))
        else:
            _json_path(causes, f"{at}.JSONPath", column["jsonPath"])


def _choice(causes: Causes, path: str, value: Any, choices: tuple[str, ...], *, optional: bool) -> None:
    text = f"must be one of {','.join(choices)}"
    if value and value not in choices:
        causes.append(invalid(path, value, text))
    elif not value and not optional:
        causes.append(required(path, text))


def _conversion(causes: Causes, conversion: JsonObject) -> None:
    strategy, webhook = conversion.get("strategy") or "", conversion.get("webhook") or {}
    path = "spec.conversion"
    if not strategy:
        causes.append(required(f"{path}.strategy"))
    elif strategy not in ("None", "Webhook"):
        causes.append(not_supported(f"{path}.strategy", strategy, ("None", "Webhook")))
    client = webhook.get("clientConfig")
    if strategy == "Webhook":
        if client is None:
            causes.append(required(f"{path}.webhookClientConfig", "required when strategy is set to Webhook"))
        elif (client.get("url") is None) == (client.get("service") is None):
            causes.append(required(f"{path}.webhookClientConfig", "exactly one of url or service is required"))
        if not webhook.get("conversionReviewVersions"):
            causes.append(required(f"{path}.conversionReviewVersions"))
    else:
        text = "should not be set when strategy is not set to Webhook"
        if client is not None:
            causes.append(forbidden(f"{path}.webhookClientConfig", text))
        if webhook.get("conversionReviewVersions"):
            causes.append(forbidden(f"{path}.conversionReviewVersions", text))
