"""The structural schema of every served type: what fields there are, of what form, and how lists merge.

Built-in types come from the data file that the build distils (hatch_build.py); they stay compressed-small text until a
type is first asked for, then become a `TypeInfo` of `Field`s, linked as they are followed. A custom resource's types
are made from its CRD's openAPIV3Schema and registered beside them.

Readers: the decoder (engine.api.decode), strategic merge and apply (`merge_key`, `list_type`, `map_keys`), `explain`
and the editor's completion (`fields`, `describe`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any, Final, Literal, NamedTuple

import orjson
import zstandard

from engine.api.go_types import GO_NAMES

Form = Literal[
    "struct", "list", "map", "string", "bytes", "bool", "int32", "int64", "float64", "quantity", "time", "microtime",
    "int-or-string", "raw", "any",
]  # fmt: skip
"""`raw` is any JSON object (RawExtension), `any` is any JSON value."""
VERSION: Final = "v1.36"


class SchemaMissing(RuntimeError):
    """The package was installed without its build step."""


class FieldDoc(NamedTuple):
    """A field, or a possible value, for a person: shaped as engine.client.FieldHelp."""

    name: str
    type: str
    """As `kubectl explain` prints it: `[]Container`; "" for a value."""
    required: bool
    description: str


class Field:
    """One field of a type, or the items of a list, or the values of a map."""

    __slots__ = (
        "_types", "form", "go", "item", "leaf", "list_type", "map_keys", "map_type", "merge_key", "name", "required",
        "strategy", "target", "type_name", "values",
    )  # fmt: skip

    def __init__(self, types: Schema, name: str, owner: str, spec: Mapping[str, Any], required: bool) -> None:
        self._types = types
        self.name = name
        self.type_name: str = spec.get("r", "")
        self.form: Form = "struct" if self.type_name else spec["t"]
        self.required = required
        self.merge_key: str | None = spec.get("mk")
        """x-kubernetes-patch-merge-key: what strategic merge tells list items apart by."""
        self.strategy: str = spec.get("ps", "")
        """x-kubernetes-patch-strategy: `merge`, `replace`, `retainKeys`, or several with commas."""
        self.list_type: str | None = spec.get("lt")
        """x-kubernetes-list-type: `atomic`, `set` or `map`."""
        self.map_keys: Sequence[str] = spec.get("lk", ())
        """x-kubernetes-list-map-keys."""
        self.map_type: str | None = spec.get("mt")
        """x-kubernetes-map-type: `atomic` or `granular`."""
        self.item: Field | None = Field(types, "", owner, spec["i"], False) if "i" in spec else None
        self.values: Sequence[str] = spec.get("e", ())
        """The only values that are allowed, where the schema names them."""
        self.target: TypeInfo | None = None
        """The struct's type once it was followed; use `type`."""
        self.leaf: type | None = {"string": str, "bool": bool}.get(self.form)
        """The Python type that is right without a further look."""
        self.go = GO_NAMES.get(f"{owner}.{name}") or _go_name(self)

    @property
    def type(self) -> TypeInfo:
        """The struct's type. KeyError when the field is no struct."""
        if self.target is None:
            self.target = self._types.type(self.type_name)
        return self.target

    @property
    def element(self) -> TypeInfo | None:
        """The struct that this field is, or that its items or values are; None for scalars."""
        if self.form == "struct":
            return self.type
        return self.item.element if self.item is not None else None

    def type_text(self) -> str:
        """The type as `kubectl explain` prints it: `<[]Container>` without the angle brackets."""
        if self.form == "struct":
            return self.type.go
        if self.form == "list":
            return f"[]{self.item.type_text() if self.item else 'Object'}"
        if self.form == "map":
            return f"map[string]{self.item.type_text() if self.item else 'Object'}"
        return _EXPLAIN.get(self.form, self.form)


