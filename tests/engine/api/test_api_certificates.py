"""Certificate signing requests: what they may say, and that they do not change."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.validation.causes import Causes
from engine.api.validation.certificates import signing_request as judge
from store.types import Resource
from tests.engine.api.door import PERSON, Door
from tests.engine.auth.signing import signing_request


def complaints(**spec: Any) -> list[str]:
    causes: Causes = []
    sound = signing_request("ann", "ann", "team", "example.com/mine", "client auth")
    judge(causes, {"spec": sound["spec"] | spec})
    return [str(each) for each in causes]


def test_a_sound_request_is_not_complained_of() -> None:
    """A PEM request, a signer's name, usages that exist."""
    assert complaints(expirationSeconds=600) == []


@pytest.mark.parametrize(("spec", "text"), [
    ({"request": "YQ=="}, 'spec.request: Invalid value: "YQ==": PEM block type must be CERTIFICATE REQUEST'),
    ({"usages": []}, "spec.usages: Required value"),
    ({"usages": ["fun"]}, 'spec.usages[0]: Unsupported value: "fun": supported values: "any", "cert sign", '),
    ({"usages": ["signing", "signing"]}, 'spec.usages[1]: Duplicate value: "signing"'),
    ({"signerName": ""}, "spec.signerName: Required value"),
    ({"signerName": "mine"}, 'spec.signerName: Invalid value: "mine": must be a fully qualified domain and path of'),
    ({"signerName": "mine/x"}, 'spec.signerName: Invalid value: "mine": should be a domain with at least two segments'),
    ({"signerName": "A.b/x"}, 'spec.signerName: Invalid value: "A.b": validating label "A": a lowercase RFC'),
    ({"signerName": "kubernetes.io/legacy-unknown"}, 'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": '
     "the legacy signerName is not allowed via this API version"),
    ({"expirationSeconds": 10}, "spec.expirationSeconds: Invalid value: 10: may not specify a duration less than 600 "),
])  # fmt: skip
def test_what_a_request_may_not_say(spec: dict[str, Any], text: str) -> None:
    """Kubernetes' words."""
    (said,) = complaints(**spec)
    assert said.startswith(text)


def test_a_request_never_changes(door: Door) -> None:
    """A patch of its spec is taken and does nothing."""
    made = door.create(signing_request("ann", "ann", "team", "example.com/mine", "client auth"))
    new = door.api.patch(
        PERSON, Resource("certificates.k8s.io", "certificatesigningrequests"), "", "ann", "merge",
        {"spec": {"signerName": "a.b/c"}}, field_validation="Strict",
    )  # fmt: skip
    assert new is made
