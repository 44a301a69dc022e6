"""admissionregistration.k8s.io: configurations of webhooks (pkg/apis/admissionregistration/validation)."""

from __future__ import annotations

from collections import Counter
from typing import Final
from urllib.parse import urlsplit

from engine.api.names import port_errors, qualified_name_errors, rfc1035_errors, subdomain_errors
from engine.api.validation.causes import (
    Causes,
    duplicate,
    each_message,
    invalid,
    not_supported,
    required,
    too_many,
)
from engine.api.validation.label_selector import validate_selector
from store.types import JsonObject

_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_WITHOUT_EFFECTS: Final = ("None", "NoneOnDryRun")
_REVIEWS: Final = ("v1", "v1beta1")
_CHOICES: Final = (
    ("failurePolicy", ("Fail", "Ignore")),
    ("matchPolicy", ("Equivalent", "Exact")),
)
_SCOPES: Final = ("*", "Cluster", "Namespaced")
_MOST_SECONDS: Final = 30
_MOST_CONDITIONS: Final = 64
_FORM: Final = "; desired format: https://host[/path]"


def configuration(causes: Causes, obj: JsonObject) -> None:
    """A ValidatingWebhookConfiguration or a MutatingWebhookConfiguration."""
    seen: set[str] = set()
    for index, hook in enumerate(obj.get("webhooks") or ()):
        path, name = f"webhooks[{index}]", hook.get("name") or ""
        _hook(causes, hook, path)
        _reviews(causes, hook.get("admissionReviewVersions") or [], f"{path}.admissionReviewVersions")
        if name in seen:
            causes.append(duplicate(f"{path}.name", name))
        if name:
            seen.add(name)


def configuration_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    if new.get("webhooks") != old.get("webhooks"):
        configuration(causes, new)


def _hook(causes: Causes, hook: JsonObject, path: str) -> None:
    name = hook.get("name") or ""
    if not name:
        causes.append(required(f"{path}.name"))
    elif wrong := subdomain_errors(name):
        causes.append(invalid(f"{path}.name", name, ",".join(wrong)))
    elif name.count(".") < 2:
        text = "should be a domain with at least three segments separated by dots"
        causes.append(invalid(f"{path}.name", name, text))
    for index, rule in enumerate(hook.get("rules") or ()):
        _rule(causes, rule, f"{path}.rules[{index}]")
    for key, choices in _CHOICES:
        _choice(causes, hook, key, choices, path)
    if hook.get("sideEffects") is None:
        causes.append(required(f"{path}.sideEffects", f"must specify one of {', '.join(_WITHOUT_EFFECTS)}"))
    _choice(causes, hook, "sideEffects", _WITHOUT_EFFECTS, path)
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= _MOST_SECONDS:
        text = f"the timeout value must be between 1 and {_MOST_SECONDS} seconds"
        causes.append(invalid(f"{path}.timeoutSeconds", seconds, text))
    for key in ("namespaceSelector", "objectSelector"):
        if hook.get(key) is not None:
            validate_selector(causes, hook[key], f"{path}.{key}")
    _choice(causes, hook, "reinvocationPolicy", ("IfNeeded", "Never"), path)
    _client(causes, hook.get("clientConfig") or {}, f"{path}.clientConfig")
    _conditions(causes, hook.get("matchConditions") or [], f"{path}.matchConditions")


def _choice(causes: Causes, obj: JsonObject, key: str, choices: tuple[str, ...], path: str) -> None:
    if obj.get(key) is not None and obj[key] not in choices:
        causes.append(not_supported(f"{path}.{key}", obj[key], choices))


# -- rules ---------------------------------------------------------------------------------------------------------


def _rule(causes: Causes, rule: JsonObject, path: str) -> None:
    operations: list[str] = rule.get("operations") or []
    if not operations:
        causes.append(required(f"{path}.operations"))
    _alone(causes, operations, f"{path}.operations", "operations")
    for index, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            causes.append(not_supported(f"{path}.operations[{index}]", operation, _OPERATIONS))
    for key, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        if not rule.get(key):
            causes.append(required(f"{path}.{key}"))
        _alone(causes, rule.get(key) or [], f"{path}.{key}", what)
    for index, version in enumerate(rule.get("apiVersions") or ()):
        if not version:
            causes.append(required(f"{path}.apiVersions[{index}]"))
    _resources(causes, rule.get("resources") or [], f"{path}.resources")
    _choice(causes, rule, "scope", _SCOPES, path)


