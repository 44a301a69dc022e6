"""Commands in simulated containers: the table, the shell, terminals, and how they end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.errors import BadRequest, InternalError
from engine.api.kinds import CONFIGMAPS, PODS, SECRETS
from engine.clock import SECOND
from engine.kubelet.exec.shell import ShellError, parse
from engine.kubelet.exec.terminal import Terminal
from tests.engine.kubelet.machines import USER, Machines
from tests.engine.kubelet.sessions import Heard, begin, sh


@pytest.fixture
def box(machines: Machines) -> Machines:
    """A pod `p` that runs, with an environment and mounted files."""
    machines.api.create(USER, CONFIGMAPS, "default", {"metadata": {"name": "conf"}, "data": {"a.conf": "x=1\n"}})
    secret = {"metadata": {"name": "pass"}, "data": {"password": "c2VzYW1l"}}
    machines.api.create(USER, SECRETS, "default", secret)
    machines.pod(
        containers=[{
            "env": [{"name": "COLOR", "value": "green"}],
            "volumeMounts": [{"name": "v", "mountPath": "/conf"}, {"name": "s", "mountPath": "/secret"}],
        }],
        volumes=[{"name": "v", "configMap": {"name": "conf"}}, {"name": "s", "secret": {"secretName": "pass"}}],
    )  # fmt: skip
    machines.when(state="running")
    return machines


def test_what_the_cluster_knows_is_answered(box: Machines) -> None:
    """Host name, environment, mounted files, cluster time."""
    assert begin(box, "hostname").output == "p\n"
    assert "COLOR=green\n" in begin(box, "env").output
    assert begin(box, "printenv COLOR").output == "green\n"
    assert begin(box, "cat /conf/a.conf /secret/password").output == "x=1\nsesame"
    assert begin(box, "cat /etc/hostname").output == "p\n"
    assert "nameserver 10.96.0.10" in begin(box, "cat /etc/resolv.conf").output
    assert begin(box, "ls /conf").output == "a.conf\n"
    assert begin(box, "date -u +%s").output == f"{box.clock.now() // SECOND}\n"
    assert begin(box, "date").output.startswith("Mon Nov 23 09:00:")
    assert (begin(box, "whoami").output, begin(box, "pwd").output) == ("root\n", "/\n")
    assert "    1 root      0:00 nginx\n" in begin(box, "ps").output


@pytest.mark.parametrize(
    ("command", "code", "errors"),
    [
        ("true", 0, ""),
        ("false", 1, ""),
        ("test -d /conf", 0, ""),
        ("test -f /conf", 1, ""),
        ("test -f /conf/a.conf", 0, ""),
        ("test -d /tmp/x", 1, ""),
        ("[ 3 -gt 2 ]", 0, ""),
        ("[ a = b ]", 1, ""),
        ("cat /nope", 1, "cat: can't open '/nope': No such file or directory\n"),
        ("ls /nope", 1, "ls: /nope: No such file or directory\n"),
        ("printenv NOPE", 1, ""),
        ("kill 99", 1, "kill: can't kill pid 99: No such process\n"),
        ("sh -c 'exit 7'", 7, ""),
    ],
)
def test_exit_codes_and_complaints(box: Machines, command: str, code: int, errors: str) -> None:
    """As the real programs."""
    heard = begin(box, command)
    assert (heard.code, heard.errors) == (code, errors)


@pytest.mark.parametrize(
    ("script", "code", "output"),
    [
        ("echo a; echo b", 0, "a\nb\n"),
        ("false && echo a || echo b", 0, "b\n"),
        ("echo \"$COLOR\" '$COLOR' ${NOPE:-none}", 0, "green $COLOR none\n"),
        ("X=5; echo x$X; export Y=6; printenv Y", 0, "x5\n6\n"),
        ("X=7 printenv X", 0, "7\n"),
        ("false; echo $?", 0, "1\n"),
        ("echo $(hostname)-$(echo `echo in`)", 0, "p-in\n"),
        ("printf '%s-%s\\n' a b | cat", 0, "a-b\n"),
        ("env | grep COLOR | wc -l", 0, "1\n"),
        ("cat < /conf/a.conf", 0, "x=1\n"),
        ("echo hidden > /dev/null; echo shown 2>/dev/null", 0, "shown\n"),
        ("cd /conf && ls && pwd", 0, "a.conf\n/conf\n"),
        ("! true; echo $?", 0, "1\n"),
        ("set -e; false || echo asked; false; echo never", 1, "asked\n"),
        ("if true; then echo a; fi", 2, ""),
        ("echo 'open", 2, ""),
        ("exit 3; echo never", 3, ""),
        ("echo a > /tmp/x", 1, ""),
    ],
)
def test_the_shell(box: Machines, script: str, code: int, output: str) -> None:
    """Words, variables, lists, pipes and redirections; what it does not know it refuses."""
    assert sh(box, script)[:2] == (code, output)


def test_a_command_that_nobody_has_is_refused_as_the_runtime_does(box: Machines) -> None:
    """With one plain line beside it; in a shell as the shell does, exit code 127 both times."""
    heard = begin(box, "foo --bar")
    assert heard.end is not None
    assert heard.code == 127
    assert 'exec: "foo": executable file not found in $PATH: unknown' in heard.end.failure
    assert heard.end.failure.startswith("error executing command in container: failed to exec in container: failed to")
    assert heard.errors.startswith("[simulated] this container is simulated")
    assert "stat /app/foo: no such file or directory: unknown" in (begin(box, "/app/foo").end or heard.end).failure
    code, output, errors = sh(box, "foo")
    assert (code, output) == (127, "")
    assert errors.startswith("sh: foo: not found\n[simulated]")


def test_cp_is_refused_in_plain_words(box: Machines) -> None:
    """There is no file system to copy to."""
    heard = begin(box, "tar -xmf - -C /tmp", stdin=True)
    assert heard.code == 1
    assert "there is no file system behind it" in heard.errors


def test_sleep_takes_cluster_time(box: Machines) -> None:
    """Nothing ends before its time."""
    heard = begin(box, "sh -c 'sleep 5; echo up'")
    box.run(4.9)
    assert (heard.code, heard.output) == (None, "")
    box.run(0.2)
    assert (heard.code, heard.output) == (0, "up\n")


def test_cat_gives_back_what_it_is_given(box: Machines) -> None:
    """Until its input ends."""
    heard = begin(box, "cat", stdin=True)
    heard.type("one\n")
    assert (heard.output, heard.code) == ("one\n", None)
    assert heard.session is not None
    heard.session.close_input()
    assert heard.code == 0


def test_an_interactive_shell(box: Machines) -> None:
    """It says that it is simulated, prompts, echoes, keeps its state, and exits with the code that is asked for."""
    heard = begin(box, "sh", stdin=True, tty=True)
    assert heard.output.startswith("[simulated]")
    assert heard.output.endswith("\r\n/ # ")
    heard.type("cd /conf\r")
    heard.type("lx\x7fs\r")
    assert heard.output.endswith("/ # cd /conf\r\n/conf # lx\b \bs\r\na.conf\r\n/conf # ")
    heard.type("sleep 100\r")
    heard.type("\x03")
    heard.type("echo $?\r")
    assert heard.output.endswith("^C\r\n/conf # echo $?\r\n130\r\n/conf # ")
    heard.type("exit 4\r")
    assert heard.code == 4


def test_a_shell_reads_a_script_from_its_input(box: Machines) -> None:
    """Without a terminal it says nothing but what it is told to."""
    heard = begin(box, "sh", stdin=True)
    heard.type("echo a\necho b\nfalse\n")
    assert heard.session is not None
    heard.session.close_input()
    assert (heard.output, heard.code) == ("a\nb\n", 1)


def test_control_d_ends_a_shell(box: Machines) -> None:
    """With the code of its last command."""
    heard = begin(box, "sh", stdin=True, tty=True)
    heard.type("false\r\x04")
    assert heard.code == 1


def test_kill_1_ends_the_container_which_is_restarted(box: Machines) -> None:
    """Commands that run in it die with it."""
    sleeping = begin(box, "sleep 1000")
    assert begin(box, "kill 1").code == 0
    box.run(1)
    assert sleeping.code == 137
    box.when(restartCount=1, state="running")
    assert box.container()["lastState"]["terminated"]["exitCode"] == 0


def test_a_container_that_heeds_no_sigterm_survives_kill_1(machines: Machines) -> None:
    """As process 1 without a handler does, also SIGKILL from inside."""
    machines.pod(containers=[{"command": ["sleep", "infinity"]}])
    machines.when(state="running")
    for command in ("kill 1", "kill -9 1", "killall sleep"):
        assert begin(machines, command).code == 0
    machines.run(60)
    assert machines.container()["restartCount"] == 0


def test_images_declare_commands(machines: Machines) -> None:
    """The longest that matches counts; it may take its time and fail."""
    machines.image("redis", image="redis", commands=[
        {"command": "redis-cli", "output": "usage"},
        {"command": "redis-cli ping", "output": "PONG from {pod}", "after": "2s"},
        {"command": "broken", "error": "no", "code": 3},
    ])  # fmt: skip
    machines.pod(containers=[{"image": "redis:7"}])
    machines.when(state="running")
    assert begin(machines, "redis-cli info").output == "usage\n"
    heard = begin(machines, "redis-cli ping")
    machines.run(2)
    assert (heard.output, heard.code) == ("PONG from p\n", 0)
    broken = begin(machines, "broken")
    assert (broken.code, broken.errors) == (3, "no\n")
    assert "redis-cli ping   (declared by its image)" in begin(machines, "help").output
    assert sh(machines, "broken || echo caught")[:2] == (0, "caught\n")


def test_refusals_before_anything_runs(machines: Machines) -> None:
    """No such container, no node, not running, no kubelet."""
    spec = {"containers": [{"name": "c", "image": "i"}]}
    machines.api.create(USER, PODS, "default", {"metadata": {"name": "unbound"}, "spec": spec})
    with pytest.raises(BadRequest, match="pod unbound does not have a host assigned"):
        begin(machines, "true", "unbound")
    machines.pod()
    with pytest.raises(BadRequest, match="container x is not valid for pod p"):
        begin(machines, "true", container="x")
    with pytest.raises(InternalError, match=r'unable to upgrade connection: container not found \("c"\)'):
        begin(machines, "true")
    machines.when(state="running")
    machines.annotate_node("n1", kubelet="stopped")
    machines.run(1)
    with pytest.raises(InternalError, match=r"error dialing backend: dial tcp .*:10250: connect: connection refused"):
        begin(machines, "true")


def test_a_cancelled_command_says_no_more(box: Machines) -> None:
    """And its time never comes."""
    heard = begin(box, "sh -c 'sleep 5; echo up'")
    assert heard.session is not None
    heard.session.cancel()
    box.run(10)
    assert (heard.output, heard.code) == ("", None)


@given(st.text(alphabet="ab $'\"\\;&|<>(){}`=#\n2?-", max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """The parser never fails otherwise."""
    try:
        pipelines = parse(text)
    except ShellError:
        return
    assert all(
        command.words or command.assignments or command.redirections for p in pipelines for command in p.commands
    )


@given(st.lists(st.binary(max_size=20)))
def test_a_terminal_takes_any_keys(keys: list[bytes]) -> None:
    """Lines are whole, and only printable text is in them."""
    terminal = Terminal()
    for data in keys:
        typed = terminal.type(data)
        assert not typed.lines or typed.lines.endswith(b"\n")
        assert all(char.isprintable() or char in "\n\t" for char in typed.lines.decode())


def attach(machines: Machines, stdin: bool = True, tty: bool = False) -> Heard:
    heard = Heard()
    heard.session = machines.streams.attach("default", "p", "", stdin, tty, heard)
    return heard


def test_who_attaches_to_a_shell_talks_to_it(machines: Machines) -> None:
    """Its exit is the container's; the attachment ends well."""
    machines.pod(containers=[{"image": "busybox:1", "stdin": True, "tty": True}], restartPolicy="Never")
    machines.when(state="running")
    heard = attach(machines, tty=True)
    heard.type("hostname\r")
    heard.type("exit 3\r")
    assert heard.output.endswith("/ # hostname\r\np\r\n/ # exit 3\r\n")
    assert heard.code == 0
    machines.run(2)
    assert machines.container()["state"]["terminated"]["exitCode"] == 3


