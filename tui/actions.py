"""All that a person can do in the console, in one registry: it feeds key map, key bar, palette and help.

An action belongs to views (`table`, `text`, `logs` …; none: everywhere) and maybe to kinds. Where several actions have
the same key, the one for the kind wins over the one for the view, and that over the global one; such a cover is
declared in `over`. Any other overlap is a clash (see `tui.keymap`). `handler` names a method `do_<handler>`, looked for
from the focused widget up to the screen and the app.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Group = Literal["General", "Move", "View", "Object", "Time", "Tabs", "Namespaces", "Sort", "Text", "Logs"]

TABLE: Final = ("table",)
LISTS: Final = ("table", "folder", "list")
TEXT: Final = ("text",)
EDITOR: Final = ("editor",)
INSPECTOR: Final = ("inspector",)
BOTH: Final = ("table", "inspector")
WHY: Final = ("why",)
INSIDE: Final = {
    "manifest": ("editor",), "edit": ("editor",), "outcome": ("text",),
    "inspector": ("text",), "logs": ("inspector", "text"), "yaml": ("inspector", "text"), "plan": ("text",),
    "help": ("text",),
    "reading": ("text",), "tree": ("list",), "links": ("list",), "rollouts": ("list",),
}  # fmt: skip
"""A view inside others: its keys come first, the outer ones work there too."""
RUNNING: Final = ("pods", "containers")
SCALABLE: Final = ("deployments.apps", "replicasets.apps", "statefulsets.apps")
BREAKABLE: Final = ("nodes", *RUNNING, *SCALABLE, "daemonsets.apps", "images.kubarium.dev")
ROLLED: Final = ("deployments.apps", "statefulsets.apps", "daemonsets.apps")
IMAGED: Final = (
    *RUNNING, "deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps", "cronjobs.batch",
)  # fmt: skip
USED: Final = ("configmaps", "secrets", "persistentvolumeclaims", "serviceaccounts")
ROOMY: Final = ("pods", "deployments.apps", "replicasets.apps", "statefulsets.apps")
FORWARDED: Final = (*RUNNING, "services", "deployments.apps", "statefulsets.apps", "replicasets.apps")
TREE: Final = ("tree",)
RESTARTABLE: Final = ("deployments.apps", "statefulsets.apps", "daemonsets.apps")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do."""

    id: str
    title: str
    keys: tuple[str, ...]
    """Default keys as `tui.keymap` spells them: `d`, `J`, `ctrl+d`, `space`, `:`."""
    group: Group
    handler: str
    views: tuple[str, ...] = ()
    """Where it works; empty: everywhere."""
    kinds: tuple[str, ...] = ()
    """Resources that it is for; empty: all."""
    not_kinds: tuple[str, ...] = ()
    """Resources that it is not for."""
    danger: bool = False
    """Takes something away: the key bar and the help say so."""
    over: tuple[str, ...] = ()
    """Ids of more general actions whose key it takes in its place, on purpose."""
    args: tuple[str, ...] = ()
    """Handed to the handler."""


def _sort(header: str, key: str) -> Action:
    ident = f"sort.{header.lower().replace('/', '-')}"
    return Action(ident, f"Sort by {header.lower()}", (key,), "Sort", "sort_by", TABLE, args=(header,))


