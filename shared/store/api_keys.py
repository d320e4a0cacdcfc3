"""API keys; the table stores only their SHA-256.

key#<digest>  name           of its holder
              created        milliseconds since the epoch
              disabled       whether requests with it are refused
              expires        end of its validity, milliseconds since the epoch; 0 for never
              daily_limit    look-ups in a day, UTC; 0 for no limit
              minute_limit   look-ups in a minute; 0 for no limit
              rights         what it may do, a set of names of `Right`
An absent attribute has the default of `ApiKey`. A key from before there were rights has `publish`
in place of `rights`: whether it may publish besides looking up and exporting.

key-change#<time>#<random>
              action         create, disable, enable, expire, limit, rights or delete
              name           of the key's holder
              key            first characters of the key's digest
              by             who changed it
              at             milliseconds since the epoch
Changes are kept for good, also those of deleted keys.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.store.client import Table, store_errors
from shared.store.keys import api_key_key, key_change_key

# The limit that the vendor grants.
DEFAULT_DAILY_LIMIT = 4000
NO_LIMIT = 0
NEVER = 0
_KEY_BYTES = 16
_SHORT = 12


class Right(StrEnum):
    """What a key may do. Each route needs one right or none."""

    LOOKUP = "lookup"  # look indicators up
    PUBLISH = "publish"  # send scan reports, which change the answers for all clients
    EXPORT = "export"  # read everything: exports, TAXII, the filter, the feed, recent IOCs
    ANNOTATE = "annotate"  # change verdicts by hand


DEFAULT_RIGHTS = frozenset({Right.LOOKUP, Right.EXPORT})
ALL_RIGHTS = frozenset(Right)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The stored record of an API key.

    Attributes:
        digest: SHA-256 of the key in hexadecimal.
        name: of its holder.
        created: milliseconds since the epoch.
        disabled: whether requests with it are refused.
        expires: end of its validity, milliseconds since the epoch; `NEVER` for never.
        daily_limit: look-ups in a day, UTC; `NO_LIMIT` for no limit.
        minute_limit: look-ups in a minute; `NO_LIMIT` for no limit.
        rights: what requests with it may do.
    """

    digest: str
    name: str
    created: int = 0
    disabled: bool = False
    expires: int = NEVER
    daily_limit: int = DEFAULT_DAILY_LIMIT
    minute_limit: int = NO_LIMIT
    rights: frozenset[Right] = DEFAULT_RIGHTS

    @property
    def short_digest(self) -> str:
        """The first characters of the digest; they identify the key and do not reveal it."""
        return self.digest[:_SHORT]

    def expired(self, now: int) -> bool:
        """Whether the key has expired at `now`, milliseconds since the epoch."""
        return self.expires != NEVER and self.expires <= now

    def is_valid(self, now: int) -> bool:
        """Whether requests with the key are accepted at `now`, milliseconds since the epoch."""
        return not self.disabled and not self.expired(now)


def new_key() -> str:
    """Return a new random key of 128 bits, as 32 hexadecimal digits."""
    return secrets.token_hex(_KEY_BYTES)


def digest_of(key: str) -> str:
    """Return the SHA-256 of a key in hexadecimal."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A change of a key, as it is kept.

    Attributes:
        action: what was done, such as `create`.
        key: the changed key.
        by: who did it.
        at: milliseconds since the epoch.
    """

    action: str
    key: ApiKey
    by: str
    at: int


