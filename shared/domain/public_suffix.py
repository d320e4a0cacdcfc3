"""Public suffixes: the names below which anyone can register a name, such as `com` or `github.io`.

The list is the package `publicsuffixlist`, with its private section. It takes some 70 ms and 5 MB
to load, so it is loaded at the first call.
"""

from functools import cache
from typing import TYPE_CHECKING

from shared.domain.indicator import Indicator, IndicatorType

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

# With its own item, a look-up of a name reads four items of half a unit each.
MAX_PARENTS = 3


@cache
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - see above

    return PublicSuffixList()


def is_public_suffix(domain: str) -> bool:
    """Whether a domain in canonical form is a public suffix, of the private section too.

    Example:
        >>> is_public_suffix("github.io"), is_public_suffix("evil.github.io")
        (True, False)
    """
    return bool(_suffixes().is_public(domain))


def parents(domain: Indicator, most: int = MAX_PARENTS) -> tuple[Indicator, ...]:
    """Return the names above a domain that have the same owner: the registrable name comes first.

    They are the `most` shortest ones. A registrable name and a public suffix have none.

    Example:
        >>> [one.value for one in parents(Indicator(IndicatorType.DOMAIN, "a.b.example.co.uk"))]
        ['example.co.uk', 'b.example.co.uk']
    """
    value = domain.value
    registrable = _suffixes().privatesuffix(value)
    if not registrable or registrable == value:
        return ()
    labels = value.removesuffix(f".{registrable}").split(".")
    names = [registrable]
    while len(names) < min(len(labels), most):
        names.append(f"{labels[-len(names)]}.{names[-1]}")
    return tuple(Indicator(IndicatorType.DOMAIN, name) for name in names)