def test_a_shell_with_one_client_ends_when_it_leaves(machines: Machines) -> None:
    """stdinOnce; without it the shell waits for the next client."""
    for name, once in (("p", False), ("once", True)):
        container = {"image": "x", "command": ["sh"], "stdin": True, "stdinOnce": once}
        machines.pod(name, containers=[container], restartPolicy="Never")
        machines.when(name, state="running")
        heard = Heard()
        session = machines.streams.attach("default", name, "", True, False, heard)
        session.cancel()
        machines.run(2)
        assert machines.status(name)["phase"] == ("Succeeded" if once else "Running")


def test_who_attaches_to_anything_else_sees_its_log(machines: Machines) -> None:
    """From then on; what is typed goes nowhere, and the end of the container is the end."""
    machines.image("web", image="web", logs=[{"text": "line {n}", "every": "10s"}], exit={"after": "25s"})
    machines.pod(containers=[{"image": "web:1", "stdin": True}], restartPolicy="Never")
    machines.when(state="running")
    heard = attach(machines)
    heard.type("hostname\n")
    machines.run(60)
    assert (heard.output, heard.code) == ("line 1\nline 2\n", 0)


def test_attaching_to_what_does_not_run_is_refused(machines: Machines) -> None:
    """As the kubelet does."""
    machines.pod()
    with pytest.raises(InternalError, match="unable to upgrade connection: container c not found in pod p_default"):
        attach(machines)


def test_a_long_script_lets_others_have_their_turn(box: Machines) -> None:
    """It does not run to its end at once, and no cluster time passes over it."""
    heard = begin(box, "sh -c '" + "echo x;" * 400 + "'")
    assert len(heard.output) < 800
    box.run(0)
    assert (heard.code, heard.output) == (0, "x\n" * 400)


def test_grep_takes_no_pattern_that_takes_for_ever(box: Machines) -> None:
    """Repeated groups are refused; simple patterns work."""
    assert sh(box, "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | grep '(a+)+b'")[0] == 2
    assert sh(box, "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | grep 'a*a*a*a*b'")[0] == 2
    assert sh(box, "cat /etc/hosts | grep -c '^127.*localhost$'")[:2] == (0, "1\n")


def test_words_cannot_grow_without_end(box: Machines) -> None:
    """As a kernel refuses arguments that are too long."""
    code, _, errors = sh(box, "X=0123456789; " + "X=$X$X; " * 40)
    assert (code, errors.splitlines()[-1]) == (1, "sh: Argument list too long")
