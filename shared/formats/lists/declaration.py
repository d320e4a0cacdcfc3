"""Declarations of providers: their model, and the reader of the catalog.

docs/providers.md explains the fields to operators.
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
# Format of an on-demand provider, which has no list.
ON_DEMAND = "api"
PLACEHOLDER = "{value}"

_Model = TypeVar("_Model", bound=Options)
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_Text = Annotated[StrictStr, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Declaration:
    """The declaration of one provider.

    Attributes:
        id: its name in the store and in settings.
        name: its name in `sources`.
        types: indicator types that it covers.
        address: address of its list, or of its API with `{value}` in it.
        every: time between refreshes, such as `1h`.
        licence: note for operators.
        more: addresses of further documents of the same list, on the same host.
        assessment, category: defaults for entries without one; clients recognise a listed
            indicator by its assessment.
        key: whether the provider needs an API key, sent in the header `key_header`.
        stance: `listed` for a blocklist, `trusted` for an allowlist.
        effect: of an allowlist: `overrule` if its entries are never called bad, `note` if they
            only get a row; None if they count as a verdict of BENIGN.
        min_entries: a list with fewer entries is refused; 0 allows an empty one.
        options: options of the format, see `shared.formats.lists.options`.
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
    effect: Literal["overrule", "note"] | None = None
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
            raise self.error(
                "address", f"{PLACEHOLDER} is required for an API, and not allowed else"
            )
        if self.stance == "listed":
            self._check_blocklist()
        if not _HEADER.fullmatch(self.key_header):
            raise self.error("key_header", "not the name of a header")
        try:
            OPTIONS[self.format].model_validate(self.options)
        except ValidationError as error:
            raise _declaration_error(self.id, error, "options") from None

    def _check_blocklist(self) -> None:
        if not self.assessment:
            raise self.error("assessment", "a blocklist needs one")
        if self.effect:
            raise self.error("effect", "only an allowlist has one")

    @property
    def every_s(self) -> int:
        """Seconds between refreshes."""
        return seconds(self.every)

    @property
    def on_demand(self) -> bool:
        """Whether a look-up asks its API, because it publishes no list."""
        return self.format == ON_DEMAND

    @property
    def listing_status(self) -> ListingStatus:
        """The listing status of an indicator on the list."""
        return ListingStatus.TRUSTED if self.stance == "trusted" else ListingStatus.LISTED

    def read_options(self, model: type[_Model]) -> _Model:
        """Return the options as the model of the format."""
        return model.model_validate(self.options)

    def error(self, name: str, reason: str) -> DeclarationError:
        """Build an error about a field."""
        return DeclarationError(f"{self.id}: {name}: {reason}")


def load_catalog(path: Path = CATALOG, *, plain_http: bool = False) -> Mapping[str, Declaration]:
    """Read the declarations of a file, by id, in the order of the file.

    Args:
        plain_http: whether addresses without TLS are allowed, for local use.

    Raises:
        DeclarationError: the file or a declaration is not valid.
    """
    return read_catalog(path.read_text(encoding="utf-8"), plain_http=plain_http)


def read_catalog(text: str, *, plain_http: bool = False) -> Mapping[str, Declaration]:
    """Read declarations in TOML: one table per provider, named by its id.

    Raises:
        DeclarationError: the text or a declaration is not valid.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"the catalog is not TOML: {error}") from None
    catalog: dict[str, Declaration] = {}
    names: dict[str, str] = {SANDBOX_PROVIDER.casefold(): "the sandbox"}
    for provider, table in tables.items():
        one = _declaration(provider, table)
        # The addresses in `more` have the same scheme.
        if not (plain_http or one.address.startswith("https:")):
            raise one.error("address", "not an https address")
        other = names.setdefault(one.name.casefold(), provider)
        if other != provider:
            raise one.error("name", f"{other} has the same name")
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
        raise _declaration_error(provider, error) from None


def _declaration_error(provider: str, error: ValidationError, within: str = "") -> DeclarationError:
    first = error.errors(include_url=False, include_input=False)[0]
    path = [within, *map(str, first["loc"])] if within else [str(part) for part in first["loc"]]
    return DeclarationError(f"{provider}: {'.'.join(path)}: {first['msg']}")


def _is_address(address: str) -> bool:
    return address.isascii() and not re.search(r"[\x00- ]", address) and is_web_address(address)
