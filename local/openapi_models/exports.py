"""What the API answers of exports, for its description."""

from typing import Any, Literal

from pydantic import Field

from local.openapi_models.v4 import ResponseBody, Time


class ExportFile(ResponseBody):
    """A file of the exports."""

    name: str = Field(description="Its path below /v4/exports.")
    size: int = Field(description="In bytes.", ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    media_type: str


class Exports(ResponseBody):
    """What was exported; docs/exports.md has the formats."""

    built: Time = Field(description="Whatever was stored before is in it.")
    count: int = Field(description="Indicators.", ge=0)
    files: list[ExportFile]


class ExportLink(ResponseBody):
    """Where a file of the exports is."""

    url: str = Field(pattern="^https?://")


class TaxiiDiscovery(ResponseBody):
    """Which API roots there are."""

    title: str
    default: str
    api_roots: list[str] = Field(min_length=1)


class TaxiiApiRoot(ResponseBody):
    """The API root."""

    title: str
    versions: list[Literal["application/taxii+json;version=2.1"]]
    max_content_length: int = Field(ge=0)


class TaxiiCollection(ResponseBody):
    """The collection."""

    id: str
    title: str
    description: str
    can_read: bool
    can_write: bool
    media_types: list[Literal["application/stix+json;version=2.1"]]


class TaxiiCollections(ResponseBody):
    """All collections."""

    collections: list[TaxiiCollection]


class TaxiiEnvelope(ResponseBody):
    """A page of STIX objects; empty when there are none."""

    more: bool = Field(default=False, description="Whether others come after these.")
    next: str = Field(default="", description="Where they begin.")
    objects: list[dict[str, Any]] = Field(default_factory=list)


class TaxiiRecord(ResponseBody):
    """What is told of an object."""

    id: str
    date_added: Time
    version: Time
    media_type: Literal["application/stix+json;version=2.1"]


class TaxiiManifest(ResponseBody):
    """A page of what is told of objects; empty when there are none."""

    more: bool = Field(default=False, description="Whether others come after these.")
    next: str = Field(default="", description="Where they begin.")
    objects: list[TaxiiRecord] = Field(default_factory=list)


class TaxiiVersions(ResponseBody):
    """The versions of an object; empty when none of them is asked for."""

    more: bool = Field(default=False, description="Whether there are others.")
    versions: list[Time] = Field(default_factory=list)


class TaxiiError(ResponseBody):
    """What went wrong."""

    title: str
    error_code: str
    http_status: str