class TypeInfo:
    """One type: its fields by name."""

    __slots__ = ("fields", "go", "gvk", "map_type", "name", "preserve", "required")

    def __init__(self, name: str, go: str) -> None:
        self.name = name
        """`io.k8s.api.core.v1.PodSpec`."""
        self.go = go
        """Go's struct name: `PodSpec`."""
        self.fields: dict[str, Field] = {}
        self.required: Sequence[str] = ()
        self.gvk: tuple[str, str, str] | None = None
        self.map_type: str | None = None
        self.preserve = False
        """x-kubernetes-preserve-unknown-fields: unknown fields are kept and no problem."""

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Schema:
    """All types. Built-in ones are parsed when first asked for."""

    def __init__(self) -> None:
        self._lines: dict[str, bytes] = {}
        self._types: dict[str, TypeInfo] = {}
        self._kinds: dict[tuple[str, str], str] = {}
        self._docs: dict[str, bytes] | None = None
        self._custom_docs: dict[str, dict[str, str]] = {}
        for line in _read(f"schema-{VERSION}.zst"):
            name, _, rest = line.partition(b"\t")
            self._lines[name.decode()] = rest
            gvk = _GVK.search(rest)
            if gvk is not None:
                group, version, kind = gvk.group(1).decode(), gvk.group(2).decode(), gvk.group(3).decode()
                self._kinds[f"{group}/{version}" if group else version, kind] = name.decode()

    # -- lookup ----------------------------------------------------------------------------------------------------

    def type(self, name: str) -> TypeInfo:
        """A type by its full name. KeyError when there is none."""
        found = self._types.get(name)
        if found is None:
            found = self._types[name] = self._parse(name, orjson.loads(self._lines[name]))
        return found

    def of(self, api_version: str, kind: str) -> TypeInfo | None:
        """The type of a kind; None when the schema does not know it."""
        name = self._kinds.get((api_version, kind))
        return None if name is None else self.type(name)

    def field(self, info: TypeInfo, name: str) -> Field | None:
        return info.fields.get(name)

    def find(self, api_version: str, kind: str, path: Sequence[str | int]) -> Field | None:
        """The field at a path; list indexes, `"[]"` and map keys stand for items. None when there is none."""
        info = self.of(api_version, kind)
        at: Field | None = None
        for step in path:
            if at is not None and at.form in ("list", "map"):
                at = at.item
            elif info is not None and (at is None or at.form == "struct"):
                at = info.fields.get(str(step))
            else:
                return None
            if at is None:
                return None
            info = at.type if at.form == "struct" else None
        return at

    # -- custom types ----------------------------------------------------------------------------------------------

    def register(self, api_version: str, kind: str, types: Mapping[str, Mapping[str, Any]], root: str) -> None:
        """Add types in the data file's own shape (see engine.api.structural); replaces earlier ones of the names."""
        for name, spec in types.items():
            self._types[name] = self._parse(name, spec)
            self._custom_docs[name] = spec.get("docs", {})
        self._kinds[api_version, kind] = root

    def forget(self, api_version: str, kind: str) -> None:
        """Remove a custom kind."""
        root = self._kinds.pop((api_version, kind), None)
        if root is not None:
            for name in [n for n in self._types if n == root or n.startswith(root + ".")]:
                del self._types[name]
                self._custom_docs.pop(name, None)

    # -- documentation ---------------------------------------------------------------------------------------------

    def docs(self, name: str) -> Mapping[str, str]:
        """Descriptions of a type ("") and of its fields, by name; empty for one that has none."""
        return self._doc(name)

    def fields(self, api_version: str, kind: str, path: Sequence[str | int] = ()) -> list[FieldDoc]:
        """What is possible at `path`: the fields of a struct in alphabetical order, or the values of a scalar."""
        info: TypeInfo | None
        if path:
            at = self.find(api_version, kind, path)
            info = at.type if at is not None and at.form == "struct" else None
        else:
            info = self.of(api_version, kind)
        if info is None:
            return [FieldDoc(value, "", False, "") for value in self.values(api_version, kind, path)]
        docs = self._doc(info.name)
        found = [info.fields[name] for name in sorted(info.fields)]
        return [FieldDoc(each.name, each.type_text(), each.required, docs.get(each.name, "")) for each in found]

    def describe(self, api_version: str, kind: str, path: Sequence[str | int] = ()) -> FieldDoc | None:
        """The field at `path` and its doc; the kind itself without a path. None: there is no such place."""
        info = self.of(api_version, kind)
        if info is None:
            return None
        if not path:
            return FieldDoc(kind, info.go, True, self._doc(info.name).get("", ""))
        at = self.find(api_version, kind, path)
        if at is None:
            return None
        steps = list(path)
        while len(steps) > 1:
            parent = self.find(api_version, kind, steps[:-1])
            if parent is not None and parent.form == "struct":
                info = parent.type
                break
            steps.pop()
        text = self._doc(info.name if len(steps) > 1 else self._root(api_version, kind)).get(str(steps[-1]), "")
        return FieldDoc(str(path[-1]), at.type_text(), at.required, text)

    def values(self, api_version: str, kind: str, path: Sequence[str | int]) -> list[str]:
        """Values that the field's doc names (`One of Always, Never, IfNotPresent`); empty when it names none."""
        at = self.find(api_version, kind, path) if path else None
        if at is None:
            return []
        if at.form == "bool":
            return ["true", "false"]
        if at.values:
            return list(at.values)
        found = self.describe(api_version, kind, path) if at.form == "string" else None
        match = _ONE_OF.search(found.description) if found is not None else None
        if match is None:
            return []
        words = re.findall(r"[A-Za-z0-9/.-]+", match.group(1))
        return [w.rstrip(".") for w in words if w not in ("or", "and")]

    def missing(self, info: TypeInfo, obj: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
        """Paths of fields that the schema calls required and `obj` lacks. For hints: the API itself is laxer."""
        if not isinstance(obj, dict):
            return
        for name in info.required:
            if obj.get(name) is None and info.fields.get(name) is not None:
                yield (*path, name)
        for name, value in obj.items():
            entry = info.fields.get(name)
            if entry is not None:
                yield from self._missing_in(entry, value, (*path, name))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _missing_in(self, entry: Field, value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
        if entry.form == "struct":
            yield from self.missing(entry.type, value, path)
        elif entry.item is not None and entry.item.element is not None:
            pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            for step, part in pairs:
                yield from self._missing_in(entry.item, part, (*path, step))

    def _parse(self, name: str, spec: Mapping[str, Any]) -> TypeInfo:
        info = TypeInfo(name, spec.get("go") or name.rpartition(".")[2])
        info.required = spec.get("q", ())
        info.map_type = spec.get("mt")
        info.preserve = bool(spec.get("p"))
        if "g" in spec:
            group, version, kind = spec["g"]
            info.gvk = (group, version, kind)
        for key, value in spec["f"].items():
            info.fields[key] = Field(self, key, info.go, value, key in info.required)
        return info

    def _root(self, api_version: str, kind: str) -> str:
        return self._kinds[api_version, kind]

    def _doc(self, name: str) -> dict[str, str]:
        custom = self._custom_docs.get(name)
        if custom is not None:
            return custom
        if self._docs is None:
            pairs = (line.partition(b"\t") for line in _read(f"schema-docs-{VERSION}.zst"))
            pack = zstandard.ZstdCompressor(level=1)
            self._docs = {key.decode(): pack.compress(rest) for key, _, rest in pairs}
        packed = self._docs.get(name)
        if packed is None:
            return {}
        found: dict[str, str] = orjson.loads(zstandard.ZstdDecompressor().decompress(packed))
        return found


_GVK: Final = re.compile(rb'"g":\["([^"]*)","([^"]*)","([^"]*)"\]')
_ONE_OF: Final = re.compile(
    r"(?:[Oo]ne of|[Vv]alid options are|[Vv]alid values are|[Mm]ust be|[Ss]upports|[Cc]an be|[Vv]alid operators are)"
    r":?\s+((?:\"?[A-Za-z0-9/.-]+\"?(?:,? (?:or|and) |, ))+\"?[A-Za-z0-9/-]+\"?)"
)
_EXPLAIN: Final[dict[str, str]] = {
    "string": "string", "bytes": "string", "bool": "boolean", "int32": "integer", "int64": "integer",
    "float64": "number", "quantity": "Quantity", "time": "string", "microtime": "string",
    "int-or-string": "IntOrString", "raw": "Object", "any": "Object",
}  # fmt: skip
_GO: Final[dict[str, str]] = {
    "bytes": "[]uint8", "quantity": "resource.Quantity", "time": "v1.Time", "microtime": "v1.MicroTime",
    "int-or-string": "intstr.IntOrString", "raw": "map[string]interface {}", "any": "interface {}",
}  # fmt: skip


def _go_name(entry: Field) -> str:
    if entry.form == "struct":
        return ".".join(entry.type_name.rsplit(".", 2)[-2:])
    if entry.form == "list":
        return f"[]{entry.item.go}" if entry.item else "[]interface {}"
    if entry.form == "map":
        if entry.item is not None and entry.item.form == "quantity":
            return "v1.ResourceList"
        return f"map[string]{entry.item.go}" if entry.item else "map[string]interface {}"
    return _GO.get(entry.form, entry.form)


def _read(name: str) -> list[bytes]:
    path = resources.files("engine.api").joinpath("data", name)
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise SchemaMissing(
            f"the package lacks its schema ({name}): run `python hatch_build.py`, or install it with pip"
        ) from None
    return zstandard.ZstdDecompressor().decompress(packed).split(b"\n")