class ApiKeys(Table):
    """Reads and writes the records of API keys."""

    def put(
        self,
        key: str,
        name: str,
        now: int,
        *,
        expires: int = NEVER,
        daily_limit: int = DEFAULT_DAILY_LIMIT,
        minute_limit: int = NO_LIMIT,
        rights: Collection[Right] = DEFAULT_RIGHTS,
    ) -> ApiKey:
        """Store the record of a key, replacing an earlier record of the same key.

        Args:
            now: milliseconds since the epoch.
            expires: milliseconds since the epoch; `NEVER` for never.
            rights: at least one.

        Returns:
            The record.

        Raises:
            StoreError: the store failed.
        """
        made = ApiKey(
            digest_of(key),
            name,
            created=now,
            expires=expires,
            daily_limit=daily_limit,
            minute_limit=minute_limit,
            rights=frozenset(rights),
        )
        with store_errors():
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": api_key_key(made.digest)},
                    "name": {"S": made.name},
                    "created": {"N": str(made.created)},
                    "expires": {"N": str(made.expires)},
                    "daily_limit": {"N": str(made.daily_limit)},
                    "minute_limit": {"N": str(made.minute_limit)},
                    "rights": {"SS": sorted(made.rights)},
                },
            )
        return made

    def find(self, digest: str) -> ApiKey | None:
        """Return the key with this digest, valid or not; None if it is unknown.

        The read is strong, so a key works as soon as it is stored.

        Raises:
            StoreError: the store failed.
        """
        key = api_key_key(digest)
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True
            )
        item = answer.get("Item")
        # A comparison of our own does not depend on what the store considers equal.
        if item is None or not hmac.compare_digest(item["pk"]["S"], key):
            return None
        return _from_item(item)

    def all(self) -> list[ApiKey]:
        """List all keys, the oldest first. It scans the whole table; only operators use it.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            pages = self._client.get_paginator("scan").paginate(
                TableName=self._table,
                FilterExpression="begins_with(pk, :prefix)",
                ExpressionAttributeValues={":prefix": {"S": api_key_key("")}},
                ConsistentRead=True,
            )
            found = [_from_item(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda key: (key.created, key.digest))

    def change(
        self,
        digest: str,
        *,
        disabled: bool | None = None,
        expires: int | None = None,
        daily_limit: int | None = None,
        minute_limit: int | None = None,
        rights: Collection[Right] | None = None,
    ) -> ApiKey | None:
        """Change one or more fields of a record; `ApiKey` describes them.

        Returns:
            The changed record; None if the key is unknown, and none is created.

        Raises:
            StoreError: the store failed.
        """
        changes: dict[str, Any] = {
            name: {"N": str(value)}
            for name, value in (
                ("expires", expires),
                ("daily_limit", daily_limit),
                ("minute_limit", minute_limit),
            )
            if value is not None
        }
        if disabled is not None:
            changes["disabled"] = {"BOOL": disabled}
        if rights is not None:
            changes["rights"] = {"SS": sorted(rights)}
        with store_errors():
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": api_key_key(digest)}},
                    UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeNames={f"#{name}": name for name in changes},
                    ExpressionAttributeValues={
                        f":{name}": value for name, value in changes.items()
                    },
                    ReturnValues="ALL_NEW",
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return None
        return _from_item(answer["Attributes"])

    def delete(self, digest: str) -> None:
        """Delete a key; an unknown key is not an error.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            self._client.delete_item(TableName=self._table, Key={"pk": {"S": api_key_key(digest)}})

    def record(self, change: KeyChange) -> None:
        """Keep a change of a key; call it before the change, so that none is made unrecorded.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": key_change_key(change.at, secrets.token_hex(4))},
                    "action": {"S": change.action},
                    "name": {"S": change.key.name},
                    "key": {"S": change.key.short_digest},
                    "by": {"S": change.by},
                    "at": {"N": str(change.at)},
                },
            )


def _from_item(item: Mapping[str, Any]) -> ApiKey:
    def number(name: str, absent: int) -> int:
        return int(item[name]["N"]) if name in item else absent

    return ApiKey(
        item["pk"]["S"].removeprefix(api_key_key("")),
        item["name"]["S"],
        created=number("created", 0),
        disabled=item.get("disabled", {}).get("BOOL", False),
        expires=number("expires", NEVER),
        daily_limit=number("daily_limit", DEFAULT_DAILY_LIMIT),
        minute_limit=number("minute_limit", NO_LIMIT),
        rights=_rights(item),
    )


def _rights(item: Mapping[str, Any]) -> frozenset[Right]:
    if "rights" in item:
        # A newer version may have stored a right that this one does not know.
        return frozenset(right for right in Right if right in item["rights"]["SS"])
    may_publish = item.get("publish", {}).get("BOOL", False)
    return DEFAULT_RIGHTS | {Right.PUBLISH} if may_publish else DEFAULT_RIGHTS
