"""`sh`: runs what `engine.kubelet.exec.shell` has parsed, from `-c` or line by line from its input.

With a terminal it prompts, and says at its start that the container is simulated. Builtins are `cd`, `export`,
`unset`, `exit` and `:`; everything else is a program. Nothing can be written: a redirection to a file other than
/dev/null fails as on a read-only file system.
"""

from __future__ import annotations

import posixpath
from collections.abc import Generator
from dataclasses import replace
from typing import Final

from engine.kubelet.exec.calls import Call, Input, Interrupted, Sleep, Steps, Wait, Writer
from engine.kubelet.exec.machine import SIMULATED
from engine.kubelet.exec.shell import Command, Pipeline, ShellError, Word, expand, parse

_INTERRUPTED: Final = 130
_SYNTAX: Final = 2
_NOT_FOUND: Final = 127
_BREATH: Final = 50
"""Commands after which others get their turn."""
_LONGEST: Final = 128 * 1024
"""Characters of a command's words and assignments together (a kernel's limit for one argument)."""
_DEEPEST: Final = 20
"""Shells within shells, and commands within words."""


class Exit(Exception):
    """`exit` was called."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def shell(call: Call) -> Steps:
    """The program `sh`."""
    arguments = list(call.arguments)
    own = _Shell(call, call.environment)
    while arguments and arguments[0].startswith("-") and "c" not in arguments[0]:
        arguments.pop(0)
    try:
        if arguments and arguments[0].startswith("-"):
            if len(arguments) < 2:
                call.complain(f"{own.name}: -c requires an argument")
                return _SYNTAX
            own.stop_at_failure = "e" in arguments[0]
            own.parameters = arguments[2:]
            return (yield from own.run(arguments[1]))
        if arguments:
            call.complain(f"{own.name}: can't open '{arguments[0]}': No such file or directory")
            return _NOT_FOUND if call.machine.files.read(arguments[0]) is None else _SYNTAX
        return (yield from own.interact())
    except Exit as leaving:
        return leaving.code


class _Shell:
    def __init__(self, call: Call, variables: dict[str, str]) -> None:
        self._call = call
        self.name = posixpath.basename(call.words[0]).lstrip("-")
        depth = int(variables.get("SHLVL", "0"))
        self.variables = {**variables, "SHLVL": str(depth + 1), "PWD": call.directory}
        self.directory = call.directory
        self.parameters: list[str] = []
        self.status = 0
        self.stop_at_failure = False
        self._commands = 0
        self._told = False
        """It has said that the container is simulated."""

    # -- the two ways of reading -----------------------------------------------------------------------------------

    def run(self, text: str) -> Steps:
        """Run a text to its end."""
        if int(self.variables["SHLVL"]) > _DEEPEST:
            self._call.complain(f"{self.name}: too many shells within shells")
            return _SYNTAX
        try:
            pipelines = parse(text)
        except ShellError as error:
            self._call.complain(f"{self.name}: {error}")
            return _SYNTAX
        for pipeline, following in zip(pipelines, [*pipelines[1:], None], strict=False):
            if pipeline.after == "&&" and self.status:
                continue
            if pipeline.after == "||" and not self.status:
                continue
            self.status = yield from self._pipeline(pipeline)
            asked = following is not None and following.after != ";"
            if self.status and self.stop_at_failure and not asked and not pipeline.negated:
                break
        return self.status

    def interact(self) -> Steps:
        """Run line by line until the input ends."""
        call = self._call
        if call.tty:
            call.say(SIMULATED)
            self._told = True
        while True:
            try:
                if call.tty:
                    mark = "#" if call.machine.user == 0 else "$"
                    call.write(f"{self.directory} {mark} ".encode())
                line = yield from call.input.line()
                if line is None:
                    if call.tty:
                        call.write(b"exit\n")
                    return self.status
                yield from self.run(line)
            except Interrupted:
                self.status = _INTERRUPTED

    # -- commands --------------------------------------------------------------------------------------------------

    def _pipeline(self, pipeline: Pipeline) -> Steps:
        source, status = self._call.input, 0
        for command in pipeline.commands[:-1]:
            collected: list[bytes] = []
            yield from self._command(command, source, collected.append)
            source = Input(b"".join(collected))
        status = yield from self._command(pipeline.commands[-1], source, self._call.write)
        return int(not status) if pipeline.negated else status

    def _command(self, command: Command, source: Input, write: Writer) -> Steps:
        self._commands += 1
        if self._commands % _BREATH == 0:
            yield Sleep(0)
        own = replace(self._call, input=source, write=write)
        words: list[str] = []
        for word in command.words:
            words += yield from self._fields(word)
        values = {}
        for name, word in command.assignments:
            values[name] = " ".join((yield from self._fields(word)))
        problem = yield from self._redirect(command, own)
        if sum(map(len, words)) + sum(map(len, values.values())) > _LONGEST:
            problem = "Argument list too long"
        if problem:
            return self._call.complain(f"{self.name}: {problem}")
        if not words:
            self.variables |= values
            return self.status if any(p.kind == "command" for _, w in command.assignments for p in w) else 0
        variables = {**self.variables, **values}
        own.words, own.directory, own.make_environment = words, self.directory, lambda: variables
        builtin = self._builtin(words, own)
        if builtin is not None:
            return builtin
        # The shell is a program itself: the table knows it, and it knows the table.
        from engine.kubelet.exec.programs import find

        program = find(own.machine, words)
        if program is None:
            own.complain(f"{self.name}: {words[0]}: not found")
            if not self._told:
                self._told = True
                own.complain(SIMULATED)
            return _NOT_FOUND
        result = program(own)
        return result if isinstance(result, int) else (yield from result)

    def _redirect(self, command: Command, own: Call) -> Generator[Wait, bytes | None, str]:
        """Turn the streams of `own` as the redirections say; what is wrong with one, "" when nothing is."""
        for redirection in command.redirections:
            target = " ".join((yield from self._fields(redirection.target)))
            if redirection.operator == "<":
                content = b"" if target == "/dev/null" else own.machine.files.read(_joined(self.directory, target))
                if content is None:
                    return f"can't open {target}: no such file"
                own.input = Input(content)
            elif redirection.operator == ">&":
                if redirection.descriptor == 2 and target == "1":
                    own.write_error = own.write
                elif redirection.descriptor == 1 and target == "2":
                    own.write = own.write_error
            elif target in ("/dev/null", "/dev/stdout", "/dev/stderr", "/proc/1/fd/1", "/proc/1/fd/2"):
                stream = {"/dev/stdout": own.write, "/dev/stderr": own.write_error}.get(target, _nowhere)
                if redirection.descriptor == 2:
                    own.write_error = stream
                else:
                    own.write = stream
            else:
                return f"can't create {target}: Read-only file system (it is simulated: there is none behind it)"
        return ""

    def _fields(self, word: Word) -> Generator[Wait, bytes | None, list[str]]:
        outputs: list[str] = []
        for piece in word:
            if piece.kind == "command":
                collected: list[bytes] = []
                inner = _Shell(replace(self._call, write=collected.append), self.variables)
                inner.directory = self.directory
                try:
                    self.status = yield from inner.run(piece.text)
                except Exit as leaving:
                    self.status = leaving.code
                outputs.append(b"".join(collected).decode(errors="replace"))
        return expand(word, self._variable, outputs)

    def _variable(self, name: str) -> str | None:
        if name == "?":
            return str(self.status)
        if name == "$":
            return "7"
        if name == "#":
            return str(max(0, len(self.parameters) - 1))
        if name in ("@", "*"):
            return " ".join(self.parameters[1:])
        if name.isdecimal():
            given = self.parameters[int(name) : int(name) + 1]
            return given[0] if given else (self.name if name == "0" else None)
        return self.variables.get(name)

    def _builtin(self, words: list[str], own: Call) -> int | None:
        """The exit code of a builtin; None when it is none."""
        name, arguments = words[0], words[1:]
        if name == "exit":
            text = arguments[0] if arguments else str(self.status)
            if not text.isdecimal():
                raise Exit(_SYNTAX + own.complain(f"{self.name}: exit: Illegal number: {text}") - 1)
            raise Exit(int(text) % 256)
        if name == "cd":
            target = _joined(self.directory, arguments[0] if arguments else self.variables.get("HOME", "/"))
            if not own.machine.files.is_directory(target):
                return own.complain(f"{self.name}: cd: can't cd to {arguments[0]}: No such file or directory")
            self.directory = self.variables["PWD"] = target
            return 0
        if name in ("export", "unset"):
            for argument in arguments:
                key, equals, value = argument.partition("=")
                if name == "unset":
                    self.variables.pop(key, None)
                elif equals:
                    self.variables[key] = value
            return 0
        if name == "set":
            self.stop_at_failure = self.stop_at_failure or any("e" in each for each in arguments if each[:1] == "-")
            return 0
        return 0 if name == ":" else None


def _joined(directory: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(directory, path))


def _nowhere(data: bytes) -> None:
    """Where /dev/null leads."""
