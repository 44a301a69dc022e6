"""The house keeps its own rules: layers, file sizes, light imports, documented flags."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from engine.flags import FLAGS

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for package in ("store", "engine", "tui", "tests") for path in (ROOT / package).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_over_500_lines(path: Path) -> None:
    """A file that outgrows 500 lines is two files."""
    assert len(path.read_text().splitlines()) <= 500


def test_console_imports_only_the_client_of_the_engine() -> None:
    """`tui` may import `engine.client`, nothing else of the engine and nothing of the store."""
    for path in (ROOT / "tui").rglob("*.py"):
        for name in imports_of(path):
            package = name.split(".")[0]
            assert package != "store", path
            if package == "engine":
                assert name.startswith("engine.client"), f"{path} imports {name}"


def loaded_modules(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_the_console_does_not_load_the_engine() -> None:
    """The first frame is painted before SQLModel and numpy are loaded."""
    modules = loaded_modules("import tui.app, tui.cli")
    assert not modules & {"sqlmodel", "sqlalchemy", "numpy", "engine.cluster", "store.store"}


def test_the_engine_runs_without_textual() -> None:
    """Headless runs never load the console."""
    modules = loaded_modules("import engine.cluster, engine.headless, engine.service")
    assert not {name for name in modules if name.split(".")[0] in ("textual", "tui", "rich")}


def test_the_store_stands_alone() -> None:
    """The store knows neither the engine nor the console, and its contract loads without SQLModel."""
    modules = loaded_modules("import store.store")
    assert not {name for name in modules if name.split(".")[0] in ("engine", "tui", "textual")}
    assert "sqlmodel" not in loaded_modules("import store.types")


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_every_flag_is_in_the_readme(flag: object) -> None:
    """README's table of flags is complete."""
    assert f"`--{flag.name}`" in (ROOT / "README.md").read_text()  # type: ignore[attr-defined]
