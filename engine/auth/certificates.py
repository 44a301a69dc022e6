"""The cluster's certificate authority and the key that signs its service accounts' tokens.

    keys = api.keys                       # Keys: what this cluster signs with
    keys.authority.certificate            # PEM of the CA, also in every namespace's kube-root-ca.crt
    keys.authority.sign(request, ...)     # PEM of a certificate for a PKCS#10 request
    api.adopt_keys(Keys(authority, key))  # engine thread: keys that were kept in files take the place of the derived

A cluster starts with keys that are derived from its seed, so that whatever it signs is the same in two runs: fit for a
cluster that nobody can reach. Who serves the cluster to others first adopts keys of real chance, kept in files beside
the store, never in revisions. All keys are EC P-256, signatures are deterministic (RFC 6979). cryptography is imported
when the first key is needed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from engine.clock import SECOND

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256: private keys are below it."""
_DERIVED_FROM: Final = datetime(2025, 1, 1, tzinfo=UTC)
_DERIVED_UNTIL: Final = datetime(2125, 1, 1, tzinfo=UTC)
_BACKDATE: Final = timedelta(minutes=5)
"""How long before now a certificate begins (the signer's clock skew allowance)."""


class BadRequestPem(ValueError):
    """No PKCS#10 request, or one whose signature does not hold; the text says what."""


@dataclass(frozen=True)
class Authority:
    """A certificate authority, PEM."""

    certificate: str
    key: str
    """PKCS#8."""

    @cached_property
    def _signer(self) -> ec.EllipticCurvePrivateKey:
        return private_key(self.key)

    @cached_property
    def _issuer(self) -> x509.Certificate:
        from cryptography import x509

        return x509.load_pem_x509_certificate(self.certificate.encode())

    def sign(self, request: str, usages: tuple[str, ...], now: int, seconds: int) -> str:
        """A certificate (PEM) for a PKCS#10 request (PEM): its subject, names and key, and these usages.

        `now`: microseconds since the epoch; it is good from five minutes before for `seconds`, but not longer than
        the authority. `usages` are those of certificates.k8s.io. Raises BadRequestPem.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        wanted = load_request(request)
        begin = datetime.fromtimestamp(now / SECOND, UTC)
        serial = int.from_bytes(hashlib.sha256(f"{request}{now}{usages}".encode()).digest()[:16]) >> 1 or 1
        plain, extended = _key_usages(usages)
        end = min(begin + timedelta(seconds=seconds), self._issuer.not_valid_after_utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(wanted.subject)
            .issuer_name(self._issuer.subject)
            .public_key(wanted.public_key())
            .serial_number(serial)
            .not_valid_before(begin - _BACKDATE)
            .not_valid_after(end)
            .add_extension(plain, critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._signer.public_key()), False)
        )
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        for extension in wanted.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                builder = builder.add_extension(extension.value, critical=extension.critical)
        signed = builder.sign(self._signer, hashes.SHA256(), ecdsa_deterministic=True)
        return signed.public_bytes(serialization.Encoding.PEM).decode()


class Keys:
    """What a cluster signs with."""

    def __init__(self, authority: Authority, token_key: str) -> None:
        """`token_key`: PEM of the private key for service accounts' tokens (--service-account-signing-key-file)."""
        self._authority: Authority | None = authority
        self._token_key: str | None = token_key
        self._seed = b""

    @classmethod
    def derived(cls, seed: bytes) -> Keys:
        """Keys that follow from the seed: nothing is computed before somebody asks."""
        keys = cls.__new__(cls)
        keys._authority, keys._token_key, keys._seed = None, None, seed
        return keys

    @property
    def authority(self) -> Authority:
        if self._authority is None:
            self._authority = _derived_authority(self._seed)
        return self._authority

    @property
    def token_key(self) -> str:
        """PEM."""
        if self._token_key is None:
            self._token_key = _pem(_derived_key(self._seed, "sa"))
        return self._token_key


def private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """ValueError for anything but an EC key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    loaded = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is no EC key")
    return loaded


def load_request(pem: str) -> x509.CertificateSigningRequest:
    """A PKCS#10 request whose signature holds. BadRequestPem otherwise."""
    from cryptography import x509

    if not pem.startswith("-----BEGIN CERTIFICATE REQUEST-----"):
        raise BadRequestPem("PEM block type must be CERTIFICATE REQUEST")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        valid = request.is_signature_valid
    except (ValueError, TypeError) as error:
        raise BadRequestPem(str(error)) from error
    if not valid:
        raise BadRequestPem("the signature does not hold")
    return request


def _derived_key(seed: bytes, purpose: str) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    digest = hashlib.sha512(seed + purpose.encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest) % (_ORDER - 1) + 1, ec.SECP256R1())


def _derived_authority(seed: bytes) -> Authority:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    key = _derived_key(seed, "ca")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubarium-ca")])
    usage, _ = _key_usages(("digital signature", "cert sign", "crl sign"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_DERIVED_FROM)
        .not_valid_after(_DERIVED_UNTIL)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return Authority(certificate.public_bytes(serialization.Encoding.PEM).decode(), _pem(key))


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives import serialization

    form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def _key_usages(usages: tuple[str, ...]) -> tuple[x509.KeyUsage, list[x509.ObjectIdentifier]]:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    extended = {
        "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
        "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
        "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
        "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
        "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
        "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    }
    plain = x509.KeyUsage(
        digital_signature="digital signature" in usages or "signing" in usages,
        content_commitment="content commitment" in usages,
        key_encipherment="key encipherment" in usages,
        data_encipherment="data encipherment" in usages,
        key_agreement="key agreement" in usages,
        key_cert_sign="cert sign" in usages,
        crl_sign="crl sign" in usages,
        encipher_only=False,
        decipher_only=False,
    )
    return plain, [extended[usage] for usage in usages if usage in extended]
