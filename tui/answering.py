"""Commands of the app that answer with a text or a list: messages, rights, trees, contexts, who is bound to roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.client import ClientError
from tui.session import Session, answer
from tui.theme import GLYPHS
from tui.times import clock_text

if TYPE_CHECKING:
    from textual.app import App

    _Base = App[None]
else:
    _Base = object

SEVERITIES: Final = {"information": "·", "warning": GLYPHS["warn"], "error": GLYPHS["bad"]}
"""What stands before a message."""


class AnsweringActions(_Base):
    """The app's answers."""

    session: Session

    def open_screen(self, name: str, *arguments: Any) -> None:
        raise NotImplementedError

    def do_messages(self) -> None:
        """What was shown in passing, to be read again."""
        lines = [
            f"{clock_text(at)[11:]}  {SEVERITIES[severity]} {f'{title}: ' if title else ''}{text}"
            for at, title, text, severity in reversed(self.session.messages)
        ]
        self.clear_notifications()
        self.open_screen("reading", "messages", lines or ["Nothing was said yet."])

    def show_rights(self, *words: str) -> None:
        """What somebody may do: nobody named, oneself; else `user jane`, `group dev`, `sa shop/web`."""
        from tui.screens.can_i import subject_of

        try:
            who, subject = subject_of(words)
        except ValueError as error:
            self.notify(str(error), severity="error")
            return
        self.open_screen("can-i", who, subject)

    def show_subjects(self, kind: str) -> None:
        """The users (`User`) or groups (`Group`) that bindings name."""
        self.open_screen("subjects", kind)

    def show_tree(self, word: str, namespace: str = "") -> None:
        """The tree of a kind."""
        kind = self.session.find_kind(word)
        if kind is None:
            self.notify(f"no kind is called {word!r}", severity="error")
            return
        chosen = namespace or self.session.namespace
        self.open_screen("xray", kind.resource, None if namespace == "all" or not kind.namespaced else chosen)

    def show_contexts(self) -> None:
        """The cluster of this console, how kubectl finds it, its named moments, and how to get another one."""
        self.run_worker(self._tell_contexts(), exclusive=True, group="contexts", exit_on_error=False)

    async def _tell_contexts(self) -> None:
        session = self.session
        try:
            snapshots = await answer(session.client.past.snapshots())
        except ClientError:  # of a cluster that keeps nothing there are none
            snapshots = ()
        place, summary = session.endpoint, session.summary
        lines = [
            f"Context:     {summary.name}",
            f"Server:      {place.url if place is not None else 'not served: started with --port none'}",
            f"Kubeconfig:  {place.kubeconfig if place is not None else '-'}",
            f"Folder:      {session.client.folder or '-'}",
            f"Namespace:   {session.namespace or 'all'}",
            "",
            "One console is one cluster. Another one: `kubarium DIR` in another terminal,",
            "or a copy of this one, opened with `kubarium --store FILE`:",
            "  :fork FILE            copies it as it is",
            "  :fork FILE SNAPSHOT   copies it as it was",
            "  :snapshot NAME        gives the present a name; :restore NAME goes back",
            "",
            f"Snapshots:   {'' if snapshots else 'none'}",
            *(
                f"  {each.name:24} {clock_text(each.cluster_time)}  rev {each.revision}, {each.objects} objects"
                for each in snapshots
            ),
        ]
        self.open_screen("reading", "contexts", lines)
