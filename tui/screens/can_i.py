"""What somebody may do: every kind with the verbs that are allowed, as the cluster's authorizer decides.

Asked by SubjectAccessReviews, so the answer is the one that a request would get. `:can-i` alone asks for the console's
own identity, `:can-i user jane`, `:can-i group dev`, `:can-i sa shop/web` for others; in the namespace that is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from engine.client import ClientError, Item, KindInfo, new_intent
from tui.keymap import Keymap
from tui.kinds.spec import Cell, Column, Facts, Getter, KindView
from tui.rows import PlainRow, value_of
from tui.screens.listing import ListScreen
from tui.session import Session, answer

VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete")
_DRAWN_EVERY: Final = 0.1
"""Seconds between two drawings while the answers come."""
_REVIEWS: Final = "subjectaccessreviews.authorization.k8s.io"


def subject_of(words: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """(who, the subject's fields of a review). Raises ValueError with words for a person."""
    if not words:
        return "you (system:masters)", {
            "user": "kubernetes-admin",
            "groups": ["system:masters", "system:authenticated"],
        }
    if len(words) == 1 and words[0][1:2] == ":":  # as k9s has it: u:jane, g:dev, s:shop/web
        words = ({"u": "user", "g": "group", "s": "sa"}.get(words[0][0], words[0]), words[0][2:])
    kind, *rest = words
    if len(rest) != 1:
        raise ValueError("write `:can-i user NAME`, `:can-i group NAME` or `:can-i sa NAMESPACE/NAME`")
    name = rest[0]
    if kind == "user":
        return f"user {name}", {"user": name, "groups": ["system:authenticated"]}
    if kind == "group":
        return f"group {name}", {"groups": [name, "system:authenticated"]}
    if kind == "sa" and name.count("/") == 1:
        namespace, _, account = name.partition("/")
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
        return f"service account {name}", {"user": f"system:serviceaccount:{namespace}:{account}", "groups": groups}
    raise ValueError(f"nobody is called {kind} {name}: write user NAME, group NAME or sa NAMESPACE/NAME")


class Rights(dict[str, str]):
    """By verb: `yes`, `no`, `` (the kind has no such verb); and the reason under `why`."""


def _verb(verb: str) -> Getter:
    def get(item: Item, facts: Facts) -> Cell:
        allowed = value_of(item, Rights).get(verb, "")
        return Cell("✓ yes", "ok") if allowed == "yes" else Cell("✗ no", "dim") if allowed else Cell("", "dim")

    return get


VIEW: Final = KindView(
    resource="rights",
    columns=(
        Column("RESOURCE", lambda item, facts: item.name, min=26, max=60, search=True),
        *(Column(verb.upper(), _verb(verb), rank=0 if verb in ("get", "delete") else 2) for verb in VERBS),
        Column(
            "BY",
            lambda item, facts: value_of(item, Rights).get("why", ""),
            rank=4,
            min=12,
            max=90,
            grow=True,
            search=True,
        ),
    ),
    empty="No kinds are known yet.",
)


class CanIScreen(ListScreen):
    """The rights of one subject."""

    VIEW = VIEW
    PLACE = "links"

    def __init__(self, session: Session, keymap: Keymap, who: str, subject: Mapping[str, Any]) -> None:
        super().__init__(session, keymap)
        self.NAME = "can-i"
        self._who, self._subject = who, subject

    def do_refresh(self) -> None:
        self.run_worker(self._fill(), exclusive=True, group="can-i", exit_on_error=False)

    async def _fill(self) -> None:
        namespace = self.session.namespace or ""
        namespace = "" if "," in namespace else namespace
        where = f"in namespace {namespace}" if namespace else "in all namespaces"
        self.about.update(f"What {self._who} may do {where}: asking …")
        kinds, rows, drawn = self.session.kinds, list[PlainRow[Rights]](), monotonic()
        for kind in kinds:
            try:
                rights = await self._rights(kind, namespace)
            except ClientError as error:
                self.put(rows, error.message)
                return
            rows.append(PlainRow(rights, kind.resource, kind.resource, revision=len(rows)))
            if monotonic() - drawn > _DRAWN_EVERY:
                drawn = monotonic()
                self.put(rows, f"What {self._who} may do {where}: {len(rows)} of {len(kinds)} kinds asked, esc leaves")
        some = sum(1 for row in rows if "yes" in row.value.values())
        self.put(rows, f"What {self._who} may do {where}: something with {some} of {len(rows)} kinds")

    async def _rights(self, kind: KindInfo, namespace: str) -> Rights:
        rights = Rights()
        _, _, group = kind.resource.partition(".")
        for verb in VERBS:
            if verb not in kind.verbs:
                continue
            attributes = {"verb": verb, "group": group, "resource": kind.plural}
            if kind.namespaced and namespace:
                attributes["namespace"] = namespace
            review = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "metadata": {},
                "spec": {**self._subject, "resourceAttributes": attributes},
            }
            # A question, nothing is kept of it: read-only consoles may ask as well.
            asked = self.session.client.create(_REVIEWS, "", review, intent=new_intent("can-i"), dry_run=True)
            status = (await answer(asked)).obj.get("status") or {}
            rights[verb] = "yes" if status.get("allowed") else "no"
            if status.get("allowed") and status.get("reason"):
                rights["why"] = status["reason"].removeprefix("RBAC: allowed by ")
        return rights

    def do_enter(self) -> None:
        if self.chosen is not None:
            self.console.run_command(self.chosen.name)
