"""Our own certificate authority, the server's certificate and the administrator's, kept beside the store.

Keys are EC P-256, files 0600 in a folder 0700. What is there and still valid is used again, so a kubeconfig that
somebody copied keeps working; the server's certificate is made anew when it does not name the address.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.auth import certificates
from engine.auth.certificates import Keys, private_key

ADMIN: Final = "kubernetes-admin"
ADMIN_GROUP: Final = "system:masters"
_NAMES: Final = (
    "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
)  # fmt: skip
_YEAR: Final = timedelta(days=365)
_MARGIN: Final = timedelta(days=30)
_ALLOWED: Final = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes

    def x509(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate)


class Authority:
    """Certificates of one cluster, in one folder."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, or make it with a new CA. OSError when that cannot be."""
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.ca = self._kept("ca") or self._made("ca", _name("kubarium-ca"), None, 10 * _YEAR, ())

    def server(self, host: str) -> Pair:
        """The server's certificate, good for this address and for the names of the API inside the cluster."""
        wanted = ["127.0.0.1", "::1", host]
        found = self._kept("server")
        if found is None or host not in _alternatives(found.x509()):
            found = self._made("server", _name("kube-apiserver"), self.ca, _YEAR, (*_NAMES, *wanted))
        return found

    def admin(self) -> Pair:
        """The administrator's: user kubernetes-admin of group system:masters."""
        return self._kept("admin") or self._made("admin", _name(ADMIN, ADMIN_GROUP), self.ca, _YEAR, ())

    def keys(self) -> Keys:
        """What the cluster signs with: this CA, and a key for the tokens of service accounts."""
        path = self.folder / "sa.key"
        try:
            kept = path.read_text()
            private_key(kept)
        except (FileNotFoundError, ValueError):
            kept = _pem(ec.generate_private_key(ec.SECP256R1())).decode()
            write_private(path, kept.encode())
        return Keys(certificates.Authority(self.ca.certificate.decode(), self.ca.key.decode()), kept)

    def server_context(self, host: str) -> ssl.SSLContext:
        """TLS for the server; a client may show a certificate, which must then be ours."""
        self.server(host)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=self.ca.certificate.decode())
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self.folder / "server.crt", self.folder / "server.key")
        return context

    # -- inside --------------------------------------------------------------------------------------------------------

    def _kept(self, name: str) -> Pair | None:
        """The pair in the folder; None when there is none, it expires soon, or our CA did not sign it."""
        try:
            pair = Pair((self.folder / f"{name}.crt").read_bytes(), (self.folder / f"{name}.key").read_bytes())
            certificate = pair.x509()
            if name != "ca":
                certificate.verify_directly_issued_by(self.ca.x509())
        except (FileNotFoundError, ValueError, TypeError):
            return None
        except Exception as error:
            if type(error).__name__ == "InvalidSignature":
                return None
            raise
        return pair if certificate.not_valid_after_utc > datetime.now(UTC) + _MARGIN else None

    def _made(
        self, name: str, subject: x509.Name, issuer: Pair | None, life: timedelta, alternatives: tuple[str, ...]
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        pair = Pair(_signed(key, subject, issuer, life, alternatives), _pem(key))
        write_private(self.folder / f"{name}.key", pair.key)
        write_private(self.folder / f"{name}.crt", pair.certificate)
        return pair


def _name(common_name: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternatives(certificate: x509.Certificate) -> set[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in found}


def _signed(
    key: ec.EllipticCurvePrivateKey, subject: x509.Name, issuer: Pair | None, life: timedelta, names: tuple[str, ...]
) -> bytes:
    now = datetime.now(UTC)
    signer = key
    if issuer is not None:
        loaded = serialization.load_pem_private_key(issuer.key, None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signer = loaded
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.x509().subject if issuer is not None else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_key_usage(issuer is None), critical=True)
    )
    if issuer is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(_ALLOWED), critical=False)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_alternative(n) for n in dict.fromkeys(names)]), False
        )
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _key_usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=authority, crl_sign=authority, key_encipherment=False,
        content_commitment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def write_private(path: Path, data: bytes) -> None:
    """Write a file that its owner alone may read, never half."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def write_kubeconfig(path: Path, server: str, authority: Authority) -> None:
    """A kubeconfig for the administrator, mode 0600."""
    admin = authority.admin()

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "kubarium",
                "cluster": {"server": server, "certificate-authority-data": text(authority.ca.certificate)},
            }
        ],
        "users": [
            {
                "name": ADMIN,
                "user": {"client-certificate-data": text(admin.certificate), "client-key-data": text(admin.key)},
            }
        ],
        "contexts": [{"name": "kubarium", "context": {"cluster": "kubarium", "user": ADMIN, "namespace": "default"}}],
        "current-context": "kubarium",
        "preferences": {},
    }
    write_private(path, yaml.safe_dump(config, sort_keys=False).encode())
