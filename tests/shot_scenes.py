"""Every screen and dialog of the console, as the steps that lead to it: what `make shots` makes pictures of.

A step is a key; `+90`, so many seconds of cluster time; `:pods`, a command; `=shop/x.yaml:text`, a file of the folder
written by somebody else; or a call on the app, for what no key brings about (a store that cannot be written).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from engine.client import ClientError
from tui.app import KubariumApp

Size = tuple[int, int]
Step = str | Callable[[KubariumApp], None]

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
ALL: Final = (SMALL, MIDDLE, LARGE)
BUSY_NODE: Final = ("j", "j")
STOPPED: Final = ("+45", *BUSY_NODE, "x", "enter")
"""The kubelet of a node that has pods stands still."""
FIND_IMAGE: Final = ("m", "ctrl+f", *"image", "enter")


class Scene(NamedTuple):
    """How to get to one screen."""

    steps: tuple[Step, ...]
    sizes: tuple[Size, ...] = ALL
    afresh: bool = False
    """Played anew for each theme: it does not follow when the theme changes."""


def _typed(text: str) -> tuple[str, ...]:
    """The keys of a text."""
    names = {" ": "space", ":": "colon", "/": "slash", "-": "minus", "\n": "enter", ">": "greater_than_sign"}
    return tuple(names.get(letter, letter) for letter in text)


def _disk_full(app: KubariumApp) -> None:
    app.open_screen("failure", ClientError("the store cannot write any more: database or disk is full"))


def _go(command: str, *steps: Step) -> Scene:
    return Scene(("+45", command, *steps))


_BROKEN: Final = "=shop/cart.yaml:apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart\n"
_WRONG: Final = (
    "=shop/wrong.yaml:apiVersion: v1\nkind: Service\nmetadata: {name: wrong, namespace: shop}\n"
    "spec: {ports: [{port: 99999}], selektor: {app: x}}\n"
)
_WORDS: Final = (
    "=shop/words.yaml:apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words, namespace: shop}\n"
    "data:\n  greeting: 你好，世界\n  mood: 🚀 ready\n  plain: hello\n"
)

SCENES: Final[dict[str, Scene]] = {
    # Tables
    "home": Scene(("+45",)),
    "home-inspector": Scene(("+45", *BUSY_NODE)),
    "home-pods": Scene(("+45", "tab", "tab", "space", "space")),
    "pods": Scene(("+300", ":pods", "T")),
    "pods-describe": Scene(("+300", ":pods", "T", "d")),
    "pods-wide": _go(":pods", "ctrl+w"),
    "pods-marked": _go(":pods shop", "space", "space", "j", "space"),
    "pods-only-faults": _go(":pods", "ctrl+z"),
    "nodes": Scene(("+45", ":nodes", "+5")),
    "deployments": _go(":deployments"),
    "events": _go(":events"),
    "namespaces": _go(":namespaces"),
    "crds": _go(":customresourcedefinitions"),
    "roles": _go(":clusterroles"),
    "rolebindings": _go(":rolebindings"),
    "claims": _go(":pvc"),
    "services": _go(":services"),
    "cronjobs": _go(":cronjobs"),
    "secrets": _go(":secrets"),
    "images": _go(":images"),
    "clouds": _go(":clouds"),
    "machines": _go(":machines"),
    "faults-none": _go(":faults"),
    "empty": _go(":ingressclasses /nothing-like-it"),
    "containers": _go(":pods /reviews", "enter"),
    "tabs": _go(":pods /reviews", "plus", ":deployments"),
    # The inspector
    "describe": _go(":nodes", "j", "d"),
    "yaml": _go(":deployments /catalog", "y"),
    "events-of": _go(":pods /payments", "v"),
    "logs": _go(":pods /reviews", "l"),
    "logs-filter": _go(":pods /reviews", "l", "slash", *"GET", "enter"),
    "search": _go(":deployments /catalog", "y", "slash", *"image", "enter"),
    # Why
    "why": _go(":pods /sales", "w"),
    "diagnosis": _go(":deployments /payments", "w"),
    "diagnosis-node": Scene((*STOPPED, "+90", "w")),
    # Manifests
    "manifests": _go(":pods /sales", "m"),
    "manifests-tree": _go(":dir"),
    "editor-complete": _go(":pods /storefront", *FIND_IMAGE, "end", "enter", "r", "e"),
    "editor-field": _go(":pods /sales", "m", "f2"),
    "editor-outline": _go(":pods /storefront", "m", "ctrl+o"),
    "editor-find": _go(":pods /storefront", "m", "ctrl+f", *"image"),
    "editor-replace": _go(":pods /storefront", "m", "ctrl+f", *"image", "tab", *"img"),
    "editor-template": _go(":dir", "n", *"stat"),
    "editor-problems": _go(":pods /storefront", *FIND_IMAGE, "end", "enter", *"rep: x"),
    "editor-drift": _go(":deployments /catalog", "s", "up", "enter", "+5", "m"),
    "editor-conflict": _go(":pods /cart", "m", "x", "=shop/cart.yaml:# changed meanwhile\n", "ctrl+s"),
    "editor-words": Scene((_WORDS, "+45", ":dir", lambda app: app.open_manifest("shop/words.yaml", 5))),
    "file-errors": Scene((_BROKEN, _WRONG, "+45", ":dir")),
    "file-error": Scene((_WRONG, "+45", ":dir", lambda app: app.open_manifest("shop/wrong.yaml", 4))),
    "edit": _go(":deployments /catalog", "e"),
    # The past
    "timeline": Scene((*STOPPED, "+420", "t", "j", "j")),
    "past": Scene((*STOPPED, "+420", "t", "a", "enter")),
    "past-pods": Scene((*STOPPED, "+420", "t", "a", "enter", ":pods")),
    "history": _go(":deployments /catalog", "h"),
    "snapshots-none": _go(":snapshots"),
    "snapshots": _go(":snapshot before", "+20", ":snapshots"),
    "undo": _go(":deployments /storefront", "s", "up", "up", "enter", "+20", "U"),
    "undo-many": _go(":nodes /worker-b3", "r", "tab", "enter", "+30", "U"),
    # What one does
    "delete": _go(":deployments", "j", "ctrl+d"),
    "delete-namespace": _go(":namespaces /shop", "ctrl+d"),
    "scale": _go(":deployments /storefront", "s"),
    "image": _go(":deployments /reviews", "i"),
    "drain": _go(":nodes /worker-a2", "r"),
    "draining": _go(":nodes /worker-a2", "r", "tab", "enter"),
    "room": _go(":pods /cart", "f"),
    "kubectl": _go(":deployments /catalog", "K"),
    "rollouts": _go(":deployments /catalog", "i", "backspace", "backspace", "9", "enter", "+10", "b", "j"),
    "shell": _go(":pods /cart", "s", *"env | grep REDIS", "enter"),
    "decode": _go(":secrets shop", "x"),
    "used-by": _go(":configmaps shop", "u"),
    "can-i": _go(":can-i sa kube-system/endpointslice-controller"),
    "xray": _go(":xray deploy shop"),
    "pulses": _go(":pulses", "+10"),
    "restart-toast": _go(":deployments /catalog", "r"),
    # Faults
    "faults": Scene(("+45", *BUSY_NODE, "x")),
    "faults-pod": _go(":pods shop", "x", "down"),
    "faults-zone": Scene(("+45", *BUSY_NODE, "k", "k", "x", "enter", "+60", "x")),
    "faults-list": Scene(("+45", *BUSY_NODE, "x", "down", "tab", "5", "m", "enter", "+60", ":faults")),
    "failure": Scene((*STOPPED, "+75")),
    "rescheduled": Scene((*STOPPED, "+420")),
    # Lines, help, tour, messages
    "command-line": Scene(("+45", "colon", *"de")),
    "command-wrong": Scene(("+45", "colon", *"depp", "enter")),
    "filter-line": _go(":pods", "slash", *"shop"),
    "filter-wrong": _go(":pods", "slash", *_typed("cpu>x")),
    "help": _go(":pods", "question_mark"),
    "aliases": Scene(("+45", "ctrl+a")),
    "palette": Scene(("+45", "ctrl+p", *"dra"), afresh=True),
    "messages": _go(":deployments /catalog", "r", "z", "z", "exclamation_mark"),
    "messages-none": Scene(("+45", "exclamation_mark")),
    "tour": Scene(("+45", "question_mark", "t")),
    "tour-why": Scene(("+45", "question_mark", "t", ":pods /sales", "+1", "w")),
    "tour-editor": Scene(("+45", "question_mark", "t", ":pods /sales", "+1", "w", "+1", "m")),
    "read-only": _go(":readonly", ":pods", "ctrl+d"),
    "disk-full": Scene(("+45", _disk_full)),
    "home-60x20": Scene(("+45",), ((60, 20),)),
    "home-low": Scene(("+45",), ((60, 14), (38, 9))),
}

README: Final = (
    "home-80x24", "home-200x60", "why-120x40", "manifests-120x40", "rescheduled-200x60", "diagnosis-node-120x40",
    "past-120x40",
)  # fmt: skip
"""What the README shows, in the dark theme."""
