"""What a person types after `:`: a kind with a namespace, filter, labels; a namespace; a screen.

    :pods                :po shop             :deploy shop /web        :pods app=web        :pods -f wbe
    :pods shop,team      :ns  :ns shop        :node  :events           :cluster  :dir       :q

`parse` reads a line, `candidates` completes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from engine.client import KindInfo, Query
from tui.k9s_commands import K9S_COMMANDS, LEFT_OUT
from tui.session import Session

SCREENS: Final = {
    "cluster": "home: nodes, namespaces, pods",
    "dir": "manifests of the folder",
    "timeline": "what happened; the past looked at",
    "snapshots": "named moments to go back to",
    "contexts": "this cluster, how kubectl finds it, its snapshots and copies",
    "users": "users that bindings name",
    "groups": "groups that bindings name",
    "pulses": "how the cluster is, kind by kind",
    "messages": "what was shown in passing",
    "aliases": "all kinds",
    "help": "keys of this view",
    "q": "quit",
}
"""Commands that are no kinds, and what they are."""
SAME: Final = {
    "home": "cluster",
    "quit": "q",
    "exit": "q",
    "manifests": "dir",
    "folder": "dir",
    "alias": "aliases",
    "history": "timeline",
    "snap": "snapshots",
    "pulse": "pulses",
    "msg": "messages",
    "?": "help",
}
"""Other names of commands."""


class CommandError(ValueError):
    """The command cannot be understood; the text says why."""


@dataclass(frozen=True, slots=True)
class Open:
    """Show a kind."""

    query: Query
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Goto:
    """Show a screen of `SCREENS`."""

    screen: str


@dataclass(frozen=True, slots=True)
class Do:
    """Call a method of the app."""

    method: str
    arguments: tuple[str, ...]


DEEDS: Final = {
    "snapshot": ("take_snapshot", "give the present a name"),
    "restore": ("restore_snapshot", "go back to a snapshot"),
    "fork": ("fork_cluster", "copy the cluster into a store file, as it is or as a snapshot has it"),
    "undo": ("do_undo", "undo the last action"),
    "now": ("do_now", "return from the past"),
    "xray": ("show_tree", "what stands under each object of a kind"),
    "dir": ("open_manifest", "manifests of the folder; a file of it"),
    "can-i": ("show_rights", "what you, a user, group or account may do"),
    "tab": ("show_tab", "a new tab, or `:tab po shop` with that in it; `:tab 2` goes there"),
    "stop": ("do_stop_work", "stop long work: what is done stays"),
    "suspend": ("suspend_console", "back to the shell; fg returns"),
    "readonly": ("do_read_only", "refuse all writes, or allow them again"),
}
"""Commands that do something: (method of the app, what it does)."""
_ARGUMENTS: Final = {
    "xray": (1, 2, "KIND [NAMESPACE]"),
    "tab": (0, 20, "[COMMAND]"),
    "can-i": (0, 2, "[user NAME, group NAME or sa NAMESPACE/NAME]"),
    "dir": (1, 1, "[FILE]"),
    "snapshot": (1, 1, "NAME"),
    "restore": (1, 1, "SNAPSHOT"),
    "fork": (1, 2, "FILE [SNAPSHOT]"),
}
"""Fewest and most words after the command, and what they are; none for the others."""


def parse(text: str, session: Session) -> Open | Goto | Do:
    """Read a command line. Raises CommandError."""
    words = text.split()
    if not words:
        raise CommandError("type a kind, a namespace or a screen")
    own = session.settings.aliases.get(words[0])
    if own is not None:
        words = [*own.removeprefix(":").split(), *words[1:]]
    first = _named(words[0])
    if first in SCREENS and len(words) == 1:
        return Goto(first)
    if first in DEEDS:
        fewest, most, what = _ARGUMENTS.get(first, (0, 0, ""))
        if not fewest <= len(words) - 1 <= most:
            raise CommandError(f"write :{first} {what}".rstrip())
        return Do(DEEDS[first][0], tuple(words[1:]))
    kind = session.find_kind(words[0])
    if kind is None and not session.kinds:
        raise CommandError(f"the cluster is still starting: {first!r} is not known yet")
    if kind is None and words[0].lower() in LEFT_OUT:
        raise CommandError(f":{words[0]} is left out: {LEFT_OUT[words[0].lower()]}")
    if kind is None:
        close = _near(words[0].lower(), session)
        hint = f"; did you mean {', '.join(close)}?" if close else "; ctrl-a lists all kinds"
        raise CommandError(f"no kind and no screen is called {words[0]!r}{hint}")
    if kind.kind == "Namespace" and len(words) == 2 and not words[1].startswith(("/", "-")):
        # `:ns shop` goes into the namespace rather than filtering the list.
        return Open(Query("pods", namespace=words[1]))
    namespace, labels, wanted, named = session.namespace if kind.namespaced else None, [], [], ""
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word in ("-A", "--all-namespaces", "all"):
            namespace = None
        elif word == "-n" and rest:
            namespace = rest.pop(0)
        elif word in ("-f", "-l") and rest:
            wanted.append(f"{word} {rest.pop(0)}")
        elif word.startswith("@"):
            if word[1:] != session.summary.name:
                raise CommandError(f"this console is the cluster {session.summary.name}; :contexts tells of others")
        elif word.startswith("!"):
            wanted.append(" ".join([word, *rest]))
            break
        elif word.startswith("/"):
            wanted.append(" ".join([word[1:], *rest]))
            break
        elif "=" in word:
            labels.append(word)
        elif kind.namespaced:
            if named:
                raise CommandError(f"two namespaces, {named} and {word}: write {named},{word} for both")
            namespace = named = word
        else:
            wanted.append(word)
    return Open(Query(kind.resource, namespace, ",".join(labels)), " ".join(wanted))


def _named(word: str) -> str:
    """The command that a word means, by any of its names; the word itself when it is none."""
    for names in (SAME, K9S_COMMANDS):
        if word.lower() in names:
            return names[word.lower()]
    return word.lower() if word.lower() in SCREENS or word.lower() in DEEDS else word


def _near(word: str, session: Session) -> list[str]:
    """What could have been meant by a word that means nothing: the most alike, at most three."""
    names: dict[str, str] = {name: name for name in (*session.settings.aliases, *SCREENS, *DEEDS)}
    for kind in session.kinds:
        names |= dict.fromkeys((kind.plural, kind.singular, *kind.short_names), kind.plural)
    close = get_close_matches(word, names, 6, 0.6) or [name for name in names if name.startswith(word[:2])]
    return list(dict.fromkeys(names[name] for name in close))[:3]


def candidates(text: str, session: Session, namespaces: Sequence[str]) -> list[tuple[str, str]]:
    """(whole line, what it is) for what is typed so far, the best first."""
    words = text.split(" ")
    if len(words) > 1:
        if words[0] == "tab":
            return [(f"tab {line}", what) for line, what in candidates(" ".join(words[1:]), session, namespaces)]
        start, head = words[-1], " ".join(words[:-1])
        if words[0] == "xray" and len(words) == 2:
            return [(f"xray {line}", what) for line, what in _kinds(start, session)]
        kind = session.find_kind(words[1 if words[0] == "xray" else 0])
        if kind is None or not (kind.namespaced or kind.kind == "Namespace"):
            return []
        before, comma, start = start.rpartition(",")
        taken = before.split(",")
        return [
            (f"{head} {before}{comma}{name}", "") for name in namespaces if name.startswith(start) and name not in taken
        ]
    start = text.strip().lower()
    found = _ranked(start, session)
    own = ((alias, command) for alias, command in session.settings.aliases.items())
    for screen, what in (*own, *SCREENS.items(), *((deed, what) for deed, (_, what) in DEEDS.items())):
        if screen.startswith(start):
            found.append(((1, 50, screen), screen, what))
    found.sort()
    return [(line, what) for _, line, what in found]


def _ranked(start: str, session: Session) -> list[tuple[tuple[int, int, str], str, str]]:
    found: list[tuple[tuple[int, int, str], str, str]] = []
    for kind in session.kinds:
        rank = _match(kind, start)
        if rank is not None:
            found.append(((rank, kind_order(kind), kind.plural), kind.plural, ",".join(kind.short_names)))
    return found


def _kinds(start: str, session: Session) -> list[tuple[str, str]]:
    """Kinds that could be meant, the best first."""
    return [(line, what) for _, line, what in sorted(_ranked(start, session))]


_FIRST: Final = (
    "pods", "deployments", "services", "nodes", "namespaces", "events", "replicasets", "statefulsets", "daemonsets",
    "jobs", "cronjobs", "configmaps", "secrets", "ingresses", "persistentvolumeclaims",
)  # fmt: skip


def kind_order(kind: KindInfo) -> int:
    """What people look at most comes first."""
    return _FIRST.index(kind.plural) if kind.plural in _FIRST else 100


def _match(kind: KindInfo, start: str) -> int | None:
    if start in kind.short_names or start in (kind.plural, kind.singular):
        return 0
    if kind.plural.startswith(start) or any(short.startswith(start) for short in kind.short_names):
        return 1
    if start and (start in kind.plural or start in kind.resource):
        return 2
    return None
