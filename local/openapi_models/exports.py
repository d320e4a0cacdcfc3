"""Models of the answers of the exports and of TAXII, for the OpenAPI document."""

from typing import Any, Literal

from pydantic import Field

from local.openapi_models.v4 import IndicatorName, ResponseBody, Time, Verdict


class ExportFile(ResponseBody):
    """An exported file."""

    name: str = Field(description="Path below /v4/exports.")
    size: int = Field(description="Size in bytes.", ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    media_type: str


class Exports(ResponseBody):
    """The exported files; docs/exports.md describes the formats."""

    built: Time = Field(
        description="Time of the export. It contains all indicators that were stored before."
    )
    count: int = Field(description="Number of indicators.", ge=0)
    files: list[ExportFile]


class ExportLink(ResponseBody):
    """A link to an exported file."""

    url: str = Field(pattern="^https?://")


class ListedIndicator(ResponseBody):
    """An indicator of the exported list, as of its last change."""

    type: IndicatorName
    value: str
    verdict: Verdict
    score_step: Literal[0, 25, 50, 75] = Field(description="The step that its score reaches.")
    valid_until: Time | Literal[""] = Field(description="End of its validity, empty for none.")
    first_seen: Time
    last_seen: Time
    scan_count: int = Field(ge=0)
    tags: list[str]


class RemovedIndicator(ResponseBody):
    """An indicator that the list does not hold, or that does not fit the filter."""

    type: IndicatorName
    value: str


class Changes(ResponseBody):
    """Changes of the exported list."""

    added: list[ListedIndicator] = Field(
        description="Indicators to add, or to replace by type and value."
    )
    removed: list[RemovedIndicator] = Field(
        description="Indicators to remove; some of them the client may never have had."
    )
    cursor: str = Field(description="The parameter `since` of the next request.")
    more: bool = Field(description="Whether more changes follow at once.")


class TaxiiDiscovery(ResponseBody):
    """The TAXII API roots."""

    title: str
    default: str
    api_roots: list[str] = Field(min_length=1)


class TaxiiApiRoot(ResponseBody):
    """The TAXII API root."""

    title: str
    versions: list[Literal["application/taxii+json;version=2.1"]]
    max_content_length: int = Field(ge=0)


class TaxiiCollection(ResponseBody):
    """The TAXII collection."""

    id: str
    title: str
    description: str
    can_read: bool
    can_write: bool
    media_types: list[Literal["application/stix+json;version=2.1"]]


class TaxiiCollections(ResponseBody):
    """All TAXII collections."""

    collections: list[TaxiiCollection]


class TaxiiEnvelope(ResponseBody):
    """A page of STIX objects, possibly empty."""

    more: bool = Field(default=False, description="Whether more objects follow.")
    next: str = Field(default="", description="Cursor of the next page.")
    objects: list[dict[str, Any]] = Field(default_factory=list)


class TaxiiRecord(ResponseBody):
    """The manifest record of a STIX object."""

    id: str
    date_added: Time
    version: Time
    media_type: Literal["application/stix+json;version=2.1"]


class TaxiiManifest(ResponseBody):
    """A page of manifest records, possibly empty."""

    more: bool = Field(default=False, description="Whether more objects follow.")
    next: str = Field(default="", description="Cursor of the next page.")
    objects: list[TaxiiRecord] = Field(default_factory=list)


class TaxiiVersions(ResponseBody):
    """The versions of an object; empty if none matches the query."""

    more: bool = Field(default=False, description="Whether more versions follow.")
    versions: list[Time] = Field(default_factory=list)


class TaxiiError(ResponseBody):
    """A TAXII error."""

    title: str
    error_code: str
    http_status: str
