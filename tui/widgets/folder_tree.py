"""The watched folder as a tree: per file a glyph and a word for its state, directories folded as one likes.

The tree is rebuilt only when files come or go; a changed state repaints one line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rich.style import Style
from rich.text import Text
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from engine.client import FolderFile
from tui.keymap import KeyContext
from tui.theme import Tone, rich_colour

_STATES: Final[dict[str, tuple[str, Tone]]] = {
    "applied": ("●", "ok"),
    "pending": ("◐", "busy"),
    "waiting": ("◐", "warn"),
    "drifted": ("▲", "warn"),
    "error": ("✗", "bad"),
    "unsaved": ("◆", "accent"),
}


class FolderTree(Tree[str]):
    """Files by path; a leaf's data is the file's path."""

    DEFAULT_CSS = """
    FolderTree {
        background: $surface; color: $foreground; padding: 0; scrollbar-size-vertical: 1; overflow-x: hidden;
        & > .tree--guides { color: $tone-dim; }
        & > .tree--guides-hover { color: $tone-dim; }
        & > .tree--guides-selected { color: $tone-dim; }
        & > .tree--cursor { background: $cursor-blurred; color: $foreground; text-style: $blurred-text-style; }
        &:focus > .tree--cursor {
            background: $cursor-background; color: $cursor-foreground; text-style: $cursor-text-style;
        }
        & > .tree--highlight { text-style: none; }
        & > .tree--highlight-line { background: $surface; }
    }
    """

    def __init__(self, is_unsaved: Callable[[str], bool], *, id: str | None = None) -> None:
        super().__init__("folder", id=id)
        self.show_root = False
        self.guide_depth = 2
        self.auto_expand = True
        self._is_unsaved = is_unsaved
        self._files: dict[str, FolderFile] = {}
        self._leaves: dict[str, TreeNode[str]] = {}
        self._unseen: TreeNode[str] | None = None
        """Where the cursor is to be put once the tree is shown."""

    def key_context(self) -> KeyContext:
        return KeyContext(("folder",))

    @property
    def current(self) -> str | None:
        """Path of the file under the cursor."""
        return self.cursor_node.data if self.cursor_node is not None else None

    def show(self, files: Sequence[FolderFile], more: Sequence[str] = ()) -> None:
        """Show these files, and new ones that are not on disk yet (`more`)."""
        self._files = {file.path: file for file in files}
        paths = sorted(
            {*self._files, *more}, key=lambda path: [(part != path.split("/")[-1], part) for part in path.split("/")]
        )
        if list(self._leaves) != paths:
            self._rebuild(paths)
        self._invalidate()
        self.refresh()

    def select_path(self, path: str) -> None:
        leaf = self._leaves.get(path)
        if leaf is not None:
            parent = leaf.parent
            while parent is not None:
                parent.expand()
                parent = parent.parent
            self.call_after_refresh(self._rest_on, leaf)

    def _rest_on(self, leaf: TreeNode[str]) -> None:
        """Put the cursor on a leaf; as long as the tree is not shown there is nothing to scroll."""
        if leaf not in self._leaves.values():
            return  # the tree was built anew since
        if not self.size.height:
            self._unseen = leaf
        elif leaf.line >= 0:
            self.move_cursor(leaf)
            self.scroll_to_node(leaf, animate=False)
        elif self.is_attached:
            self.set_timer(0.05, lambda: self._rest_on(leaf))  # its line comes with the next layout

    def on_resize(self) -> None:
        if self._unseen is not None:
            leaf, self._unseen = self._unseen, None
            self.call_after_refresh(self._rest_on, leaf)

    def render_label(self, node: TreeNode[str], base_style: Style, style: Style) -> Text:
        name = str(node.label)
        if node.data is None:
            return Text.assemble(("▾ " if node.is_expanded else "▸ ", base_style), (name + "/", base_style + style))
        file = self._files.get(node.data)
        word = "unsaved" if self._is_unsaved(node.data) else file.state if file is not None else "unsaved"
        glyph, tone = _STATES[word]
        colour = self.app.theme_variables.get(f"tone-{tone}", "")
        mark = Style(color=rich_colour(colour))
        text = Text.assemble((f"{glyph} ", base_style + mark), (name, base_style + style), no_wrap=True)
        if word != "applied":
            text.append(f" {word}", base_style + mark)
        return text

    def _rebuild(self, paths: Sequence[str]) -> None:
        folded = {str(node.label) for node in self._folders(self.root) if not node.is_expanded}
        current = self.current
        self.clear()
        self.root.expand()
        self._leaves = {}
        folders: dict[str, TreeNode[str]] = {"": self.root}
        for path in paths:
            *parents, name = path.split("/")
            above = ""
            for part in parents:
                here = f"{above}/{part}" if above else part
                if here not in folders:
                    folders[here] = folders[above].add(part, expand=part not in folded)
                above = here
            self._leaves[path] = folders[above].add_leaf(name, data=path)
        if current is not None and current in self._leaves:
            self.call_after_refresh(self._rest_on, self._leaves[current])
        elif current is None and self._leaves and self.cursor_line < 0:
            # Nobody chose one yet: what needs a look, else the first.
            files = self._files
            odd = (path for path in paths if path in files and files[path].state not in ("applied", "pending"))
            self.call_after_refresh(self._begin_at, next(odd, paths[0]))

    def _begin_at(self, path: str) -> None:
        if self.cursor_line < 0 and path in self._leaves:
            self._rest_on(self._leaves[path])

    def _folders(self, node: TreeNode[str]) -> list[TreeNode[str]]:
        found = []
        for child in node.children:
            if child.data is None:
                found += [child, *self._folders(child)]
        return found

    # -- actions -----------------------------------------------------------------------------------------------------

    def do_down(self) -> None:
        self.action_cursor_down()

    def do_up(self) -> None:
        self.action_cursor_up()

    def do_page_down(self) -> None:
        self.action_page_down()

    def do_page_up(self) -> None:
        self.action_page_up()

    def do_top(self) -> None:
        self.action_scroll_home()

    def do_manifest_enter(self) -> None:
        self.action_select_cursor()

    def do_bottom(self) -> None:
        self.action_scroll_end()
