"""The command line: help, refusals, headless runs, keeping and setting aside a cluster."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.client import component_flags
from tui.cli import default_store, main, sample_copy, set_aside

ROOT = Path(__file__).parents[2]
NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'web:1'}]}\n"


def folder_with(path: Path, **files: str) -> str:
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / f"{name}.yaml").write_text(text)
    return str(path)


@pytest.mark.parametrize("command", [[], ["run"], ["serve"]])
def test_help_names_every_flag(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's help is complete."""
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    for flag in component_flags():
        assert f"--{flag.name}" in text


def test_a_refused_command_line_takes_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is not buried under the list of all flags."""
    with pytest.raises(SystemExit) as left:
        main(["run", "no-such-folder"])
    assert left.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "usage: kubarium run [options] [DIR]",
        "kubarium run: error: no-such-folder: no such folder",
    ]


def test_keys_that_clash_are_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key file that cannot be used ends the console before it starts, with the reason and no traceback."""
    keys = tmp_path / "keys.toml"
    keys.write_text('[keys]\n"object.delete" = "d"\n')
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["--memory", "--keys", str(keys)]) == 1
    text = capsys.readouterr().err
    assert text.startswith(f"kubarium: {keys}: d is both object.d")
    assert len(text.splitlines()) == 1


def test_a_headless_run_reports_and_repeats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same seed gives the same digest, another seed another."""
    folder = folder_with(tmp_path / "m", node=NODE, pod=POD)
    digests = []
    for seed in ("7", "7", "8"):
        assert main(["run", folder, "--for", "2m", "--seed", seed, "-o", "json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["pods_by_phase"] == {"Running": 1}
        assert report["nodes_by_status"] == {"Ready": 1}
        digests.append(report["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_the_text_report_names_problems_at_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad file is told with path, line and column; the good ones count."""
    folder = folder_with(tmp_path / "m", node=NODE, bad=POD.replace("image:", "imagee:"))
    assert main(["run", folder, "--for", "30s"]) == 0
    text = capsys.readouterr().out
    assert 'bad.yaml:4:35: unknown field "spec.containers[0].imagee"' in text or "bad.yaml:4:" in text
    assert "imagee" in text


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["run", "/no/such/folder"], "no such folder"),
        (["run", ".", "--for", "15"], "unit is missing"),
        (["run", ".", "--for", "soon"], "no span of time"),
        (["serve", "--speed", "5000"], "not between 0 and 1000"),
        (["--no-such-option"], "unrecognized arguments"),
    ],
)
def test_a_wrong_command_line_is_refused(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and the reason on stderr."""
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_malformed_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, the flag and the value are named."""
    assert main(["run", "--for", "1s", "--node-monitor-grace-period", "40"]) == 1
    assert 'invalid argument "40" for "--node-monitor-grace-period"' in capsys.readouterr().err


def test_a_damaged_store_is_refused_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read is not changed."""
    store = tmp_path / "x.db"
    store.write_bytes(b"this is no cluster" * 100)
    assert main(["run", "--for", "1s", "--store", str(store)]) == 1
    assert str(store) in capsys.readouterr().err
    assert store.read_bytes() == b"this is no cluster" * 100


def test_folders_of_one_name_have_clusters_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default store follows from the folder's whole path."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    one, other = tmp_path / "a" / "cluster", tmp_path / "b" / "cluster"
    assert default_store(one) != default_store(other)
    assert default_store(one).parent == tmp_path / "state" / "kubarium"


def test_setting_aside_keeps_one_generation(tmp_path: Path) -> None:
    """The kept cluster is renamed, its write-ahead log with it."""
    store = tmp_path / "c.db"
    for text in ("first", "second"):
        store.write_text(text)
        (tmp_path / "c.db-wal").write_text(text)
        set_aside(store)
    assert not store.exists()
    assert (tmp_path / "c.db.old").read_text() == "second"
    assert (tmp_path / "c.db.old-wal").read_text() == "second"


def test_serve_runs_until_sigterm_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """SIGTERM ends it with status 0; what it made is there the next time."""
    folder, store = folder_with(tmp_path / "m", node=NODE, pod=POD), tmp_path / "c.db"
    process = subprocess.Popen(
        [sys.executable, "-m", "tui.cli", "serve", folder, "--store", str(store), "--speed", "60"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    assert "serving" in process.stdout.readline()
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert main(["run", "--for", "1m", "--store", str(store), "-o", "json"]) == 0


def test_whoever_stops_reading_ends_it_without_a_word() -> None:
    """As in `kubarium … | head`."""
    gone, end = os.pipe()
    os.close(gone)
    command = [sys.executable, "-m", "tui.cli", "run", "--for", "1s"]
    try:
        done = subprocess.run(command, stdout=end, stderr=subprocess.PIPE, cwd=ROOT, text=True, check=False)
    finally:
        os.close(end)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_the_past_of_a_kept_cluster_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """snapshot, diff, restore and fork work on the store that a run left; what is refused is told in one line."""
    store = str(tmp_path / "kept.db")
    folder = tmp_path / "f"
    assert main(["run", folder_with(folder, node=NODE), "--store", store, "--for", "30s"]) == 0
    assert main(["snapshot", store, "empty"]) == 0
    assert main(["run", folder_with(folder, pod=POD), "--store", store, "--for", "30s"]) == 0
    capsys.readouterr()
    assert main(["diff", store, "empty"]) == 0
    assert "+ pods default/p" in capsys.readouterr().out
    assert main(["fork", store, str(tmp_path / "fork.db"), "empty"]) == 0
    assert main(["restore", store, "empty"]) == 0
    assert main(["snapshots", store]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("empty ")
    assert main(["restore", store, "nothing"]) == 1
    assert capsys.readouterr().err == 'kubarium: there is no snapshot named "nothing"\n'


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("gte", "did you mean `kubarium get`?"),
        ("snapshoot", "did you mean `kubarium snapshot`?"),
        ("exec", "`kubarium kubectl exec …`"),
        ("xyzzy", "`kubarium --help` lists the commands"),
        ("./xyzzy", "./xyzzy: no such folder\n"),
    ],
)
def test_a_word_that_is_no_folder_may_have_been_meant_as_a_command(
    word: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The nearest command is named; a path is only a path."""
    with pytest.raises(SystemExit) as ended:
        main([word])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_tour_gets_a_copy_of_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is edited on the tour is a copy, made anew each time."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    copy = sample_copy()
    assert copy.is_relative_to(tmp_path)
    edited = copy / "team-insights" / "sales-report.yaml"
    original = edited.read_text()
    edited.write_text("")
    assert sample_copy() == copy
    assert edited.read_text() == original


def test_on_the_tour_a_pod_waits_even_if_the_sample_was_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever did the first thirty seconds before finds something to mend in the copy; the sample is left as it is."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    mended = tmp_path / "sample-cluster" / "team-insights" / "sales-report.yaml"
    shutil.copytree("sample-cluster", tmp_path / "sample-cluster")
    mended.write_text(mended.read_text().replace('cpu: "3"', "cpu: 500m"))
    monkeypatch.chdir(tmp_path)
    assert 'cpu: "3"' in (sample_copy() / "team-insights" / "sales-report.yaml").read_text()
    assert "cpu: 500m" in mended.read_text()
