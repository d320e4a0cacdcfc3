"""DNS servers of Debian on loopback: an upstream that knows every name, and resolvers."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

ZONE = "policy.example"
# What the upstream answers for every name. From a documentation network, so nothing is there.
KNOWN = "192.0.2.1"
_HOST = "127.0.0.1"
_START_S = 15.0
_ROOT_ZONE = f"""\
$TTL 300
. SOA ns. root.ns. 1 3600 600 86400 300
. NS ns.
ns. A {_HOST}
*. A {KNOWN}
"""


class NotStarted(Exception):
    """A server does not start; the message has its log."""


class Server:
    """A running server on a port of loopback."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, name: str, kind: str = "A", timeout_s: float = 5.0) -> str:
        """Return the addresses of a name, or the name of the error; "" for no records."""
        query = dns.message.make_query(name, kind, use_edns=False)
        reply = dns.query.udp(query, _HOST, port=self.port, timeout=timeout_s)
        if reply.rcode() != dns.rcode.NOERROR:
            return dns.rcode.to_text(reply.rcode())
        wanted = dns.rdatatype.from_text(kind)
        return " ".join(
            sorted(str(one) for found in reply.answer if found.rdtype == wanted for one in found)
        )


@contextmanager
def upstream(folder: Path) -> Iterator[Server]:
    """BIND with a root zone in which every name has the address `KNOWN`."""
    (folder / "root.zone").write_text(_ROOT_ZONE)
    zones = 'zone "." { type primary; file "root.zone"; };'
    with _bind(folder, "recursion no;", zones) as server:
        yield server


@contextmanager
def bind(folder: Path, source: Server, zone: str) -> Iterator[Server]:
    """BIND with a response policy zone."""
    (folder / "list.rpz").write_text(zone)
    options = f"""\
  recursion yes; dnssec-validation no; qname-minimization off;
  forward only; forwarders {{ {_HOST} port {source.port}; }};
  response-policy {{ zone "{ZONE}"; }};"""
    zones = f'zone "{ZONE}" {{ type primary; file "list.rpz"; }};'
    with _bind(folder, options, zones) as server:
        yield server


@contextmanager
def _bind(folder: Path, options: str, zones: str) -> Iterator[Server]:
    port = _free_port()
    (folder / "named.conf").write_text(
        f"""\
options {{
  directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key";
  listen-on port {port} {{ {_HOST}; }}; listen-on-v6 {{ none; }};
  {options}
}};
controls {{ }};
{zones}
"""
    )
    command = ["named", "-g", "-4", "-n", "1", "-c", str(folder / "named.conf")]
    with _running(command, folder, port) as server:
        yield server


@contextmanager
def unbound(
    folder: Path, source: Server, *, zone: str = "", settings: str = ""
) -> Iterator[Server]:
    """Unbound with a response policy zone, or with settings made from a plain list."""
    port = _free_port()
    (folder / "list.rpz").write_text(zone)
    policy = f'rpz:\n  name: "{ZONE}"\n  zonefile: "{folder}/list.rpz"\n' if zone else ""
    (folder / "unbound.conf").write_text(
        f"""\
server:
  interface: {_HOST}@{port}
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  num-threads: 1
  module-config: "respip iterator"
{settings}
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: {_HOST}@{source.port}
{policy}"""
    )
    command = ["unbound", "-d", "-p", "-c", str(folder / "unbound.conf")]
    with _running(command, folder, port) as server:
        yield server


@contextmanager
def dnsmasq(
    folder: Path, source: Server, *, hosts: str = "", settings: str = ""
) -> Iterator[Server]:
    """dnsmasq with a hosts file, or with settings made from a plain list."""
    port = _free_port()
    (folder / "list.hosts").write_text(hosts)
    (folder / "dnsmasq.conf").write_text(settings)
    command = [
        *("dnsmasq", "--keep-in-foreground", f"--conf-file={folder}/dnsmasq.conf", "--user=root"),
        *(f"--port={port}", f"--listen-address={_HOST}", "--bind-interfaces", "--pid-file"),
        *("--no-hosts", f"--addn-hosts={folder}/list.hosts", "--log-facility=-"),
        *("--no-resolv", f"--server={_HOST}#{source.port}"),
    ]
    with _running(command, folder, port) as server:
        yield server


@contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[Server]:
    path = shutil.which(command[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert path, f"{command[0]} is not installed"
    log = folder / "log"
    server = Server(port)
    with log.open("wb") as output:
        process = subprocess.Popen([path, *command[1:]], stdout=output, stderr=output)
        try:
            _wait_until_up(server, process, log)
            yield server
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_up(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + _START_S
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise NotStarted(log.read_text(errors="replace"))
        try:
            server.ask("up.example", timeout_s=0.2)
        except (dns.exception.DNSException, OSError):
            time.sleep(0.05)
        else:
            return
    raise NotStarted(f"no answer within {_START_S} s: {log.read_text(errors='replace')}")


def _free_port() -> int:
    """Return a port that is free for UDP and TCP."""
    for _ in range(20):
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind((_HOST, 0))
            port: int = udp.getsockname()[1]
            with suppress(OSError):
                tcp.bind((_HOST, port))
                return port
    raise AssertionError("no port is free for both UDP and TCP")
