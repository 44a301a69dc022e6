"""nslookup, dig, getent, wget, curl and nc: what they find by the service model, in their own words and exit codes.

A name or an address is reached as `engine.network.reach` says; what answers there is the reached container, as its
image declares. What lies outside of the cluster is not simulated, and the programs say so. Waiting takes cluster time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from engine.client import Reach
from engine.clock import SECOND
from engine.kubelet.exec.calls import Call, Sleep, Steps, Wait
from engine.kubelet.runtime import HttpAnswer
from engine.kubelet.serving import phrase
from engine.network import dns
from engine.network.dns import RecordType
from engine.network.service_allocation import family_of

_OUTSIDE: Final = "[simulated] {} is outside of the cluster: what answers there is not simulated"
_DNS_WAIT: Final = 15 * SECOND
"""Three tries of five seconds."""
_CONNECT_WAIT: Final = 127 * SECOND
"""How long a kernel tries to connect (net.ipv4.tcp_syn_retries = 6)."""
_TTL: Final = 30


# -- names ---------------------------------------------------------------------------------------------------------


def _name_server(call: Call, given: str = "") -> tuple[str, bool]:
    """(the name server's address, whether it answers)."""
    servers = dns.resolver_of(call.machine.spec.pod.obj).nameservers
    server = given or (servers[0] if servers else "127.0.0.1")
    if server == dns.NODE_RESOLVER:
        return server, True
    return server, call.machine.connect(server, 53, "UDP").ok


def _looked_up(call: Call, server: str, name: str, kind: RecordType, search: bool) -> dns.Answer:
    store, resolver = call.machine.api.store, dns.resolver_of(call.machine.spec.pod.obj)
    if server == dns.NODE_RESOLVER:
        found = dns.lookup(store, name, kind)
        return found if found.code == "FORWARDED" else dns.Answer(found.name, kind, "NXDOMAIN")
    found = dns.resolve(store, resolver, name, kind).answer if search else dns.lookup(store, name, kind)
    if found.code == "FORWARDED" and "." not in found.name and not found.records:
        return dns.Answer(found.name, kind, "NXDOMAIN")  # The world has no names without a dot.
    return found


def _nslookup(call: Call) -> Steps:
    kinds = [word.partition("=")[2].upper() for word in call.arguments if re.match(r"-(query)?type=|-q=", word)]
    names = [word for word in call.arguments if not word.startswith("-")]
    if not names:
        return call.complain("nslookup: usage: nslookup [-type=TYPE] HOST [SERVER]")
    server, answers = _name_server(call, names[1] if len(names) > 1 else "")
    if not answers:
        yield Sleep(_DNS_WAIT)
        call.say(";; connection timed out; no servers could be reached\n")
        return 1
    call.say(f"Server:\t\t{server}\nAddress:\t{server}#53\n")
    wanted = kinds[0] if kinds else "A"
    kind: RecordType = wanted if wanted in ("A", "AAAA", "CNAME", "SRV") else "A"  # type: ignore[assignment]
    found = _looked_up(call, server, names[0], kind, search=True)
    if found.code == "FORWARDED":
        call.complain(_OUTSIDE.format(found.name))
        call.say(f"** server can't find {names[0]}: SERVFAIL\n")
        return 1
    if found.code != "NOERROR":
        call.say(f"** server can't find {names[0].rstrip('.')}: {found.code}\n")
        return 1
    if not found.records:
        call.say(f"*** Can't find {names[0]}: No answer\n")
        return 1
    for record in found.records:
        if record.type == "CNAME":
            call.say(f"{record.name}\tcanonical name = {record.value}.")
        elif record.type == "SRV":
            call.say(f"{record.name}\tservice = {record.value}.")
        else:
            call.say(f"Name:\t{record.name}\nAddress: {record.value}")
    call.say("")
    return 0


def _dig(call: Call) -> Steps:
    words = [word for word in call.arguments if not word.startswith(("+", "-", "@"))]
    options = {word for word in call.arguments if word.startswith("+")}
    given = next((word[1:] for word in call.arguments if word.startswith("@")), "")
    kinds = [word.upper() for word in words if word.upper() in ("A", "AAAA", "CNAME", "SRV")]
    names = [word for word in words if word.upper() not in ("A", "AAAA", "CNAME", "SRV", "IN")]
    if not names:
        return call.complain("dig: usage: dig [@SERVER] NAME [TYPE] [+short] [+search]")
    kind: RecordType = kinds[0] if kinds else "A"  # type: ignore[assignment]
    server, answers = _name_server(call, given)
    if not answers:
        yield Sleep(_DNS_WAIT)
        call.say(";; connection timed out; no servers could be reached")
        return 9
    found = _looked_up(call, server, names[0].rstrip("."), kind, search="+search" in options)
    if "+short" in options:
        for record in found.records:
            call.say(record.value + ("." if record.type in ("CNAME", "SRV") else ""))
        return 0
    status = "SERVFAIL" if found.code == "FORWARDED" else found.code
    if found.code == "FORWARDED":
        call.complain(_OUTSIDE.format(found.name))
    call.say(f"\n; <<>> DiG (simulated) <<>> {' '.join(call.arguments)}")
    call.say(f";; ->>HEADER<<- opcode: QUERY, status: {status}, id: 1")
    call.say(f";; flags: qr aa rd; QUERY: 1, ANSWER: {len(found.records)}, AUTHORITY: 0, ADDITIONAL: 0\n")
    call.say(f";; QUESTION SECTION:\n;{found.name}.\t\tIN\t{kind}\n")
    if found.records:
        call.say(";; ANSWER SECTION:")
        for record in found.records:
            value = record.value + ("." if record.type in ("CNAME", "SRV") else "")
            call.say(f"{record.name}.\t{_TTL}\tIN\t{record.type}\t{value}")
        call.say("")
    call.say(f";; SERVER: {server}#53({server})")
    return 0


def _getent(call: Call) -> Steps:
    if call.arguments[:1] not in (["hosts"], ["ahosts"], ["ahostsv4"]) or len(call.arguments) < 2:
        return call.complain("getent: usage: getent hosts NAME")
    name = call.arguments[1]
    if family_of(name):
        call.say(f"{name:<15} {name}")
        return 0
    server, answers = _name_server(call)
    if not answers:
        yield Sleep(_DNS_WAIT)
        return 2
    found = _looked_up(call, server, name, "A", search=True)
    addresses = [record for record in found.records if record.type == "A"]
    if found.code == "FORWARDED":
        call.complain(_OUTSIDE.format(found.name))
    for record in addresses:
        call.say(f"{record.value:<15} {record.name}")
    return 0 if addresses else 2


# -- connections ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Url:
    scheme: str
    host: str
    port: int
    path: str
    """Without the query."""

    @classmethod
    def parse(cls, text: str) -> _Url | None:
        """None for what is no URL of http or https."""
        full = text if "://" in text else f"http://{text}"
        try:
            parts = urlsplit(full)
            port = parts.port
        except ValueError:
            return None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        return cls(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), parts.path or "/")


