"""The programs that every simulated container has, and how a command line finds one.

What the image declares comes first: of the declared commands whose words a command line begins with, the longest.
The table itself is `PROGRAMS`; `help` prints it.
"""

from __future__ import annotations

import posixpath
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from engine.clock import SECOND
from engine.kubelet.behaviour import CommandRule
from engine.kubelet.exec.calls import Call, Sleep, Steps
from engine.kubelet.exec.interpreter import shell
from engine.kubelet.exec.machine import Machine
from engine.kubelet.exec.network_programs import NETWORK_PROGRAMS

Program = Callable[[Call], int | Steps]
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST_REPEATS: Final = 2
_LONGEST_LINE: Final = 2000
_ESCAPES: Final = {"\\n": "\n", "\\t": "\t", "\\\\": "\\", "\\r": "\r", "\\0": "\0"}


def find(machine: Machine, words: Sequence[str]) -> Program | None:
    """What runs a command line; None when the container has no such program."""
    if not words:
        return None
    given = tuple(words)
    declared = [rule for rule in machine.commands if rule.words and given[: len(rule.words)] == rule.words]
    if declared:
        return _declared(max(declared, key=lambda rule: len(rule.words)))
    directory, name = posixpath.split(words[0])
    if directory and directory not in ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"):
        return None
    return PROGRAMS.get(name)


def _declared(rule: CommandRule) -> Program:
    def filled(call: Call, text: str) -> bytes:
        spec = call.machine.spec
        text = text.replace("{pod}", spec.pod.name).replace("{container}", spec.facts.name)
        return (text if text.endswith("\n") or not text else f"{text}\n").encode()

    def run(call: Call) -> Steps:
        if rule.after:
            yield Sleep(rule.after)
        call.write(filled(call, rule.output))
        call.write_error(filled(call, rule.error))
        return rule.code

    return run


# -- texts ---------------------------------------------------------------------------------------------------------


def _echo(call: Call) -> int:
    words = list(call.arguments)
    end, escapes = "\n", False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        end = "" if "n" in words[0] else end
        escapes = "e" in words.pop(0) or escapes
    text = " ".join(words)
    call.write((_unescaped(text) if escapes else text).encode() + end.encode())
    return 0


def _unescaped(text: str) -> str:
    return re.sub(r"\\[nt\\r0]", lambda match: _ESCAPES[match[0]], text)


def _printf(call: Call) -> int:
    if not call.arguments:
        return call.complain("printf: usage: printf FORMAT [ARG...]")
    given = iter(call.arguments[1:])
    text = re.sub(r"%[sd%]", lambda m: "%" if m[0] == "%%" else next(given, ""), _unescaped(call.arguments[0]))
    call.write(text.encode())
    return 0


def _cat(call: Call) -> Steps:
    code = 0
    for path in call.arguments or ("-",):
        if path == "-":
            while chunk := (yield from call.input.chunk()):
                call.write(chunk)
        elif path not in ("-n", "-u", "--"):
            content = _read(call, "cat", path)
            if content is None:
                code = 1
            else:
                call.write(content)
    return code


def _read(call: Call, program: str, path: str) -> bytes | None:
    """A file's content; None when there is none, which is told."""
    at = _path(call, path)
    content = call.machine.files.read(at)
    if content is None:
        if call.machine.files.is_directory(at):
            call.complain(f"{program}: read error: Is a directory")
        else:
            call.complain(f"{program}: can't open '{path}': No such file or directory")
    return content


def _path(call: Call, path: str) -> str:
    return posixpath.normpath(posixpath.join(call.directory, path))


def _lines_of(call: Call, program: str, paths: Sequence[str]) -> Steps:
    """Reads into `call.words`, in place of the arguments, the lines of files or of the standard input."""
    data = b""
    code = 0
    for path in paths:
        content = _read(call, program, path)
        code = 1 if content is None else code
        data += content or b""
    if not paths:
        data = yield from call.input.rest()
    call.words = [program, *data.decode(errors="replace").splitlines()]
    return code


def _head_or_tail(call: Call) -> Steps:
    name, count, paths = posixpath.basename(call.words[0]), 10, []
    arguments = iter(call.arguments)
    for argument in arguments:
        if argument in ("-n", "-c"):
            argument = next(arguments, "")
            count = int(argument) if argument.isdecimal() else count
        elif re.fullmatch(r"-n?\d+", argument):
            count = int(argument.lstrip("-n"))
        elif argument == "-f":
            continue
        else:
            paths.append(argument)
    follows = "-f" in call.arguments
    if follows and "/dev/null" in paths:
        yield Sleep(None)
    code = yield from _lines_of(call, name, paths)
    lines = call.arguments
    for line in lines[:count] if name == "head" else lines[max(0, len(lines) - count) :]:
        call.say(line)
    return code