ACTIONS: Final[tuple[Action, ...]] = (
    Action("app.command", "Command: any kind, namespace, screen", (":",), "General", "command"),
    Action("app.filter", "Filter (search, in a text)", ("/",), "General", "filter"),
    Action("app.help", "Help of this view", ("?", "f1"), "General", "help"),
    Action("app.back", "Clear the filter, else back", ("escape",), "General", "back"),
    Action("app.quit", "Back; on the home screen, close the tab or quit", ("q",), "General", "quit"),
    Action("app.aliases", "All kinds and their short names", ("ctrl+a",), "General", "aliases"),
    Action("app.palette", "Search all actions", ("ctrl+p",), "General", "palette"),
    Action("app.refresh", "List anew", ("ctrl+r",), "General", "refresh"),
    Action("app.header", "Show or hide the header", ("ctrl+e",), "General", "header"),
    Action("app.messages", "Messages that were shown", ("!",), "General", "messages"),
    Action("work.stop", "Stop long work: what is done stays", ("X",), "General", "stop_work"),
    Action("app.theme", "Dark or light", ("ctrl+t",), "General", "theme"),
    Action("history.back", "Previous command", ("[",), "General", "history", args=("-1",)),
    Action("history.forward", "Next command", ("]",), "General", "history", args=("1",)),
    Action("history.last", "The command before this one", ("-",), "General", "last_command"),
    Action("pane.next", "Next pane", ("tab",), "General", "next_pane"),
    Action("pane.previous", "Previous pane", ("shift+tab",), "General", "previous_pane"),
    Action("tab.new", "A new tab", ("+",), "Tabs", "tab_new"),
    Action("tab.next", "The next tab", (")",), "Tabs", "tab_step", args=("1",)),
    Action("tab.previous", "The tab before", ("(",), "Tabs", "tab_step", args=("-1",)),
    Action("tab.close", "Close the tab", ("_",), "Tabs", "tab_close"),
    # -- time
    Action("clock.pause", "Pause or resume time", (".",), "Time", "clock_pause"),
    Action("clock.slower", "Cluster time slower", ("<",), "Time", "clock_speed", args=("-1",)),
    Action("clock.faster", "Cluster time faster", (">",), "Time", "clock_speed", args=("1",)),
    Action("time.undo", "Undo the last action", ("U",), "Time", "undo"),
    Action("time.timeline", "Timeline: what happened", ("t",), "Time", "timeline"),
    Action("time.earlier", "Look at the moment before", ("{",), "Time", "moment", args=("-1",)),
    Action("time.later", "Look at the next moment", ("}",), "Time", "moment", args=("1",)),
    Action("time.now", "Return to now", ("|",), "Time", "now"),
    # -- the tour
    Action("tour.start", "The tour: five minutes, by doing", ("t",), "General", "tour", ("help",),
           over=("time.timeline",)),
    Action("tour.skip", "Tour: skip this step", ("f9",), "General", "tour_skip"),
    Action("tour.leave", "Tour: leave it for now", ("f10",), "General", "tour_leave"),
    # -- moving in tables
    Action("table.down", "Down", ("j", "down"), "Move", "down", LISTS),
    Action("table.up", "Up", ("k", "up"), "Move", "up", LISTS),
    Action("table.left", "Left", ("left",), "Move", "left", TABLE),
    Action("table.right", "Right", ("l", "right"), "Move", "right", TABLE),
    Action("table.top", "First row", ("g", "home"), "Move", "top", LISTS),
    Action("table.bottom", "Last row", ("G", "end"), "Move", "bottom", LISTS),
    Action("table.page-down", "Page down", ("ctrl+f", "pagedown"), "Move", "page_down", LISTS),
    Action("table.page-up", "Page up", ("ctrl+b", "pageup"), "Move", "page_up", LISTS),
    Action("table.enter", "Go in", ("enter",), "Move", "enter", TABLE),
    # -- the table's view
    Action("table.mark", "Mark", ("space",), "View", "mark", TABLE),
    Action("table.mark-range", "Mark from the last mark to here", ("ctrl+space",), "View", "mark_range", TABLE),
    Action("table.clear-marks", "Clear marks", ("ctrl+\\",), "View", "clear_marks", TABLE),
    Action("table.save", "Save the table as CSV", ("ctrl+s",), "View", "save", TABLE),
    Action("table.wide", "Wide columns", ("ctrl+w",), "View", "wide", TABLE),
    Action("table.faults", "Only what needs attention", ("ctrl+z",), "View", "only_faults", TABLE),
    *(
        Action(f"namespace.{n}", f"Namespace {n}" if n else "All namespaces", (str(n),), "Namespaces", "namespace",
               TABLE, not_kinds=("containers",), args=(str(n),))
        for n in range(10)
    ),
    Action("sort.left", "Choose the column to the left", ("shift+left",), "Sort", "sort_choose", TABLE, args=("-1",)),
    Action("sort.right", "Choose the column to the right", ("shift+right",), "Sort", "sort_choose", TABLE, args=("1",)),
    Action("sort.apply", "Sort by the chosen column; again: the other way", ("O",), "Sort", "sort_apply", TABLE),
    _sort("NAME", "N"),
    _sort("AGE", "A"),
    _sort("STATUS", "S"),
    _sort("READY", "R"),
    _sort("RESTARTS", "T"),
    _sort("CPU", "C"),
    _sort("MEM", "M"),
    _sort("IP", "I"),
    _sort("NAMESPACE", "P"),
    # -- the object under the cursor
    Action("object.describe", "Describe", ("d",), "Object", "inspect", BOTH, args=("describe",)),
    Action("object.yaml", "Its YAML", ("y",), "Object", "inspect", BOTH, args=("yaml",)),
    Action("object.events", "Its events", ("v",), "Object", "inspect", BOTH, args=("events",)),
    Action("pod.logs", "Logs", ("l",), "Object", "inspect", TABLE, RUNNING, args=("logs",), over=("table.right",)),
    Action("pod.previous-logs", "Logs of the run before", ("p",), "Object", "previous_logs", TABLE, RUNNING),
    Action("object.why", "Why: what is the matter with it", ("w",), "Object", "why", TABLE),
    Action("object.history", "Its history", ("h",), "Object", "past", TABLE),
    Action("object.manifest", "Its manifest in the folder", ("m",), "Object", "manifest", TABLE),
    Action("object.owner", "Its owner", ("J",), "Object", "owner", TABLE),
    Action("object.copy", "Copy the name", ("c",), "Object", "copy", TABLE),
    Action("object.kubectl", "The equivalent kubectl command", ("K",), "Object", "kubectl", TABLE),
    Action("object.forward", "Port-forward: the command for it", ("F",), "Object", "forward", TABLE, FORWARDED),
    Action("object.delete", "Delete", ("ctrl+d",), "Object", "delete", TABLE, not_kinds=("containers",), danger=True),
    Action("pod.kill", "Kill: delete without grace", ("ctrl+k",), "Object", "kill", TABLE, ("pods",), danger=True),
    Action("pod.node", "Show its node", ("o",), "Object", "show_node", TABLE, RUNNING),
    Action("node.cordon", "Cordon", ("c",), "Object", "cordon", TABLE, ("nodes",), over=("object.copy",)),
    Action("node.uncordon", "Uncordon", ("u",), "Object", "uncordon", TABLE, ("nodes",)),
    Action("node.drain", "Drain: cordon and evict its pods", ("r",), "Object", "drain", TABLE, ("nodes",), danger=True),
    Action("object.faults", "Break it: faults, for a while", ("x",), "Object", "faults", TABLE, BREAKABLE),
    Action("fault.end", "End this fault", ("x",), "Object", "end_faults", TABLE, ("faults.kubarium.dev",)),
    Action("workload.scale", "Scale", ("s",), "Object", "scale", TABLE, SCALABLE),
    Action("workload.restart", "Rollout restart", ("r",), "Object", "restart", TABLE, RESTARTABLE),
    Action("object.edit", "Edit it as YAML", ("e",), "Object", "edit", BOTH),
    Action("object.image", "Set images", ("i",), "Object", "set_image", TABLE, IMAGED),
    Action("pod.shell", "Shell in its (simulated) container", ("s",), "Object", "shell", TABLE, RUNNING),
    Action("object.room", "Room: how many more like it fit", ("f",), "Object", "headroom", TABLE, ROOMY),
    Action("workload.rollouts", "Rollout history, and back to a revision", ("b",), "Object", "rollouts", TABLE, ROLLED),
    Action("workload.pause", "Pause or resume the rollout", ("z",), "Object", "pause_rollout", TABLE,
           ("deployments.apps",)),
    Action("cronjob.trigger", "Trigger: a Job now", ("t",), "Object", "trigger", TABLE, ("cronjobs.batch",),
           over=("time.timeline",)),
    Action("job.suspend", "Suspend or resume", ("s",), "Object", "suspend", TABLE, ("cronjobs.batch", "jobs.batch")),
    Action("secret.decode", "Decode its values", ("x",), "Object", "decode", TABLE, ("secrets",)),
    Action("object.used-by", "Used by: who names it", ("u",), "Object", "used_by", TABLE, USED),
    Action("account.rights", "What it may do", ("a",), "Object", "rights", TABLE, ("serviceaccounts",)),
    # -- lists of other things: users, room, rights, pulses, trees, rollouts
    Action("links.enter", "Go to it", ("enter",), "Move", "enter", ("links", "tree")),
    Action("tree.describe", "Describe", ("d",), "Object", "inspect", TREE, args=("describe",)),
    Action("tree.yaml", "Its YAML", ("y",), "Object", "inspect", TREE, args=("yaml",)),
    Action("tree.events", "Its events", ("v",), "Object", "inspect", TREE, args=("events",)),
    Action("tree.why", "Why: what is the matter with it", ("w",), "Object", "why", TREE),
    Action("rollouts.back", "Roll back to this revision", ("enter", "u"), "Object", "rollback", ("rollouts",)),
    # -- editing an object, a shell, a text to be read
    Action("edit.save", "Save: it is changed at once", ("ctrl+s",), "Text", "edit_save", ("edit", "outcome")),
    Action("edit.leave", "Leave; what was changed is asked about", ("escape",), "General", "back", ("edit", "outcome"),
           over=("app.back",)),
    Action("edit.reload", "Load the newest state", ("f5",), "Text", "edit_reload", ("edit", "outcome")),
    Action("shell.cancel", "End the command", ("ctrl+c",), "Object", "shell_cancel", ("shell",)),
    Action("shell.container", "The next container", ("ctrl+n",), "Object", "shell_container", ("shell",)),
    Action("reading.copy", "Copy the text", ("c",), "Text", "copy_text", ("reading",)),
    Action("reading.save", "Save the text", ("ctrl+s",), "Text", "save_text", ("reading",)),
    # -- texts: describe, YAML, events, why
    Action("text.down", "Down", ("j", "down"), "Move", "down", TEXT),
    Action("text.up", "Up", ("k", "up"), "Move", "up", TEXT),
    Action("text.left", "Left", ("h", "left"), "Move", "left", TEXT),
    Action("text.right", "Right", ("right",), "Move", "right", TEXT),
    Action("text.page-down", "Page down", ("ctrl+f", "pagedown", "space"), "Move", "page_down", TEXT),
    Action("text.page-up", "Page up", ("ctrl+b", "pageup"), "Move", "page_up", TEXT),
    Action("text.top", "Top", ("g", "home"), "Move", "top", TEXT),
    Action("text.bottom", "Bottom", ("G", "end"), "Move", "bottom", TEXT),
    Action("text.next", "Next match", ("n",), "Text", "next_match", TEXT),
    Action("text.previous", "Previous match", ("N",), "Text", "previous_match", TEXT),
    Action("text.full", "Full screen", ("f",), "Text", "full", INSPECTOR),
    Action("text.copy", "Copy the text", ("c",), "Text", "copy_text", INSPECTOR),
    Action("text.save", "Save the text", ("ctrl+s",), "Text", "save_text", INSPECTOR),
    Action("text.wrap", "Wrap long lines", ("W",), "Text", "wrap", TEXT),
    Action("text.logs", "Logs", ("l",), "Object", "inspect", INSPECTOR, args=("logs",)),
    Action("text.why", "Why", ("w",), "Object", "inspect", INSPECTOR, args=("why",)),
    Action("yaml.managed", "Managed fields", ("m",), "Text", "managed_fields", ("yaml",)),
    # -- the past
    Action("timeline.visit", "Look at the cluster as it was then", ("enter",), "Time", "enter", ("timeline",)),
    Action("timeline.actions", "Only people's actions, or all", ("a",), "View", "actions_only", ("timeline",)),
    Action("timeline.author", "Only this author, or all", ("b",), "View", "by_author", ("timeline",)),
    Action("timeline.undo", "Undo this action", ("u",), "Time", "undo_this", ("timeline", "revisions")),
    Action("revisions.mark", "Compare with this revision", ("space",), "View", "mark", ("revisions",)),
    Action("revisions.visit", "Look at the cluster as it was then", ("enter",), "Time", "enter", ("revisions",)),
    Action("snapshot.new", "Give the present a name", ("n",), "Time", "snapshot_new", ("snapshots",)),
    Action("snapshot.restore", "Go back to it", ("r",), "Time", "snapshot_restore", ("snapshots",), danger=True),
    Action("snapshot.fork", "Copy the cluster as it was into a file", ("f",), "Time", "snapshot_fork", ("snapshots",)),
    Action("snapshot.drop", "Forget it", ("ctrl+d",), "Time", "snapshot_drop", ("snapshots",), danger=True),
    Action("snapshot.visit", "Look at the cluster as it was then", ("enter",), "Time", "enter", ("snapshots",)),
    Action("diagnosis.follow", "Ask the same of what it names", ("enter",), "Object", "enter", ("diagnosis",)),
    Action("diagnosis.describe", "Describe what it names", ("d",), "Object", "inspect", ("diagnosis",),
           args=("describe",)),
    Action("diagnosis.manifest", "The manifest", ("m",), "Object", "manifest", ("diagnosis",)),
    # -- why
    Action("why.down", "Down", ("j", "down"), "Move", "down", WHY),
    Action("why.up", "Up", ("k", "up"), "Move", "up", WHY),
    Action("why.page-down", "Page down", ("ctrl+f", "pagedown"), "Move", "page_down", WHY),
    Action("why.page-up", "Page up", ("ctrl+b", "pageup"), "Move", "page_up", WHY),
    Action("why.top", "First node", ("g", "home"), "Move", "top", WHY),
    Action("why.bottom", "Last node", ("G", "end"), "Move", "bottom", WHY),
    Action("why.node", "Show the node", ("enter",), "Object", "enter", WHY),
    Action("why.describe", "Describe the pod", ("d",), "Object", "inspect", WHY, args=("describe",)),
    Action("why.events", "The pod's events", ("v",), "Object", "inspect", WHY, args=("events",)),
    Action("why.manifest", "The pod's manifest", ("m",), "Object", "manifest", WHY),
    # -- logs
    *(
        Action(f"logs.{key}", title, (key,), "Logs", "log_range", ("logs",), args=(key,))
        for key, title in (
            ("0", "Tail"), ("1", "Head"), ("2", "Since 1m"), ("3", "Since 5m"), ("4", "Since 15m"), ("5", "Since 30m"),
            ("6", "Since 1h"),
        )
    ),
    Action("logs.follow", "Follow the end", ("s",), "Logs", "log_follow", ("logs",)),
    Action("logs.times", "Timestamps", ("t",), "Logs", "log_times", ("logs",), over=("time.timeline",)),
    Action("logs.wrap", "Wrap long lines", ("w",), "Logs", "wrap", ("logs",), over=("text.why",)),
    Action("logs.previous", "The run before", ("p",), "Logs", "log_previous", ("logs",)),
    Action("logs.container", "The next container alone, or all", ("a",), "Logs", "log_container", ("logs",)),
    # -- manifests
    Action("manifest.save", "Save: it is applied at once", ("ctrl+s",), "Text", "manifest_save",
           ("manifest", "folder", "plan")),
    Action("manifest.problem", "Next problem", ("ctrl+n", "f8"), "Text", "problem", EDITOR, args=("1",)),
    Action("manifest.problem-before", "Problem before", ("shift+f8", "alt+p"), "Text", "problem", EDITOR,
           args=("-1",)),
    Action("manifest.find", "Find and replace", ("ctrl+f",), "Text", "find", EDITOR),
    Action("manifest.find-next", "Find the next", ("ctrl+g", "f3"), "Text", "find_next", EDITOR, args=("1",)),
    Action("manifest.find-previous", "Find the one before", ("shift+f3", "alt+g"), "Text", "find_next", EDITOR,
           args=("-1",)),
    Action("manifest.replace-all", "Replace all", ("alt+a",), "Text", "replace_all", ("find",)),
    Action("manifest.regex", "Regular expression or plain words", ("alt+r",), "Text", "find_regex", ("find",)),
    Action("manifest.outline", "Outline: go to a document or field", ("ctrl+o",), "Move", "outline", EDITOR),
    Action("editor.next-document", "Next document", ("ctrl+down",), "Move", "document", EDITOR, args=("1",)),
    Action("editor.previous-document", "Document before", ("ctrl+up",), "Move", "document", EDITOR, args=("-1",)),
    Action("manifest.new", "New manifest from a template", ("n",), "Object", "manifest_new", ("folder",)),
    Action("manifest.insert", "Insert a template as a document", ("alt+n",), "Object", "manifest_insert",
           ("manifest",)),
    Action("manifest.external", "Edit it with $EDITOR", ("alt+e",), "Object", "external",
           ("manifest", "folder", "plan", "edit", "outcome")),
    Action("manifest.take-live", "Drift: take the live values into the file", ("alt+t",), "Object",
           "manifest_take_live", ("manifest", "folder", "plan")),
    Action("manifest.push", "Drift: apply the file again", ("alt+s",), "Object", "manifest_push",
           ("manifest", "folder", "plan")),
    Action("manifest.find-file", "Find a file by its name", ("/", "alt+o"), "Move", "find_file",
           ("folder", "manifest"), over=("app.filter",)),
    Action("manifest.enter", "Edit the file (on a folder: open or close it)", ("enter", "i"), "Move", "manifest_enter",
           ("folder",)),
    Action("manifest.leave", "Leave; what is not saved stays as it is", ("escape",), "General", "back", ("folder",),
           over=("app.back",)),
    Action("manifest.files", "To the files", ("escape",), "General", "manifest_files", ("manifest", "plan"),
           over=("app.back",)),
    Action("editor.complete", "What can stand here", ("ctrl+space",), "Text", "complete", EDITOR),
    Action("editor.explain", "What this field means", ("f2", "alt+h"), "Text", "explain_field", EDITOR),
    Action("editor.comment", "Comment or uncomment lines", ("ctrl+_", "ctrl+/"), "Text", "comment", EDITOR),
    Action("editor.pane", "Next pane (tab indents)", ("f6",), "General", "next_pane", EDITOR),
    Action("editor.dedent", "Lines one level back (tab: deeper)", ("shift+tab",), "Text", "dedent", EDITOR,
           over=("pane.previous",)),
    Action("editor.duplicate", "Lines once more", ("ctrl+d",), "Text", "duplicate", EDITOR),
    Action("editor.duplicate-document", "The document once more", ("alt+d",), "Text", "duplicate_document", EDITOR),
    Action("editor.up", "Lines up", ("alt+up",), "Text", "move_lines", EDITOR, args=("-1",)),
    Action("editor.down", "Lines down", ("alt+down",), "Text", "move_lines", EDITOR, args=("1",)),
    Action("editor.format", "Lay the text out evenly", ("alt+f",), "Text", "format", EDITOR),
    Action("editor.undo", "Undo typing", ("ctrl+z",), "Text", "edit_undo", EDITOR),
    Action("editor.redo", "Redo typing", ("ctrl+y",), "Text", "edit_redo", EDITOR),
    Action("editor.top", "Start of the text", ("ctrl+home",), "Move", "text_start", EDITOR),
    Action("editor.bottom", "End of the text", ("ctrl+end",), "Move", "text_end", EDITOR),
    Action("manifest.line-start", "Start of the line", ("ctrl+a",), "Move", "line_start", EDITOR,
           over=("app.aliases",)),
    Action("manifest.line-end", "End of the line", ("ctrl+e",), "Move", "line_end", EDITOR, over=("app.header",)),
)  # fmt: skip

