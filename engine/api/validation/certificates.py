"""certificates.k8s.io: certificate signing requests. Source: pkg/apis/certificates/validation."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from engine.api.names import dns_label_errors, subdomain_errors
from engine.api.validation.causes import Causes, duplicate, invalid, not_supported, required
from engine.auth.certificates import BadRequestPem, load_request
from store.types import JsonObject

_LEGACY: Final = "kubernetes.io/legacy-unknown"
_USAGES: Final = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment",
    "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel",
    "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime",
    "server auth", "signing", "timestamping",
)  # fmt: skip
_SHORTEST: Final = 600


def signing_request(causes: Causes, obj: JsonObject) -> None:
    spec: JsonObject = obj.get("spec") or {}
    text = spec.get("request") or ""
    try:
        load_request(base64.b64decode(text, validate=True).decode())
    except (BadRequestPem, binascii.Error, UnicodeDecodeError) as error:
        causes.append(invalid("spec.request", text, str(error)))
    usages: list[str] = spec.get("usages") or []
    if not usages:
        causes.append(required("spec.usages"))
    for index, usage in enumerate(usages):
        if usage not in _USAGES:
            causes.append(not_supported(f"spec.usages[{index}]", usage, _USAGES))
    for index, usage in enumerate(usages):
        if usage in usages[:index]:
            causes.append(duplicate(f"spec.usages[{index}]", usage))
    signer = spec.get("signerName") or ""
    if signer == _LEGACY:
        why = "the legacy signerName is not allowed via this API version"
        causes.append(invalid("spec.signerName", signer, why))
    else:
        _signer_name(causes, signer)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        causes.append(invalid("spec.expirationSeconds", seconds, why))


def signing_request_update(causes: Causes, new: JsonObject, old: JsonObject) -> None:
    """The request itself never changes (engine.api.strategy)."""


def _signer_name(causes: Causes, signer: str) -> None:
    path = "spec.signerName"
    if not signer:
        causes.append(required(path))
        return
    domain, slash, name = signer.partition("/")
    if not slash or "/" in name:
        form = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        causes.append(invalid(path, signer, form))
        return
    labels = domain.split(".")
    for label in labels:
        for wrong in dns_label_errors(label):
            causes.append(invalid(path, domain, f'validating label "{label}": {wrong}'))
    if len(labels) < 2:
        causes.append(invalid(path, domain, "should be a domain with at least two segments separated by dots"))
    for wrong in subdomain_errors(name):
        causes.append(invalid(path, name, f'validating label "{name}": {wrong}'))
