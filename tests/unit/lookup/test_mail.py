"""Searches in a mail: transfer encodings are undone before anything is looked for."""

import sys
import time
from base64 import b64encode
from email.message import EmailMessage

import pytest

from shared.domain.extract import extract
from shared.formats.mail import MAX_NESTED, MAX_PARTS, read_mail


def found(raw: bytes) -> list[str]:
    return [one.indicator.value for one in extract(read_mail(raw)).found]


def mail(encoding: str, body: bytes, kind: str = "text/plain; charset=utf-8") -> bytes:
    head = f"Subject: x\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            mail("base64", b64encode(b"see http://evil.example/x and 192.0.2.1")),
            ["http://evil.example/x", "192.0.2.1"],
        ),
        (
            mail(
                "quoted-printable",
                b'<a href=3D"http://evil.example/?a=3D1&amp;b=3D=C3=A4">x</a>',
                "text/html; charset=utf-8",
            ),
            ["http://evil.example/?a=1&b=%C3%A4"],
        ),
        (mail("quoted-printable", b"http://evil.exa=\nmple/a=3D3D"), ["http://evil.example/a=3D"]),
        (
            mail(
                "8bit", "http://evil.example/\u00e4".encode("latin-1"), "text/plain; charset=latin1"
            ),
            ["http://evil.example/%C3%A4"],
        ),
        (mail("base64", b"not base64 evil.example"), []),
        (mail("7bit", b"evil.example", 'text/plain; charset="nothing"'), ["evil.example"]),
        (mail("7bit", b"evil.example", "text/plain; charset=punycode"), ["evil.example"]),
        (b"Subject: =?utf-8?B?" + b64encode(b"evil.example") + b"?=\n\n", ["evil.example"]),
        (b"Subject: =?nothing?B?x?= evil.example\n\n", ["evil.example"]),
        (
            b"Subject: =?utf-8?Q?evil=C3?=\n =?UTF-8*en?B?"
            + b64encode(b"\xa4.example")
            + b"?=\n\n",
            ["xn--evil-ooa.example"],
        ),
        (b"Content-Type: text/plain; charset*; charset*0=a\n\nevil.example", ["evil.example"]),
        (b"", []),
    ],
)
def test_what_is_found_in_a_mail(raw: bytes, expected: list[str]) -> None:
    assert found(raw) == expected


def test_parts_and_attached_mails_are_read_and_other_attachments_are_not() -> None:
    inner = EmailMessage()
    inner["Subject"] = "forwarded"
    inner.set_content("http://inner.example/")
    outer = EmailMessage()
    outer["Received"] = "from mx.evil.example (192.0.2.9)"
    outer.set_content("http://plain.example/")
    outer.add_alternative('<a href="http://html.example/">x</a>', subtype="html", cte="base64")
    outer.add_attachment(inner)
    outer.add_attachment(b"http://binary.example/", maintype="application", subtype="pdf")
    assert found(outer.as_bytes()) == [
        "mx.evil.example",
        "192.0.2.9",
        "http://plain.example/",
        "http://html.example/",
        "http://inner.example/",
    ]


def nested(depth: int, lines: int) -> bytes:
    head = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)
    )
    return head + b"evil.example\n" * lines


def test_a_mail_in_too_many_parts_is_read_as_text() -> None:
    assert found(nested(MAX_NESTED + 1, 1))[-1] == "evil.example"
    assert found(nested(sys.getrecursionlimit() * 2, 1))[-1] == "evil.example"


@pytest.mark.parametrize(
    "raw",
    [
        nested(MAX_NESTED + 1, 1).replace(b"boundary=", b"boundary*=utf-8''"),
        b"Content-Type: message/rfc822\n\n" * sys.getrecursionlimit() + b"evil.example",
        b"Content-Type: multipart/digest; boundary=a\n\n"
        + b"--a\n\n" * MAX_PARTS
        + b"evil.example",
        b"A:\n" * 20_000 + b"\nevil.example",
    ],
)
def test_a_mail_beyond_a_limit_is_read_as_text(raw: bytes) -> None:
    assert read_mail(raw) == raw.decode()


@pytest.mark.parametrize(
    "make",
    [
        lambda n: b"Subject: " + b"=?a?q?" * n + b"\n\n",
        lambda n: b"Subject: =?punycode?q?" + b"a" * n + b"?=\n\n",
        lambda n: b'Content-Type: text/plain; a="' + b";" * n + b"\n\nx",
        lambda n: (
            b"Content-Type: multipart/mixed; "
            + b"".join(b"boundary*%d=a; " % one for one in range(n))
            + b"\n\nx"
        ),
        lambda n: nested(MAX_NESTED, n),
        lambda n: b"Subject: " + b"=?utf-8?q?a?= " * n + b"\n\n",
        lambda n: b"A: b\n" * n + b"\n",
        lambda n: b"Content-Type: text/plain; " + b'a="b"; ' * n + b"\n\nevil.example",
        lambda n: b"Content-Type: " + b'"' * n + b"\n\nevil.example",
        lambda n: mail("quoted-printable", b"=" * n),
        lambda n: mail("base64", b"A\n" * n),
    ],
)
def test_hostile_mails_take_time_in_proportion(make: object) -> None:
    def cpu(n: int) -> float:
        raw = make(n)  # type: ignore[operator]
        begun = time.process_time()
        read_mail(raw)
        return time.process_time() - begun

    cpu(1000)
    least = [min(cpu(n) for _ in range(3)) for n in (5_000, 20_000)]
    assert least[1] < 12 * least[0] + 0.05