def _grep(call: Call) -> Steps:
    options = "".join(word[1:] for word in call.arguments if re.fullmatch(r"-[a-zA-Z]+", word))
    rest = [word for word in call.arguments if not re.fullmatch(r"-[a-zA-Z]+", word)]
    if not rest:
        return call.complain("grep: usage: grep [-civqE] PATTERN [FILE]...") + 1
    text = re.escape(rest[0]) if "F" in options else rest[0]
    if "(" in text.replace("\\(", "") or sum(text.count(each) for each in "*+{") > _MOST_REPEATS:
        # Such patterns can take for ever, and everybody would wait.
        return call.complain(f"grep: '{rest[0]}' is more than this simulated grep understands") + 1
    try:
        pattern = re.compile(text, re.IGNORECASE if "i" in options else 0)
    except (re.error, OverflowError):
        return call.complain(f"grep: bad regex '{rest[0]}'") + 1
    code = yield from _lines_of(call, "grep", rest[1:])
    found = [line for line in call.arguments if (pattern.search(line[:_LONGEST_LINE]) is None) == ("v" in options)]
    if "c" in options:
        call.say(str(len(found)))
    elif "q" not in options:
        for line in found:
            call.say(line)
    return code + 1 if code else int(not found)


def _wc(call: Call) -> Steps:
    counted = "".join(word[1:] for word in call.arguments if word.startswith("-")) or "lwc"
    code = yield from _lines_of(call, "wc", [word for word in call.arguments if not word.startswith("-")])
    lines = call.arguments
    words = sum(len(line.split()) for line in lines)
    figures = {"l": len(lines), "w": words, "c": sum(len(line.encode()) + 1 for line in lines)}
    call.say(" ".join(str(figures[letter]) for letter in "lwc" if letter in counted))
    return code


# -- files ---------------------------------------------------------------------------------------------------------


def _ls(call: Call) -> int:
    options = "".join(word[1:] for word in call.arguments if re.fullmatch(r"-[a-zA-Z1]+", word))
    paths = [word for word in call.arguments if not word.startswith("-")] or ["."]
    files, code = call.machine.files, 0
    for path in paths:
        at = _path(call, path)
        content = files.read(at)
        if content is not None:
            _list(call, {path: len(content)}, options)
        elif not files.is_directory(at):
            code = call.complain(f"ls: {path}: No such file or directory")
        elif "d" in options:
            _list(call, {path: None}, options)
        else:
            if len(paths) > 1:
                call.say(f"{path}:")
            _list(call, files.listed(at), options)
    return code