def _after(words: Sequence[str], *options: str) -> str:
    """The value of an option: `-T 5`, `-T5`, `--timeout=5`; "" without it."""
    for index, word in enumerate(words):
        for option in options:
            if word == option and index + 1 < len(words):
                return words[index + 1]
            if option.startswith("--") and word.startswith(f"{option}="):
                return word.partition("=")[2]
            if not option.startswith("--") and word.startswith(option) and len(word) > 2:
                return word[2:]
    return ""


def _seconds(text: str) -> int | None:
    try:
        return round(float(text.rstrip("s")) * SECOND)
    except ValueError:
        return None


def _reached(
    call: Call, host: str, port: int, timeout: int | None, path: str = "/"
) -> Generator[Wait, bytes | None, Reach]:
    """Where a connection leads; one that nobody answers takes its time."""
    where = call.machine.connect(host, port, path=path)
    if where.symptom == "connection timed out":
        yield Sleep(min(timeout if timeout is not None else _CONNECT_WAIT, _CONNECT_WAIT))
    elif where.symptom == "no answer":
        yield Sleep(_DNS_WAIT)
    if where.ok and not where.pod and not where.endpoint.startswith("192.168.255.254:"):
        call.complain(_OUTSIDE.format(where.name or host))
    return where


def _wget(call: Call) -> Steps:
    words, urls = call.arguments, _targets(call.arguments, "OTtPUS")
    quiet = any(re.fullmatch(r"-[a-zA-Z]*q[a-zA-Z]*(-)?", word) for word in words)
    url = _Url.parse(urls[0]) if urls else None
    if url is None:
        return call.complain(f"wget: not an http or ftp url: {urls[0]}" if urls else "wget: missing URL")
    timeout = _seconds(_after(words, "-T", "--timeout"))
    where = yield from _reached(call, url.host, url.port, timeout, url.path)
    if where.symptom in ("no such host", "no answer"):
        return call.complain(f"wget: bad address '{url.host}{'' if url.port == 80 else f':{url.port}'}'")
    if not quiet:
        call.complain(f"Connecting to {url.host}:{url.port} ({where.address or url.host}:{url.port})")
    answer = call.machine.request(where, "GET", url.path)
    if answer is None:
        if where.symptom == "connection timed out" and timeout is not None:
            return call.complain("wget: download timed out")
        why = _failure(where)
        return call.complain(f"wget: can't connect to remote host ({where.address or url.host}): {why}")
    if answer.status >= 400:
        return call.complain(f"wget: server returned error: HTTP/1.1 {answer.status} {phrase(answer.status)}")
    if "--spider" in words:
        call.complain("remote file exists")
        return 0
    to_output = any(re.fullmatch(r"-[a-zA-Z]*O-?", word) for word in words) and ("-" in words or "O-" in "".join(words))
    if not to_output and _after(words, "-O") not in ("/dev/null", "/dev/stdout"):
        name = url.path.rpartition("/")[2] or "index.html"
        return call.complain(f"wget: can't open '{name}': Read-only file system (use -O-)")
    if not quiet:
        call.complain("writing to stdout")
    if _after(words, "-O") != "/dev/null":
        call.write(answer.body)
    if not quiet:
        call.complain("written to stdout")
    return 0


