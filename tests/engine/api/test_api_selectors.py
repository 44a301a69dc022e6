"""Label and field selectors: what is read, what matches, what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import selectors
from engine.api.errors import BadRequest
from engine.api.kinds import Kind, builtin_kinds
from engine.api.selectors import LabelSelector, Requirement
from store.types import Envelope, JsonObject, ObjectKey, Revision

KEYS = st.sampled_from(["app", "tier", "example.com/x", "a-b_c", "in"])
VALUES = st.sampled_from(["", "web", "db", "1", "20", "x.y"])
LABELS = st.dictionaries(KEYS, VALUES, max_size=4)
REQUIREMENTS = st.one_of(
    st.builds(lambda k, o, v: Requirement(k, o, (v,)), KEYS, st.sampled_from(["=", "==", "!="]), VALUES),
    st.builds(
        lambda k, o, v: Requirement(k, o, tuple(sorted(v))),
        KEYS, st.sampled_from(["in", "notin"]), st.sets(VALUES, min_size=1, max_size=3),
    ),
    st.builds(lambda k, o: Requirement(k, o), KEYS, st.sampled_from(["exists", "!"])),
    st.builds(lambda k, o, n: Requirement(k, o, (str(n),)), KEYS, st.sampled_from(["gt", "lt"]), st.integers(0, 30)),
)  # fmt: skip


def naive(requirement: Requirement, labels: dict[str, str]) -> bool:
    has = requirement.key in labels
    value = labels.get(requirement.key, "")
    match requirement.operator:
        case "=" | "==" | "in":
            return has and value in requirement.values
        case "!=" | "notin":
            return not (has and value in requirement.values)
        case "exists":
            return has
        case "!":
            return not has
        case "gt":
            return bool(has and re.fullmatch(r"\d+", value) and int(value) > int(requirement.values[0]))
        case _:
            return bool(has and re.fullmatch(r"\d+", value) and int(value) < int(requirement.values[0]))


@given(st.lists(REQUIREMENTS, max_size=4))
def test_print_and_read(requirements: list[Requirement]) -> None:
    """A selector prints as text that reads as the same selector."""
    selector = LabelSelector(requirements)
    again = selectors.parse_labels(str(selector))
    assert again == selector
    assert hash(again) == hash(selector)


@given(st.lists(REQUIREMENTS, max_size=4), LABELS)
def test_matches(requirements: list[Requirement], labels: dict[str, str]) -> None:
    """All conditions hold, and the equality hint never excludes what matches."""
    selector = LabelSelector(requirements)
    matches = selector.matches(labels)
    assert matches == all(naive(requirement, labels) for requirement in requirements)
    if matches:
        assert all(labels[key] == value for key, value in selector.equality)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b c", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a,", "found '', expected: identifier after ','"),
        ("=", "found '=', expected: !, identifier, or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
    ],
)
def test_unreadable(text: str, message: str) -> None:
    """The complaint is Kubernetes' own."""
    with pytest.raises(BadRequest) as caught:
        selectors.parse_labels(text)
    assert str(caught.value) == message


@given(st.text(alphabet="ab=!,() in<>notx/", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    """There is no third way."""
    try:
        selector = selectors.parse_labels(text)
    except BadRequest:
        return
    assert selectors.parse_labels(str(selector)) == selector


def test_spec_selectors() -> None:
    """None matches nothing, {} everything; expressions have no default operator."""
    assert not selectors.from_spec(None).matches({"a": "b"})
    assert selectors.from_spec({}).matches({})
    both = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["d"]}]}
    assert selectors.from_spec(both).matches({"a": "b"})
    assert not selectors.from_spec(both).matches({"a": "b", "c": "d"})
    assert selectors.from_spec(both) is selectors.from_spec(both)
    with pytest.raises(BadRequest, match="is not a valid label selector operator"):
        selectors.from_spec({"matchExpressions": [{"key": "c", "operator": "Gt"}]})
    assert not selectors.from_labels(None).matches({"a": "b"})
    assert selectors.from_labels({"a": "b"}).matches({"a": "b", "c": "d"})


# -- fields --------------------------------------------------------------------------------------------------------


def kind_of(version: str, name: str) -> Kind:
    kind = builtin_kinds().by_kind(version, name)
    assert kind is not None
    return kind


def pod(name: str, **status: str) -> Envelope:
    obj: JsonObject = {"metadata": {"name": name, "namespace": "n"}, "spec": {}, "status": status}
    return Envelope(ObjectKey("", "pods", "n", name), Revision(1), b"", obj)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["a", "b"]),
        ("status.phase=Running", ["a"]),
        ("status.phase!=Running", ["b"]),
        ("status.phase==Running,metadata.name=b", []),
        ("spec.nodeName=", ["a", "b"]),
        ("metadata.namespace!=n", []),
        ("spec.hostNetwork=false", ["a", "b"]),
    ],
)
def test_field_selectors(text: str, names: list[str]) -> None:
    """Fields that an object lacks read as empty."""
    selector = selectors.parse_fields(text, kind_of("v1", "Pod"))
    pods = [pod("a", phase="Running"), pod("b", phase="Pending")]
    assert [env.name for env in pods if selector.matches(env)] == names


def test_unknown_fields() -> None:
    """Kinds that offer more than metadata answer otherwise than those that do not."""
    with pytest.raises(BadRequest) as caught:
        selectors.parse_fields("foo.bar=baz", kind_of("v1", "Pod"))
    assert str(caught.value) == "field label not supported: foo.bar"
    with pytest.raises(BadRequest) as caught:
        selectors.parse_fields("status.replicas=1", kind_of("apps/v1", "Deployment"))
    assert (
        str(caught.value)
        == '"status.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )
    with pytest.raises(BadRequest) as caught:
        selectors.parse_fields("foo", kind_of("v1", "Pod"))
    assert str(caught.value) == "invalid selector: 'foo'; can't understand 'foo'"


def test_escaped_values() -> None:
    """A comma or equals sign of a value is escaped."""
    selector = selectors.parse_fields(r"metadata.name=a\,b\=c", kind_of("v1", "Pod"))
    assert selector.equality == (("metadata.name", "a,b=c"),)
    assert str(selector) == r"metadata.name=a\,b\=c"