def _list(call: Call, entries: Mapping[str, int | None], options: str) -> None:
    at = datetime.fromtimestamp(call.machine.handle.started_at // SECOND, UTC).strftime("%b %d %H:%M")
    for name, size in entries.items():
        if "l" in options:
            mode, links = ("drwxr-xr-x", 2) if size is None else ("-rw-r--r--", 1)
            call.say(f"{mode}    {links} root     root     {4096 if size is None else size:>9} {at} {name}")
        else:
            call.say(name)


def _test(call: Call) -> int:
    words = list(call.arguments)
    if posixpath.basename(call.words[0]) == "[" and (not words or words.pop() != "]"):
        return call.complain("[: missing ]") + 1
    return 2 if (result := _truth(call, words)) is None else int(not result)


def _truth(call: Call, words: list[str]) -> bool | None:
    """The value of a test; None for one that is not understood, which is told."""
    if words[:1] == ["!"]:
        inner = _truth(call, words[1:])
        return None if inner is None else not inner
    if len(words) <= 1:
        return bool(words and words[0])
    if len(words) == 2:
        operator, value = words
        files, at = call.machine.files, _path(call, value)
        content = files.read(at)
        known: dict[str, Callable[[], bool]] = {
            "-n": lambda: bool(value), "-z": lambda: not value, "-d": lambda: files.is_directory(at),
            "-f": lambda: content is not None, "-s": lambda: bool(content), "-w": lambda: False,
            "-e": lambda: content is not None or files.is_directory(at),
            "-r": lambda: content is not None or files.is_directory(at), "-x": lambda: files.is_directory(at),
        }  # fmt: skip
        if operator in known:
            return known[operator]()
    if len(words) == 3:
        left, operator, right = words
        if operator in ("=", "==", "!="):
            return (left == right) == (operator != "!=")
        numbers = [int(each) for each in (left, right) if re.fullmatch(r"-?\d+", each)]
        compared = {"-eq": (0,), "-ne": (-1, 1), "-lt": (-1,), "-le": (-1, 0), "-gt": (1,), "-ge": (0, 1)}
        if operator in compared and len(numbers) == 2:
            return ((numbers[0] > numbers[1]) - (numbers[0] < numbers[1])) in compared[operator]
    call.complain(f"sh: {' '.join(words)}: unknown operand")
    return None


def _tar(call: Call) -> int:
    call.complain(
        "tar: this container is simulated: there is no file system behind it, so nothing can be copied to it or from it"
    )
    return 1


# -- the container -------------------------------------------------------------------------------------------------


def _env(call: Call) -> int:
    if posixpath.basename(call.words[0]) == "printenv" and call.arguments:
        value = call.environment.get(call.arguments[0])
        if value is None:
            return 1
        call.say(value)
        return 0
    for name, value in call.environment.items():
        call.say(f"{name}={value}")
    return 0


def _date(call: Call) -> int:
    now = datetime.fromtimestamp(call.machine.clock.now() // SECOND, UTC)
    form = next((word[1:] for word in call.arguments if word.startswith("+")), "")
    if not form:
        iso = any(word.startswith(("-I", "--iso")) for word in call.arguments)
        form = "%Y-%m-%dT%H:%M:%S+00:00" if iso else "%a %b %e %H:%M:%S UTC %Y"
    call.say(now.strftime(form.replace("%s", str(int(now.timestamp())))))
    return 0


def _id(call: Call) -> int:
    user = call.machine.user
    name = "root" if user == 0 else str(user)
    if posixpath.basename(call.words[0]) == "whoami":
        if user:
            return call.complain(f"whoami: unknown uid {user}")
        call.say(name)
    elif "-u" in call.arguments:
        call.say(name if "-n" in call.arguments else str(user))
    else:
        call.say("uid=0(root) gid=0(root) groups=0(root)" if user == 0 else f"uid={user} gid=0(root) groups=0(root)")
    return 0


def _sleep(call: Call) -> Steps:
    if not call.arguments:
        return call.complain("sleep: missing operand")
    span = 0
    for word in call.arguments:
        match = _SPAN.fullmatch(word)
        if word in ("infinity", "inf"):
            yield Sleep(None)
        if match is None:
            return call.complain(f"sleep: invalid number '{word}'")
        span += round(float(match[1]) * _UNITS[match[2]] * SECOND)
    yield Sleep(span)
    return 0


def _ps(call: Call) -> int:
    user = "root" if call.machine.user == 0 else str(call.machine.user)
    call.say("PID   USER     TIME  COMMAND")
    call.say(f"    1 {user:<8}  0:00 {call.machine.main_command}")
    call.say(f"    7 {user:<8}  0:00 {' '.join(call.words)}")
    return 0


def _kill(call: Call) -> int:
    """Only process 1 is there to be signalled. The kernel keeps SIGKILL from inside away from it."""
    words = [word for word in call.arguments if not word.startswith("-")]
    signals = [word[1:].removeprefix("SIG") for word in call.arguments if word.startswith("-")]
    if "s" in signals and words:
        signals = [words.pop(0).removeprefix("SIG")]
    if not words:
        return call.complain("kill: you need to specify whom to kill")
    code = 0
    for word in words:
        if word == "1":
            if not signals or signals[0] in ("TERM", "15", "INT", "2", "QUIT", "3", "HUP", "1"):
                call.machine.handle.terminate()
        else:
            code = call.complain(f"kill: can't kill pid {word}: No such process")
    return code


def _killall(call: Call) -> int:
    words = [word for word in call.arguments if not word.startswith("-")]
    main = posixpath.basename(call.machine.main_command.split(" ")[0])
    for word in words:
        if word != main:
            return call.complain(f"killall: {word}: no process killed")
        call.machine.handle.terminate()
    return 0 if words else call.complain("killall: you need to specify whom to kill")


def _uname(call: Call) -> int:
    fields = ("Linux", call.machine.hostname, "simulated", "#1", "x86_64", "Linux")
    call.say(" ".join(fields) if "-a" in call.arguments else fields["snrvmo".find((call.arguments or ("-s",))[0][1:2])])
    return 0


def _which(call: Call) -> int:
    code = 0
    for word in call.arguments:
        if word in PROGRAMS:
            call.say(f"/bin/{word}")
        else:
            code = 1
    return code


def _help(call: Call) -> int:
    call.say("This container is simulated. It has these commands, and no file system that can be written:")
    call.say(textwrap.fill(" ".join(sorted(PROGRAMS)), 100, initial_indent="  ", subsequent_indent="  "))
    call.say("A shell also knows cd, exit, export, unset and set -e; variables, quotes, pipes, ;, && and ||.")
    for rule in call.machine.commands:
        call.say("  " + " ".join(rule.words) + "   (declared by its image)")
    return 0


def _say(value: Callable[[Call], str]) -> Program:
    def run(call: Call) -> int:
        call.say(value(call))
        return 0

    return run


PROGRAMS: Final[Mapping[str, Program]] = {
    "true": lambda call: 0, "false": lambda call: 1, "echo": _echo, "printf": _printf, "cat": _cat,
    "head": _head_or_tail, "tail": _head_or_tail, "grep": _grep, "wc": _wc, "ls": _ls, "test": _test, "[": _test,
    "tar": _tar, "env": _env, "printenv": _env, "date": _date, "id": _id, "whoami": _id, "sleep": _sleep, "ps": _ps,
    "kill": _kill, "killall": _killall, "uname": _uname, "which": _which, "help": _help, "sh": shell, "bash": shell,
    "ash": shell, "hostname": _say(lambda call: call.machine.hostname), "pwd": _say(lambda call: call.directory),
    **NETWORK_PROGRAMS,
}  # fmt: skip
"""Name → program."""