def _failure(where: Reach) -> str:
    if where.ok and where.pod:
        return "Connection refused"
    return {"connection refused": "Connection refused", "connection timed out": "Connection timed out"}.get(
        where.symptom, "Network is unreachable"
    )


_CURL_VALUES: Final = "odHXwmAuTbFe"
_CURL_LONG: Final = (
    "--output", "--data", "--header", "--request", "--write-out", "--max-time", "--user-agent", "--user",
    "--connect-timeout", "--cacert", "--cert", "--key", "--resolve", "--retry",
)  # fmt: skip


def _curl(call: Call) -> Steps:
    words = call.arguments
    letters = "".join(word[1:] for word in words if re.fullmatch(r"-[a-zA-Z]+", word))
    urls = _targets(words, _CURL_VALUES, _CURL_LONG)
    if not urls:
        call.complain("curl: try 'curl --help' or 'curl --manual' for more information")
        return 2
    url = _Url.parse(urls[0])
    if url is None:
        return _curl_fails(call, letters, 3, "URL using bad/illegal format or missing URL")
    limits = [_seconds(_after(words, "-m", "--max-time")), _seconds(_after(words, "--connect-timeout"))]
    timeout = min((each for each in limits if each is not None), default=None)
    where = yield from _reached(call, url.host, url.port, timeout, url.path)
    if where.symptom in ("no such host", "no answer"):
        return _curl_fails(call, letters, 6, f"Could not resolve host: {url.host}")
    method = _after(words, "-X", "--request") or ("HEAD" if "I" in letters or "--head" in words else "GET")
    answer = call.machine.request(where, method, url.path)
    if answer is None:
        if where.symptom == "connection timed out":
            waited = min(timeout if timeout is not None else _CONNECT_WAIT, _CONNECT_WAIT) // 1000
            if timeout is not None:
                return _curl_fails(call, letters, 28, f"Connection timed out after {waited} milliseconds")
            text = f"Failed to connect to {url.host} port {url.port} after {waited} ms: Couldn't connect to server"
            return _curl_fails(call, letters, 28, text)
        text = f"Failed to connect to {url.host} port {url.port} after 0 ms: Couldn't connect to server"
        return _curl_fails(call, letters, 7, text)
    if answer.status >= 400 and ("f" in letters or "--fail" in words):
        return _curl_fails(call, letters, 22, f"The requested URL returned error: {answer.status}")
    _curl_shows(call, words, letters, method, answer)
    return 0


