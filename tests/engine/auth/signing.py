"""Certificate requests as a kubelet or a person would make them."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from store.types import JsonObject


def signing_request(name: str, common_name: str, organization: str, signer: str, *usages: str) -> JsonObject:
    """A CertificateSigningRequest with a key of its own."""
    subject = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ])  # fmt: skip
    key = ec.derive_private_key(4711, ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder().subject_name(subject)
    pem = made.sign(key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(serialization.Encoding.PEM)
    return {
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name},
        "spec": {"request": base64.b64encode(pem).decode(), "signerName": signer, "usages": list(usages)},
    }  # fmt: skip
