"""What names, labels and their like must look like: the checks of k8s.io/apimachinery/pkg/util/validation.

Each check returns messages, none when the value is right; the texts are Kubernetes' own. Checks are cached by value:
the same labels and names come again and again.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = f"({_QUALIFIED})?"
_CONFIG_KEY: Final = "[-._a-zA-Z0-9]+"

_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_1035_TEXT: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character"
)
_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_QUALIFIED_TEXT: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_CONFIG_KEY_TEXT: Final = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_WILDCARD_TEXT: Final = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})\Z", re.ASCII)


_IS_LABEL: Final = _compiled(_LABEL)
_IS_1035: Final = _compiled(_1035)
_IS_SUBDOMAIN: Final = _compiled(_SUBDOMAIN)
_IS_QUALIFIED: Final = _compiled(_QUALIFIED)
_IS_VALUE: Final = _compiled(_VALUE)
_IS_CONFIG_KEY: Final = _compiled(_CONFIG_KEY)
_IS_WILDCARD: Final = _compiled(rf"\*\.{_SUBDOMAIN}")


def regex_message(text: str, pattern: str, *examples: str) -> str:
    """validation.RegexError."""
    if not examples:
        return f"{text} (regex used for validation is '{pattern}')"
    listed = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {listed}regex used for validation is '{pattern}')"


def too_long(most: int) -> str:
    return f"must be no more than {most} characters"


@lru_cache(maxsize=16384)
def dns_label_errors(value: str) -> tuple[str, ...]:
    """RFC 1123 label: namespaces, containers, port and volume names."""
    found = [too_long(63)] if len(value) > 63 else []
    if not _IS_LABEL.match(value):
        if _IS_SUBDOMAIN.match(value):
            found.append("must not contain dots")
        else:
            found.append(regex_message(_LABEL_TEXT, _LABEL, "my-name", "123-abc"))
    return tuple(found)


@lru_cache(maxsize=1024)
def rfc1035_errors(value: str) -> tuple[str, ...]:
    """DNS-1035 label: names and versions of custom resource definitions."""
    found = [too_long(63)] if len(value) > 63 else []
    if not _IS_1035.match(value):
        found.append(regex_message(_1035_TEXT, _1035, "my-name", "abc-123"))
    return tuple(found)


@lru_cache(maxsize=16384)
def subdomain_errors(value: str) -> tuple[str, ...]:
    """RFC 1123 subdomain: the names of most kinds."""
    found = [too_long(253)] if len(value) > 253 else []
    if not _IS_SUBDOMAIN.match(value):
        found.append(regex_message(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com"))
    return tuple(found)


@lru_cache(maxsize=4096)
def wildcard_errors(value: str) -> tuple[str, ...]:
    """`*.example.com`."""
    found = [too_long(253)] if len(value) > 253 else []
    if not _IS_WILDCARD.match(value):
        found.append(regex_message(_WILDCARD_TEXT, rf"\*\.{_SUBDOMAIN}", "*.example.com"))
    return tuple(found)


@lru_cache(maxsize=16384)
def label_key_errors(key: str) -> tuple[str, ...]:
    """A qualified name: label and annotation keys, extended resources, finalizers."""
    parts = key.split("/")
    found: list[str] = []
    if len(parts) > 2:
        text = regex_message(f"a valid label key {_QUALIFIED_TEXT}", _QUALIFIED, "MyName", "my.name", "123-abc")
        return (f"{text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",)
    if len(parts) == 2:
        if not parts[0]:
            found.append("prefix part must be non-empty")
        else:
            found += [f"prefix part {message}" for message in subdomain_errors(parts[0])]
    name = parts[-1]
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > 63:
        found.append(f"name part {too_long(63)}")
    if not _IS_QUALIFIED.match(name):
        found.append("name part " + regex_message(_QUALIFIED_TEXT, _QUALIFIED, "MyName", "my.name", "123-abc"))
    return tuple(found)


qualified_name_errors = label_key_errors


@lru_cache(maxsize=16384)
def label_value_errors(value: str) -> tuple[str, ...]:
    """A label's value: at most 63 characters, may be empty."""
    found = [too_long(63)] if len(value) > 63 else []
    if not _IS_VALUE.match(value):
        found.append(regex_message(_VALUE_TEXT, _VALUE, "MyValue", "my_value", "12345"))
    return tuple(found)


@lru_cache(maxsize=4096)
def config_key_errors(key: str) -> tuple[str, ...]:
    """A key of a ConfigMap or Secret: it must do as a file's name."""
    found = [too_long(253)] if len(key) > 253 else []
    if not _IS_CONFIG_KEY.match(key):
        found.append(regex_message(_CONFIG_KEY_TEXT, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if key == ".":
        found.append("must not be '.'")
    elif key == "..":
        found.append("must not be '..'")
    elif key.startswith(".."):
        found.append("must not start with '..'")
    return tuple(found)


@lru_cache(maxsize=4096)
def env_name_errors(name: str) -> tuple[str, ...]:
    """An environment variable's name (relaxed rule of v1.34 on: printable ASCII without `=`)."""
    if name and all(" " <= c <= "~" and c != "=" for c in name):
        return ()
    return ("a valid environment variable name must consist only of printable ASCII characters other than '='",)


@lru_cache(maxsize=4096)
def port_name_errors(port: str) -> tuple[str, ...]:
    """IANA_SVC_NAME: a port's name."""
    found = []
    if len(port) > 15:
        found.append("must be no more than 15 characters")
    if not re.match(r"[-a-z0-9]+\Z", port, re.ASCII):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", port):
        found.append("must contain at least one letter (a-z)")
    if "--" in port:
        found.append("must not contain consecutive hyphens")
    if port and (port[0] == "-" or port[-1] == "-"):
        found.append("must not begin or end with a hyphen")
    return tuple(found)


def port_errors(port: int) -> tuple[str, ...]:
    return () if 1 <= port <= 65535 else ("must be between 1 and 65535, inclusive",)


def path_segment_errors(name: str) -> tuple[str, ...]:
    """RBAC names: anything that may stand in a path."""
    if name in (".", ".."):
        return (f"may not be '{name}'",)
    return tuple(f"may not contain '{part}'" for part in ("/", "%") if part in name)