KEY_BAR: Final[tuple[tuple[str, str], ...]] = (
    ("app.command", "go"),
    ("app.filter", "filter"),
    ("manifest.enter", "edit"),
    ("manifest.save", "save"),
    ("manifest.files", "files"),
    ("manifest.leave", "back"),
    ("edit.save", "save"),
    ("edit.leave", "back"),
    ("edit.reload", "newest"),
    ("manifest.problem", "next problem"),
    ("manifest.replace-all", "replace all"),
    ("manifest.regex", "regex"),
    ("editor.complete", "complete"),
    ("editor.explain", "field"),
    ("manifest.find", "find"),
    ("manifest.outline", "outline"),
    ("manifest.find-file", "find file"),
    ("editor.comment", "comment"),
    ("editor.duplicate", "duplicate"),
    ("editor.format", "format"),
    ("manifest.insert", "template"),
    ("manifest.external", "$EDITOR"),
    ("manifest.take-live", "take live"),
    ("manifest.push", "push"),
    ("manifest.new", "new"),
    ("table.enter", "in"),
    ("object.why", "why"),
    ("why.node", "node"),
    ("diagnosis.follow", "follow"),
    ("diagnosis.describe", "describe"),
    ("diagnosis.manifest", "manifest"),
    ("why.manifest", "manifest"),
    ("why.describe", "describe"),
    ("why.events", "events"),
    ("object.describe", "describe"),
    ("object.yaml", "yaml"),
    ("pod.logs", "logs"),
    ("text.logs", "logs"),
    ("object.events", "events"),
    ("rollouts.back", "roll back"),
    ("links.enter", "go to it"),
    ("tree.describe", "describe"),
    ("tree.why", "why"),
    ("shell.cancel", "end it"),
    ("shell.container", "next container"),
    ("reading.copy", "copy"),
    ("reading.save", "save"),
    ("secret.decode", "decode"),
    ("object.used-by", "used by"),
    ("cronjob.trigger", "trigger"),
    ("job.suspend", "suspend"),
    ("account.rights", "rights"),
    ("object.manifest", "manifest"),
    ("timeline.visit", "look at it"),
    ("timeline.actions", "actions only"),
    ("timeline.author", "by author"),
    ("timeline.undo", "undo this"),
    ("revisions.mark", "compare"),
    ("revisions.visit", "look at it"),
    ("snapshot.new", "new"),
    ("snapshot.restore", "restore"),
    ("snapshot.fork", "fork"),
    ("snapshot.visit", "look at it"),
    ("text.full", "full"),
    ("logs.follow", "follow"),
    ("yaml.managed", "managed fields"),
    ("logs.times", "times"),
    ("logs.wrap", "wrap"),
    ("object.faults", "break"),
    ("fault.end", "end it"),
    ("logs.container", "container"),
    ("node.cordon", "cordon"),
    ("workload.scale", "scale"),
    ("node.uncordon", "uncordon"),
    ("workload.restart", "restart"),
    ("workload.rollouts", "rollouts"),
    ("pod.shell", "shell"),
    ("object.edit", "edit"),
    ("object.image", "image"),
    ("object.room", "room"),
    ("node.drain", "drain"),
    ("object.delete", "delete"),
    ("table.faults", "faults"),
    ("text.next", "next match"),
    ("pane.next", "pane"),
    ("editor.pane", "pane"),
    ("time.undo", "undo"),
    ("time.timeline", "timeline"),
    ("object.history", "history"),
    ("clock.pause", "pause"),
    ("clock.faster", "faster"),
    ("tour.start", "tour"),
    ("app.help", "help"),
)
"""What the key bar tells, the most useful first: (action, short title)."""


def action(ident: str) -> Action:
    """The action with an id. Raises KeyError."""
    return _BY_ID[ident]


_BY_ID: Final = {each.id: each for each in ACTIONS}