def _curl_shows(call: Call, words: Sequence[str], letters: str, method: str, answer: HttpAnswer) -> None:
    head = (
        f"HTTP/1.1 {answer.status} {phrase(answer.status)}\r\nContent-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.body)}\r\n\r\n"
    ).encode()
    shown = _after(words, "-o", "--output") in ("", "-", "/dev/stdout")
    if shown and (method == "HEAD" or "i" in letters or "--include" in words):
        call.write(head)
    if shown and method != "HEAD":
        call.write(answer.body)
    form = _after(words, "-w", "--write-out")
    if form:
        text = form.replace("%{http_code}", f"{answer.status:03d}").replace("%{response_code}", f"{answer.status:03d}")
        call.write(text.replace("%{size_download}", str(len(answer.body))).replace("\\n", "\n").encode())


def _curl_fails(call: Call, letters: str, code: int, text: str) -> int:
    if "s" not in letters or "S" in letters:
        call.complain(f"curl: ({code}) {text}")
    form = _after(call.arguments, "-w", "--write-out")
    if form:
        text = re.sub(r"%\{(http|response)_code\}", "000", form)
        call.write(text.replace("\\n", "\n").encode())
    return code


def _targets(words: Sequence[str], with_value: str, long_with_value: Sequence[str] = ()) -> list[str]:
    """The words that are neither options nor their values. `with_value`: letters of options that take one."""
    found, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("--"):
            skip = word in long_with_value
        elif word.startswith("-") and len(word) > 1:
            skip = word[-1] in with_value
        else:
            found.append(word)
    return found


def _nc(call: Call) -> Steps:
    words = call.arguments
    targets = _targets(words, "wpsi")
    letters = "".join(word[1:] for word in words if re.fullmatch(r"-[a-zA-Z]+\d*", word))
    if len(targets) < 2 or not targets[1].isdecimal():
        return call.complain("nc: usage: nc [-zv] [-w SECONDS] HOST PORT")
    host, port = targets[0], int(targets[1])
    timeout = _seconds(_after(words, "-w"))
    where = yield from _reached(call, host, port, timeout)
    if where.symptom in ("no such host", "no answer"):
        return call.complain(f"nc: bad address '{host}'")
    if not where.ok or not (where.pod or where.endpoint.startswith("192.168.255.254:")):
        return call.complain(f"nc: {host} ({where.address or host}:{port}): {_failure(where)}")
    if "v" in letters:
        call.complain(f"{host} ({where.address or host}:{port}) open")
    if "z" in letters:
        return 0
    request = yield from call.input.rest()
    first = request.split(b"\r\n")[0].split(b"\n")[0].decode(errors="replace").split(" ")
    answer = call.machine.request(where, first[0], first[1].partition("?")[0]) if len(first) == 3 else None
    if answer is not None:
        call.write(f"HTTP/1.1 {answer.status} {phrase(answer.status)}\r\n\r\n".encode() + answer.body)
    return 0


NETWORK_PROGRAMS: Final[Mapping[str, Callable[[Call], int | Steps]]] = {
    "nslookup": _nslookup, "dig": _dig, "getent": _getent, "wget": _wget, "curl": _curl, "nc": _nc,
}  # fmt: skip
