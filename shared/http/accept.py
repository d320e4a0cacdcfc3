"""Reading of the headers `Accept` and `Accept-Encoding` (RFC 9110, section 12.5)."""

from typing import NamedTuple


class Range(NamedTuple):
    """One of the choices in a header.

    Attributes:
        name: a media type, a coding or a range of them, in lower case.
        parameters: such as `version=2.1`, without quotes and without the weight.
        weight: 1.0 unless the header has one; 0.0 refuses, as does a weight that is not a number.
    """

    name: str
    parameters: tuple[str, ...]
    weight: float


def read_accept(header: str) -> list[Range]:
    """The choices of a header, in its order."""
    ranges = []
    for part in header.lower().replace(" ", "").replace("\t", "").split(","):
        if not part:
            continue  # RFC 9110, 5.6.1.2
        # A parameter in quotes means the same as without them (RFC 9110, section 5.6.6).
        name, *parameters = part.replace('"', "").split(";")
        weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        others = tuple(one for one in parameters if not one.startswith("q="))
        ranges.append(Range(name, others, _number(weight)))
    return ranges


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
