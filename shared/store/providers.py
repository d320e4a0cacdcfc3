"""How the providers beside the sandbox stand: one item that answers are made from.

providers#  p:<id>  a map, written by nobody but the refresh of the provider <id>:
            name    in `sources`
            types   it covers
            order   place among the providers
            licence note for people
            updated when its data was last complete, milliseconds since the epoch; absent for never
            entries on its list then
            generation, networks
                    name of that list, and number of chunks of networks on it
            tried   when it was last tried, milliseconds since the epoch
            error   why that failed; absent when it did not
            demand  set for a provider that is asked at look-up time

networks#<id>#<generation>#<chunk>
            body    networks, one a line, compressed by gzip
            ttl     epoch seconds of its end, once there is a newer list
"""

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from shared.domain.network import Network
from shared.domain.provider import Provider
from shared.store.client import store_errors
from shared.store.keys import networks_key, providers_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PART = "p:"
# Compressed they are far below the 400 KB of an item.
_NETWORKS_A_CHUNK = 20_000
_RETIRED_S = 3600


@dataclass(frozen=True, slots=True)
class ProviderState:
    """How one provider stands.

    Attributes:
        provider: as answers show it.
        order: place among the providers.
        licence: note for people.
        entries: on its list.
        generation: of its list.
        network_chunks: how many chunks its networks take.
        tried: when it was last tried, milliseconds since the epoch; 0 for never.
        error: why that failed, "" when it did not.
    """

    provider: Provider
    order: int = 0
    licence: str = ""
    entries: int = 0
    generation: int = 0
    network_chunks: int = 0
    tried: int = 0
    error: str = ""


class ProviderStates:
    """Reads and changes how providers stand."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = table_name

    def read(self, *, consistent: bool = False) -> list[ProviderState]:
        """The providers that are switched on, in their order.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table,
                Key={"pk": {"S": providers_key()}},
                ConsistentRead=consistent,
            )
        item: Mapping[str, Any] = answer.get("Item", {})
        found = [
            _state(name.removeprefix(_PART), value["M"])
            for name, value in item.items()
            if name.startswith(_PART)
        ]
        return sorted(found, key=lambda state: (state.order, state.provider.id))

    def write(self, state: ProviderState) -> None:
        """Say how one provider stands, and nothing of the others.

        Raises:
            StoreError: the store failed; calling again is right.
        """
        self._update("SET #part = :part", state.provider.id, {":part": {"M": _facts(state)}})

    def remove(self, provider: str) -> None:
        """Forget a provider that is switched off: no answer names it any more.

        Raises:
            StoreError: the store failed; calling again is right.
        """
        self._update("REMOVE #part", provider, {})

    def write_networks(self, provider: str, generation: int, networks: Iterable[Network]) -> int:
        """Keep the networks on a list.

        Returns:
            The number of chunks that they take.

        Raises:
            StoreError: the store failed; calling again is right.
        """
        left = iter(sorted(networks))
        chunks = 0
        while part := list(islice(left, _NETWORKS_A_CHUNK)):
            body = gzip.compress("\n".join(one.value for one in part).encode(), mtime=0)
            with store_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item={
                        "pk": {"S": networks_key(provider, generation, chunks)},
                        "body": {"B": body},
                    },
                )
            chunks += 1
        return chunks

    def read_networks(self, state: ProviderState) -> list[Network]:
        """The networks on a provider's list.

        Raises:
            StoreError: the store failed.
        """
        networks: list[Network] = []
        for chunk in range(state.network_chunks):
            key = networks_key(state.provider.id, state.generation, chunk)
            with store_errors():
                # They are remembered as long as the list is the current one: none may be missed.
                answer = self._client.get_item(
                    TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True
                )
            if "body" in answer.get("Item", {}):
                text = gzip.decompress(bytes(answer["Item"]["body"]["B"])).decode()
                networks += map(Network, text.splitlines())
        return networks

    def retire_networks(self, provider: str, generation: int, chunks: int, now: int) -> None:
        """Let the networks of a list expire that is no longer the current one.

        Who has heard of it within the last minute may still be reading them.

        Args:
            now: milliseconds since the epoch.

        Raises:
            StoreError: the store failed; they take room then, and nothing else.
        """
        for chunk in range(chunks):
            with store_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": networks_key(provider, generation, chunk)}},
                    UpdateExpression="SET #ttl = :ttl",
                    ExpressionAttributeNames={"#ttl": "ttl"},
                    ExpressionAttributeValues={":ttl": {"N": str(now // 1000 + _RETIRED_S)}},
                )

    def _update(self, expression: str, provider: str, values: Mapping[str, Any]) -> None:
        request: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        with store_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": providers_key()}},
                UpdateExpression=expression,
                ExpressionAttributeNames={"#part": f"{_PART}{provider}"},
                **request,
            )


def _facts(state: ProviderState) -> dict[str, Any]:
    provider = state.provider
    facts: dict[str, Any] = {
        "name": {"S": provider.name},
        "types": {"SS": sorted(provider.types)},
    }
    numbers = {
        "order": state.order,
        "updated": provider.updated,
        "entries": state.entries,
        "generation": state.generation,
        "networks": state.network_chunks,
        "tried": state.tried,
    }
    facts |= {name: {"N": str(number)} for name, number in numbers.items() if number}
    texts = {"licence": state.licence, "error": state.error}
    facts |= {name: {"S": text} for name, text in texts.items() if text}
    if provider.on_demand:
        facts["demand"] = {"BOOL": True}
    return facts


def _state(name: str, facts: Mapping[str, Any]) -> ProviderState:
    def number(key: str) -> int:
        return int(facts[key]["N"]) if key in facts else 0

    def text(key: str) -> str:
        return str(facts[key]["S"]) if key in facts else ""

    return ProviderState(
        Provider(
            name,
            text("name"),
            frozenset(facts["types"]["SS"]),
            number("updated"),
            on_demand="demand" in facts,
        ),
        order=number("order"),
        licence=text("licence"),
        entries=number("entries"),
        generation=number("generation"),
        network_chunks=number("networks"),
        tried=number("tried"),
        error=text("error"),
    )
