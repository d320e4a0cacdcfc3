"""Hostile inputs: JSON values, Atom entries and lines of a given size, made to cost much."""

from collections.abc import Callable, Mapping

Build = Callable[[int], bytes]

HEAD = b'<feed xmlns="http://www.w3.org/2005/Atom"><link rel="next" href="?page=2"/>'
_ENTRY = (
    b'<entry><id>urn:1</id><link href="/uploads/flow-1"/><updated>2025-06-01T08:00:00Z</updated>'
    b'<content type="application/xml">%s</content></entry>'
)
DATE = b"2025-06-01T08:00:00Z"


def many(one: bytes, size: int, most: int = 2**40) -> bytes:
    """Repeat a piece up to a size."""
    return one * min(most, size // len(one))


def numbered(pattern: bytes, size: int, most: int = 2**40) -> bytes:
    """Repeat a pattern with another number each time."""
    first = 10**6
    last = first + min(most, size // len(pattern % first))
    return b"".join(pattern % one for one in range(first, last))


def array(items: bytes) -> bytes:
    """A JSON array of items that each end with a comma."""
    return b"[" + items + b"0]"


def _iocs(inner: bytes) -> bytes:
    return _ENTRY % (b"<details><iocs>%s</iocs></details>" % inner)


# A JSON value of about a size. Those with a limit are the largest that the limits of a page allow.
VALUES: Mapping[str, Build] = {
    "nested lists": lambda size: b"[" * (size // 2) + b"]" * (size // 2),
    "nested objects": lambda size: many(b'{"a":', size // 2) + b"0" + many(b"}", size // 12),
    "empty lists": lambda size: array(many(b"[],", size)),
    "empty objects": lambda size: array(many(b"{},", size)),
    "zeros": lambda size: array(many(b"0,", size)),
    "short strings": lambda size: array(numbered(b'"%d",', size)),
    "quotes": lambda size: b'"' + many(b'\\"', size) + b'"',
    "one long string": lambda size: b'"' + b"a" * size + b'"',
    "one long number": lambda size: b"9" * size,
    "numbers of 4,000 digits": lambda size: array(many(b"9" * 4_000 + b",", size)),
    "one key again and again": lambda size: b"{" + many(b'"a":1,', size) + b'"a":1}',
    "only quotes": lambda size: b'"' * size,
    "empty objects, as many as allowed": lambda size: array(many(b"{},", size, 799_000)),
    "objects with a key, as many as allowed": lambda size: array(
        numbered(b'{"%d":0},', size, 790_000)
    ),
    "short strings, as many as allowed": lambda size: array(numbered(b'"%d",', size, 2_990_000)),
    "numbers, as many as allowed": lambda size: array(numbered(b"%d,", size, 2_990_000)),
    "emoji, as many as allowed": lambda size: array(
        many('"\U0001f600",'.encode(), size, 2_990_000)
    ),
    "keys, as many as allowed": lambda size: (
        b"{" + numbered(b'"%d":0,', size, 1_490_000) + b'"a":0}'
    ),
}

# Records of a page that are valid or almost.
_REPORT = b'{"flow_id":"%d","date":"' + DATE + b'","iocs":{}},'
_TAGS = b'"tags":[' + b",".join(b'"%032d"' % one for one in range(32)) + b"]"


def _report(fields: bytes, iocs: bytes) -> bytes:
    return b'[{"flow_id":"f","date":"%s",%s"iocs":{%s}}]' % (DATE, fields, iocs)


RECORDS: Mapping[str, Build] = {
    "tiny records": lambda size: array(many(b"0,", size, 620_000)),
    "reports without IOCs": lambda size: array(numbered(_REPORT, size, 100_000)),
    "IOCs that are not objects": lambda size: _report(b"", b'"ip":' + array(many(b"0,", size))),
    "IOCs that are not valid": lambda size: _report(
        b"", b'"ip":[' + many(b'{"data":"x","verdict":"BENIGN"},', size, 590_000) + b"{}]"
    ),
    "32 tags and many names": lambda size: _report(
        _TAGS + b",",
        b'"domain":['
        + numbered(b'{"data":"a%d.example","verdict":"BENIGN","tags":["%%d"]},', size, 200_000)
        + b"{}]",
    ),
    "long names of types": lambda size: _report(b"", b'"%s":[]' % (b"a" * 4_000_000)),
    "URLs of slashes and percent signs": lambda size: _report(
        b"",
        b'"url":['
        + many(
            b'{"data":"http://a.example/%s","verdict":"BENIGN"},' % (b"%/../" * 1_600),
            size,
            2_000,
        )
        + b"{}]",
    ),
    "names of many labels in IDNA": lambda size: _report(
        b"",
        b'"domain":['
        + many(b'{"data":"%s","verdict":"BENIGN"},' % ("ü." * 120).encode(), size, 20_000)
        + b"{}]",
    ),
}

ENTRIES: Mapping[str, Build] = {
    "author": lambda size: b"<author>" + b"a" * size + b"</author>",
    "authors": lambda size: many(b"<author>a@" + b"a" * 1000 + b"</author>", size),
    "deep nesting": lambda size: many(b"<a>", size // 2) + many(b"</a>", size // 2),
    "elements": lambda size: many(b"<a/>", size),
    "names of elements": lambda size: numbered(b"<a%d/>", size),
    "long names of elements": lambda size: numbered(b"<a%d" + b"a" * 200_000 + b"/>", size),
    "attributes of one element": lambda size: b"<a " + numbered(b' a%d=""', size) + b"/>",
    "attributes of many": lambda size: numbered(b'<a a%d=""/>', size),
    "long attribute": lambda size: b'<a a="' + b"a" * size + b'"/>',
    "namespaces": lambda size: numbered(b'<a xmlns:a%d="urn:a"/>', size),
    "long namespace": lambda size: (
        b'<a xmlns="' + b"a" * 200_000 + b'">' + many(b"<b/>", size) + b"</a>"
    ),
    "text": lambda size: b"<a>" + b"a" * size + b"</a>",
    "text of emoji and letters": lambda size: (
        b"<a>" + "\U0001f600".encode() + b"a" * size + b"</a>"
    ),
    "line feeds": lambda size: b"<a>" + b"\n" * size + b"</a>",
    "references": lambda size: b"<a>" + many(b"&#38;", size) + b"</a>",
    "CDATA": lambda size: b"<a>" + many(b"<![CDATA[a]]>", size) + b"</a>",
    "comment": lambda size: b"<!--" + b"a" * size + b"-->",
    "processing instructions": lambda size: many(b"<?a a?>", size),
    "empty IOCs": lambda size: _iocs(b"<ips>" + many(b"<value/>", size) + b"</ips>"),
    "empty containers": lambda size: _iocs(many(b"<ips/>", size)),
    "IOCs": lambda size: _iocs(
        numbered(b"<value><ip>::%d</ip><verdict>BENIGN</verdict></value>", size)
    ),
    "IOCs of unknown types": lambda size: _iocs(numbered(b"<a>%d.example</a>", size)),
    "digests and metadata": lambda size: _iocs(
        b"<value>" + numbered(b"<md5/><b%d/><md5>a</md5>", size) + b"</value>"
    ),
    "escaped elements": lambda size: _ENTRY % (b"<![CDATA[" + many(b"<a/>", size) + b"]]>"),
    "JSON": lambda size: _ENTRY % (b"<![CDATA[{" + b'"a":[' + many(b"{},", size) + b"0]}]]>"),
    "base64 of short words": lambda size: (
        _ENTRY.replace(b"/xml", b"/json") % many(b"ab ", min(size, 15_000_000))
    ),
    "entries": lambda size: many(_ENTRY % b"<iocs/>", size),
    "entries without content": lambda size: many(b"<entry/>", size),
    "links without a scan": lambda size: many(
        b'<entry><id>urn:1</id><link href="/a"/></entry>', size
    ),
}

LINES: Mapping[str, Build] = {
    "one long line": lambda size: b"a" * size,
    "short lines": lambda size: many(b"a\n", size),
    "empty lines": lambda size: b"\n" * size,
    "quotes": lambda size: many(b'"', size),
    "commas": lambda size: many(b",", size),
    "lines of quotes and commas": lambda size: many(b'"",' * 1_000 + b"\n", size),
    "names of many labels": lambda size: many(b"a." * 126 + b"com\n", size),
    "names in IDNA": lambda size: many(("ü" * 60 + ".example\n").encode(), size),
}

_MULTIPART = b"Content-Type: multipart/%s; boundary=%s\n\n"
MAILS: Mapping[str, Build] = {
    "empty parts": lambda size: _MULTIPART % (b"mixed", b"a") + many(b"--a\n\n", size),
    "as many parts as allowed": lambda size: (
        _MULTIPART % (b"mixed", b"a")
        + many(b'--a\nContent-Type: text/plain; a="' + b";" * 500 + b"\n\n\n", size, 990)
    ),
    "lines in nested multiparts": lambda size: (
        b"".join(_MULTIPART % (b"mixed", b"b%d" % n) + b"--b%d\n" % n for n in range(20))
        + many(b"--\n", size)
    ),
    "multiparts with boundaries in parts": lambda size: many(
        b"Content-Type: multipart/mixed; boundary*0=a\n\n--a\n", size
    ),
    "mails in mails": lambda size: many(b"Content-Type: message/rfc822\n\n", size),
    "headers": lambda size: many(b"a:\n", size) + b"\n",
    "a folded header": lambda size: b"a: b\n" + many(b" a\n", size) + b"\n",
    "parameters": lambda size: b'Content-Type: text/plain; a="' + b";" * size + b"\n\n",
    "numbered parameters": lambda size: (
        b"Content-Type: multipart/mixed; " + numbered(b"boundary*%d=a; ", size) + b"\n\n"
    ),
    "encoded words": lambda size: b"Subject: " + many(b"=?utf-8?q?a?= ", size) + b"\n\n",
    "encoded words without an end": lambda size: b"Subject: " + many(b"=?a?q?", size) + b"\n\n",
    "punycode": lambda size: b"Subject: =?punycode?q?" + b"a" * size + b"?=\n\n",
    "uuencode": lambda size: (
        b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n" + many(b"!a\n", size)
    ),
}


def page(value: bytes) -> bytes:
    """A feed page in JSON whose items are a value."""
    return b'{"items":' + value + b',"next":"?page=2"}'


def atom_page(entries: bytes) -> bytes:
    """A feed page in Atom."""
    return HEAD + entries + b"</feed>"


def scan(value: bytes) -> bytes:
    """A scan report with a value among its resources."""
    return (
        b'{"flowId":"a1","allFinished":true,"reports":{"r1":{"created_date":"06/01/2025, 08:00:00",'
        b'"finalVerdict":{"verdict":"BENIGN"},"iocs":{"ip":[{"data":"192.0.2.1","verdict":"BENIGN"}]},'
        b'"resources":{"a":{"digests":{},"results":' + value + b"}}}}}"
    )


def scan_of_iocs(value: bytes) -> bytes:
    """A scan report of one report, which the items of a page are."""
    iocs = value[value.index(b'"iocs":') : -2]
    return (
        b'{"flowId":"a1","allFinished":true,"reports":{"r1":{"created_date":"06/01/2025, 08:00:00",'
        + iocs
        + b"}}}"
    )
