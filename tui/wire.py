"""The cluster that is open in another process, asked over HTTP: what `kubarium get` and its like go by.

The kubeconfig beside the cluster's store says where it is served and by which certificate one is known. Answers are
those of the Kubernetes API; refusals arrive as `ClientError` with the server's words.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote, urlencode, urlsplit

import yaml

from engine.client import ClientError, Item, Json, KindInfo, Query

_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
_DISCOVERY: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class WireItem:
    """An object that was read."""

    obj: Json

    @property
    def uid(self) -> str:
        return str(self.obj["metadata"].get("uid", ""))

    @property
    def namespace(self) -> str:
        return str(self.obj["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def revision(self) -> int:
        return int(self.obj["metadata"].get("resourceVersion") or 0)

    @property
    def labels(self) -> Mapping[str, str]:
        return self.obj["metadata"].get("labels") or {}


class RemoteCluster:
    """Requests to one cluster."""

    def __init__(self, kubeconfig: Path, command: str) -> None:
        """`command`: what is done, one action in the log. Raises ClientError when the file is of no use."""
        try:
            config = yaml.safe_load(kubeconfig.read_text())
            cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
            where = urlsplit(cluster["server"])
            context = ssl.create_default_context(cadata=_decoded(cluster, "certificate-authority-data"))
            # Certificates are loaded from files only.
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(_decoded(user, "client-certificate-data") + _decoded(user, "client-key-data"))
                file.flush()
                context.load_cert_chain(file.name)
        except (OSError, KeyError, IndexError, TypeError, ValueError, yaml.YAMLError) as error:
            raise ClientError(f"{kubeconfig} cannot be used: {error}") from error
        self._host, self._port, self._context = where.hostname or "127.0.0.1", where.port or 443, context
        self._url = cluster["server"]
        self._headers = {
            "User-Agent": "kubarium", "Kubectl-Command": f"kubarium {command}", "Kubectl-Session": str(uuid.uuid4()),
        }  # fmt: skip
        self._kinds: list[KindInfo] = []
        self._categories: dict[str, list[KindInfo]] = {}
        self.warnings: list[str] = []
        """What the server warned of."""

    def request(
        self, method: str, path: str, body: bytes = b"", /, accept: str = "application/json", content: str = "",
        **parameters: str,
    ) -> bytes:  # fmt: skip
        """The body of a successful answer. Raises ClientError."""
        connection, response = self._ask(method, path, body, accept, content, _TIMEOUT, parameters)
        try:
            return response.read()
        finally:
            connection.close()

    def lines(self, path: str, accept: str = "application/json", **parameters: str) -> Iterator[bytes]:
        """An answer that goes on (a watch, a log that is followed), line by line, until its end. Raises ClientError."""
        connection, response = self._ask("GET", path, b"", accept, "", None, parameters)
        try:
            yield from response
        finally:
            connection.close()

    def _ask(
        self, method: str, path: str, body: bytes, accept: str, content: str, timeout: float | None,
        parameters: Mapping[str, str],
    ) -> tuple[http.client.HTTPSConnection, http.client.HTTPResponse]:  # fmt: skip
        """A successful answer that is still to be read. Raises ClientError."""
        query = urlencode({name: value for name, value in parameters.items() if value})
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=timeout)
        headers = {"Accept": accept, **self._headers} | ({"Content-Type": content} if content else {})
        try:
            connection.request(method, path + (f"?{query}" if query else ""), body or None, headers)
            response = connection.getresponse()
            refusal = response.read() if response.status >= 400 else b""
        except OSError as error:
            connection.close()
            raise ClientError(
                f"no cluster answers at {self._url} ({error.strerror or error}): open it with `kubarium DIR` or "
                "`kubarium serve DIR`"
            ) from error
        self.warnings += [text.split('"')[1] for text in response.headers.get_all("Warning") or () if '"' in text]
        if response.status >= 400:
            connection.close()
            raise _refusal(response.status, refusal)
        return connection, response

    def json(self, method: str, path: str, obj: Json | None = None, /, **words: str) -> Json:
        """The same as JSON."""
        content = {"content": "application/json"} if obj is not None and "content" not in words else {}
        body = json.dumps(obj).encode() if obj is not None else b""
        return cast(Json, json.loads(self.request(method, path, body, **content, **words)))

    # -- kinds ---------------------------------------------------------------------------------------------------------

    def kinds(self) -> list[KindInfo]:
        """What is served, in the versions that are preferred."""
        if not self._kinds:
            for path in ("/api", "/apis"):
                for group in self.json("GET", path, accept=_DISCOVERY)["items"]:
                    served = _served(str((group.get("metadata") or {}).get("name") or ""), group["versions"])
                    self._kinds += served
                    self._sort_by_category(served, group["versions"])
        return self._kinds

    def _sort_by_category(self, kinds: Sequence[KindInfo], versions: Sequence[Json]) -> None:
        named = {
            served["resource"]: served.get("categories") or ()
            for version in versions
            for served in version["resources"]
        }
        for kind in kinds:
            for category in named.get(kind.plural, ()):
                self._categories.setdefault(category, []).append(kind)

    def kinds_of(self, words: str) -> list[KindInfo]:
        """Of `pods,svc`; a category (`all`) stands for its kinds. Raises ClientError."""
        self.kinds()
        found = [self._categories.get(word.lower()) or [self.kind(word)] for word in words.split(",") if word]
        return list(dict.fromkeys(kind for kinds in found for kind in kinds))

    def kind(self, word: str) -> KindInfo:
        """By plural, singular, short name or kind, with or without its group. Raises ClientError."""
        lower = word.lower()
        for kind in self.kinds():
            names = (kind.resource, kind.plural, kind.singular, kind.kind.lower(), *kind.short_names)
            if lower in names:
                return kind
        raise ClientError(f'the server doesn\'t have a resource type "{word}"')

    def path(self, kind: KindInfo, namespace: str | None, name: str = "", part: str = "") -> str:
        """Where objects of a kind are. `namespace` None: in all."""
        root = "/api/v1" if "/" not in kind.api_version else f"/apis/{kind.api_version}"
        where = f"/namespaces/{quote(namespace)}" if kind.namespaced and namespace else ""
        return f"{root}{where}/{kind.plural}" + "".join(f"/{quote(word, safe='')}" for word in (name, part) if word)

    def table(self, path: str, **parameters: str) -> Json:
        """metav1.Table of an object or of a list."""
        return self.json("GET", path, accept=_TABLE, **parameters)

    def table_changes(self, path: str, **parameters: str) -> Iterator[Json]:
        """metav1.Table of each object that changes from a resourceVersion on, until somebody ends it."""
        for line in self.lines(path, _TABLE, watch="true", **parameters):
            change = json.loads(line)
            if change["type"] == "ERROR":
                raise _refusal(int(change["object"].get("code") or 500), json.dumps(change["object"]).encode())
            if change["type"] != "BOOKMARK":
                yield change["object"]

    # -- as a client of the console's texts ----------------------------------------------------------------------------

    def get(self, resource: str, namespace: str, name: str) -> Future[Item]:
        return _done(lambda: WireItem(self.json("GET", self.path(self.kind(resource), namespace, name))))

    def list(self, query: Query) -> Future[list[Item]]:
        def ask() -> list[Item]:
            kind = self.kind(query.resource)
            path = self.path(kind, query.namespace)
            found = self.json("GET", path, labelSelector=query.labels, fieldSelector=query.fields)
            shared = {"apiVersion": kind.api_version, "kind": kind.kind}
            return [WireItem({**shared, **obj}) for obj in found["items"]]

        return _done(ask)


def _done(ask: Any) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(ask())
    except ClientError as error:
        future.set_exception(error)
    return future


def _decoded(holder: Mapping[str, str], name: str) -> str:
    return base64.b64decode(holder[name]).decode()


def _refusal(code: int, answer: bytes) -> ClientError:
    try:
        status = json.loads(answer)
        return ClientError(str(status["message"]), status, code, str(status.get("reason", "")))
    except (ValueError, KeyError, TypeError):
        return ClientError(answer.decode(errors="replace").strip() or f"HTTP {code}", code=code)


def _served(group: str, versions: list[Json]) -> list[KindInfo]:
    found: dict[str, KindInfo] = {}
    for version in versions:
        for served in version["resources"]:
            plural = served["resource"]
            found.setdefault(
                plural,
                KindInfo(
                    f"{plural}.{group}" if group else plural,
                    f"{group}/{version['version']}" if group else version["version"],
                    served["responseKind"]["kind"], plural, served.get("singularResource") or "",
                    tuple(served.get("shortNames") or ()), served["scope"] == "Namespaced",
                    frozenset(s["subresource"] for s in served.get("subresources") or ()), tuple(served["verbs"]),
                ),
            )  # fmt: skip
    return list(found.values())