def _alone(causes: Causes, values: list[str], path: str, what: str) -> None:
    if len(values) > 1 and "*" in values:
        causes.append(invalid(path, values, f"if '*' is present, must not specify other {what}"))


def _resources(causes: Causes, resources: list[str], path: str) -> None:
    if not resources:
        causes.append(required(path))
    whole: set[str] = set()
    everywhere: set[str] = set()
    plain = False
    for index, each in enumerate(resources):
        where = f"{path}[{index}]"
        resource, slash, sub = each.partition("/")
        if not each:
            causes.append(required(where))
        elif not slash:
            plain = each != "*"
        else:
            if resource in whole:
                causes.append(invalid(where, each, f"if '{resource}/*' is present, must not specify {each}"))
            if sub in everywhere:
                causes.append(invalid(where, each, f"if '*/{sub}' is present, must not specify {each}"))
            if sub == "*":
                whole.add(resource)
            if resource == "*":
                everywhere.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        causes.append(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and plain:
        text = "if '*' is present, must not specify other resources without subresources"
        causes.append(invalid(path, resources, text))


# -- where to call -------------------------------------------------------------------------------------------------


def _client(causes: Causes, client: JsonObject, path: str) -> None:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        causes.append(required(path, "exactly one of url or service is required"))
    elif url is not None:
        _url(causes, url, f"{path}.url")
    else:
        _service(causes, service or {}, f"{path}.service")


def _url(causes: Causes, url: str, path: str) -> None:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    if parts.scheme != "https":
        causes.append(invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not host:
        causes.append(invalid(path, host, f"host must be specified{_FORM}"))
    for value, what in ((user, "user information is"), (parts.fragment, "fragments are")):
        if value:
            causes.append(invalid(path, value, f"{what} not permitted in the URL"))
    if parts.query:
        causes.append(invalid(path, parts.query, "query parameters are not permitted in the URL"))


def _service(causes: Causes, service: JsonObject, path: str) -> None:
    for key in ("name", "namespace"):
        if not service.get(key):
            causes.append(required(f"{path}.{key}", f"service {key} is required"))
    port = service.get("port") or 0
    if wrong := port_errors(port):
        causes.append(invalid(f"{path}.port", port, f"port is not valid: {','.join(wrong)}"))
    called, where = service.get("path") or "/", f"{path}.path"
    if called == "/":
        return
    if called == "//":
        causes.append(invalid(where, called, "segment[0] may not be empty"))
        return
    if not called.startswith("/"):
        causes.append(invalid(where, called, "must start with a '/'"))
    for index, step in enumerate(called[1:].removesuffix("/").split("/")):
        wrong = subdomain_errors(step) if step else ()
        if not step:
            causes.append(invalid(where, called, f"segment[{index}] may not be empty"))
        for message in wrong:
            causes.append(invalid(where, called, f"segment[{index}]: {message}"))


def _reviews(causes: Causes, versions: list[str], path: str) -> None:
    if not versions:
        causes.append(required(path, f"must specify one of {', '.join(_REVIEWS)}"))
        return
    seen: Counter[str] = Counter()
    for index, version in enumerate(versions):
        seen[version] += 1
        if seen[version] > 1:
            causes.append(invalid(f"{path}[{index}]", version, "duplicate version"))
        else:
            each_message(causes, f"{path}[{index}]", version, rfc1035_errors(version))
    if not any(version in _REVIEWS for version in versions):
        causes.append(invalid(path, versions, f"must include at least one of {', '.join(_REVIEWS)}"))


def _conditions(causes: Causes, conditions: list[JsonObject], path: str) -> None:
    if len(conditions) > _MOST_CONDITIONS:
        causes.append(too_many(path, len(conditions), _MOST_CONDITIONS))
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        where, name = f"{path}[{index}]", condition.get("name") or ""
        expression = (condition.get("expression") or "").strip()
        if not expression:
            causes.append(required(f"{where}.expression"))
        if not name:
            causes.append(required(f"{where}.name"))
        else:
            each_message(causes, f"{where}.name", name, qualified_name_errors(name))
            if name in seen:
                causes.append(duplicate(f"{where}.name", name))
            seen.add(name)
