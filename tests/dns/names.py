"""Names for the tests: hostile values that a store could contain, bad names, and other names."""

from shared.domain.indicator import Indicator, IndicatorType, parse
from tests.dns.servers import ZONE

_TRIGGERS = (
    # Policies for a client address, an address in an answer, and the name or address of a server.
    *("0.0.0.0.0.rpz-client-ip", "1.0.0.0.0.rpz-client-ip", "32.1.0.0.127.rpz-client-ip"),
    *("1.0.0.0.0.RPZ-CLIENT-IP", "1.0.0.0.0.Rpz-Client-Ip."),
    *("0.0.0.0.0.rpz-ip", "1.0.0.0.128.rpz-ip", "32.1.2.0.192.rpz-ip"),
    *("ns.rpz-nsdname", "*.rpz-nsdname", "32.1.0.0.127.rpz-nsip", "1.0.0.0.0.rpz-nsip"),
    *("*", "*.example", "*.*", "*.rpz-client-ip"),
    *("rpz-passthru", "rpz-drop", "rpz-tcp-only", "rpz-client-ip"),
)
_SYNTAX = (
    *("$INCLUDE /etc/passwd", "$ORIGIN example.", "$GENERATE 1-9 a$", "$TTL 0", "@", ".", "..", ""),
    *("a.example\nother.example", "a.example\r\n* CNAME .", "a.example CNAME rpz-passthru.\n*"),
    *("a.example\n0.0.0.0 other.example", "other.example a.example", "a.example\tother.example"),
    *(
        "a.example ; b",
        ";a.example",
        "#a.example",
        "a.example#b",
        '"a.example',
        "(a.example",
        "a\\",
    ),
    *("\\*.example", "\\052.example", "a\\.example", "a..example", "-.-", "example"),
    *("a/other.example", "/#/", "a.example/\nserver=/other.example/192.0.2.66", "conf-file=/x"),
    *('a.example" redirect\nlocal-zone: "other.example', "a.example\0", "\u202eother.example"),
    *("x" * 64 + ".example", ".".join(["a" * 63] * 4) + ".example", "bücher.example"),
)
HOSTILE = [Indicator(IndicatorType.DOMAIN, name) for name in (*_TRIGGERS, *_SYNTAX)]

BLOCKED = [
    parse(IndicatorType.DOMAIN, name)
    for name in (
        *("evil.example", "sub.bad.example", "dröhte.example", "xn--a.example", "faß.example"),
        *("_dmarc.bad.example", "a_b.example", "_.example", "under_score_.example"),
        *("foo-.example", "x.-y.example", "-o.example", "--help.example", "-.example"),
        *("x" * 63 + ".example", ".".join(["b" * 49] * 4)),
        *("123.example", "0x7f.example", "192.0.2.1.example", "1.0.0.0.0.example"),
        # They look like parts of a zone, and are names as any other.
        *("soa.example", "in.example", "cname.example", "ns.example", "ttl.in.example"),
        *("rpz-ip.bad.example", "rpz-passthru.example", "1.0.0.0.0.rpz-client-ip.bad.example"),
        *(ZONE, f"evil.example.{ZONE}", "localhost.example", "address.example", "server.example"),
    )
]
# Too long for a zone, whose name is added to them.
LONG = [
    parse(IndicatorType.DOMAIN, name)
    for name in (".".join(["c" * 61] * 4) + ".exam", ".".join(["d" * 50] * 4))
]
# No list may change anything for these.
OTHERS = (
    *("ordinary.example", "other.example", "example", "www.example", "a.example", "b.example"),
    *("www.evil.example", "bad.example", "www.bad.example", "dmarc.bad.example", "y.example"),
    *("o.example", "help.example", "xn--bcher-kva.example", "rpz-drop.example", "ip.example"),
    *("com", "google.example.com", "www.org", "x" * 62 + ".example", "d.d.d.d.d"),
    *("bad.example.org", "evil.example.org", "client-ip", "passwd", "x.y.z.w"),
)
