"""Providers as declarations: the shipped catalog, and what makes a declaration valid.

docs/providers.md explains the fields to people.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError
from pydantic.dataclasses import dataclass

from shared.domain.indicator import IndicatorType
from shared.domain.links import is_web_address
from shared.domain.provider import SANDBOX_PROVIDER, ListingStatus
from shared.formats.lists.errors import DeclarationError
from shared.formats.lists.options import OPTIONS, Interval, Options, seconds

CATALOG = Path(__file__).with_name("catalog.toml")
# The format of a provider that has no list, and is asked at look-up time.
ON_DEMAND = "api"
PLACEHOLDER = "{value}"

_Model = TypeVar("_Model", bound=Options)
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_Text = Annotated[StrictStr, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Declaration:
    """One provider.

    Attributes:
        id: its name in the store and in settings.
        name: its name in `sources`.
        types: types of indicators that it covers.
        address: of its list, or with `{value}` in it of its API; https.
        every: time between refreshes, such as `1h`.
        licence: note for people.
        more: addresses of further documents of the same list, on the same host.
        assessment, category: of an entry that has none of its own; without an assessment clients
            would not see that something is listed.
        key: whether an API key is needed; it is sent in the header `key_header`.
        stance: whether the list names what is bad or what is to be trusted.
        min_entries: a list of fewer is refused; 0 allows an empty one.
        options: of the format, see `shared.formats.lists.options`.
    """

    id: StrictStr
    name: Annotated[_Text, Field(min_length=1)]
    types: Annotated[frozenset[IndicatorType], Field(min_length=1)]
    address: StrictStr
    format: StrictStr
    every: Interval
    licence: Annotated[StrictStr, Field(min_length=1)]
    more: tuple[StrictStr, ...] = ()
    assessment: _Text = ""
    category: _Text = ""
    key: StrictBool = False
    key_header: StrictStr = "X-Api-Key"
    stance: Literal["listed", "trusted"] = "listed"
    min_entries: Annotated[StrictInt, Field(ge=0)] = 1
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise self.error("id", "not 1 to 32 lower-case letters, digits and hyphens")
        if self.format not in OPTIONS:
            raise self.error("format", f"not one of {', '.join(OPTIONS)}")
        for name, addresses in (("address", (self.address,)), ("more", self.more)):
            if not all(map(_is_address, addresses)):
                raise self.error(name, "not an http or https address")
        if any(urlsplit(one)[:2] != urlsplit(self.address)[:2] for one in self.more):
            raise self.error("more", "on another scheme or host than the address")
        if (PLACEHOLDER in self.address) is not (self.format == ON_DEMAND):
            raise self.error("address", f"{PLACEHOLDER} stands in that of an API, and only there")
        if not self.assessment and self.stance == "listed":
            raise self.error("assessment", "a list of what is bad needs one")
        if not _HEADER.fullmatch(self.key_header):
            raise self.error("key_header", "not the name of a header")
        try:
            OPTIONS[self.format].model_validate(self.options)
        except ValidationError as error:
            raise _told(self.id, error, "options") from None

    @property
    def every_s(self) -> int:
        """Seconds between refreshes."""
        return seconds(self.every)

    @property
    def on_demand(self) -> bool:
        """Whether it is asked at look-up time, in place of having a list."""
        return self.format == ON_DEMAND

    @property
    def listing_status(self) -> ListingStatus:
        """What it means to be on the list."""
        return ListingStatus.TRUSTED if self.stance == "trusted" else ListingStatus.LISTED

    def read_options(self, model: type[_Model]) -> _Model:
        """The options, as the model of the format has them."""
        return model.model_validate(self.options)

    def error(self, name: str, reason: str) -> DeclarationError:
        """An error that says what is wrong with a field."""
        return DeclarationError(f"{self.id}: {name}: {reason}")


def load_catalog(path: Path = CATALOG, *, plain_http: bool = False) -> Mapping[str, Declaration]:
    """Read the declarations of a file, by id and in its order.

    Args:
        plain_http: whether addresses may do without TLS, for local use.

    Raises:
        DeclarationError: one of them, or the file, is not valid.
    """
    return read_catalog(path.read_text(encoding="utf-8"), plain_http=plain_http)


def read_catalog(text: str, *, plain_http: bool = False) -> Mapping[str, Declaration]:
    """Read declarations in TOML: one table a provider, named by its id.

    Raises:
        DeclarationError: one of them, or the text, is not valid.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"the catalog is not TOML: {error}") from None
    catalog: dict[str, Declaration] = {}
    names: dict[str, str] = {SANDBOX_PROVIDER.casefold(): "the sandbox"}
    for provider, table in tables.items():
        one = _declaration(provider, table)
        # So are the addresses in `more`, which have the same scheme.
        if not (plain_http or one.address.startswith("https:")):
            raise one.error("address", "not an https address")
        other = names.setdefault(one.name.casefold(), provider)
        if other != provider:
            raise one.error("name", f"{other} has the same")
        catalog[provider] = one
    return catalog


def _declaration(provider: str, table: object) -> Declaration:
    if not isinstance(table, dict):
        raise DeclarationError(f"{provider}: not a table")
    if "id" in table:
        raise DeclarationError(f"{provider}: id: it is the name of the table")
    try:
        return Declaration(id=provider, **table)
    except ValidationError as error:
        raise _told(provider, error) from None


def _told(provider: str, error: ValidationError, within: str = "") -> DeclarationError:
    first = error.errors(include_url=False, include_input=False)[0]
    path = [within, *map(str, first["loc"])] if within else [str(part) for part in first["loc"]]
    return DeclarationError(f"{provider}: {'.'.join(path)}: {first['msg']}")


def _is_address(address: str) -> bool:
    return address.isascii() and not re.search(r"[\x00- ]", address) and is_web_address(address)
