"""The states of the other providers: one item that look-ups read.

providers#  p:<id>  a map, written only by the refresh of provider <id>:
            name    in `sources`
            types   indicator types it covers
            order   position among the providers
            licence note for users of the list
            updated when its list was last complete, milliseconds since the epoch; absent for never
            entries number of entries on that list
            generation, networks
                    number of that list, and number of its chunks of networks
            tried   time of the last refresh, milliseconds since the epoch
            error   why that refresh failed; absent if it succeeded
            demand  set for a provider that is queried during look-ups
            effect  `overrule` or `note`, for an allowlist that is declared so
            below   set if its list has names whose listing also holds below them

networks#<id>#<generation>#<chunk>
            body    networks, one a line, compressed by gzip
            ttl     end in epoch seconds, once a newer list replaced it
"""

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from shared.domain.network import Network
from shared.domain.provider import Provider
from shared.store.client import Table, store_errors
from shared.store.keys import networks_key, providers_key

_PART = "p:"
# Compressed, a chunk is far below the 400 KB limit of an item.
_NETWORKS_A_CHUNK = 20_000
_RETIRED_S = 3600


@dataclass(frozen=True, slots=True)
class ProviderState:
    """State of one provider.

    Attributes:
        provider: the provider as answers show it.
        order: position among the providers.
        licence: licence note for users of the list.
        entries: number of entries on its list.
        generation: number of its list.
        network_chunks: number of chunks of its networks.
        tried: time of the last refresh, milliseconds since the epoch; 0 for never.
        error: why that refresh failed, "" if it succeeded.
        below: whether its list has names whose listing also holds below them.
    """

    provider: Provider
    order: int = 0
    licence: str = ""
    entries: int = 0
    generation: int = 0
    network_chunks: int = 0
    tried: int = 0
    error: str = ""
    below: bool = False


class ProviderStates(Table):
    """Reads and writes the states of the providers."""

    def read(self, *, consistent: bool = False) -> list[ProviderState]:
        """Read the states of all enabled providers, in their order.

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
        """Write the state of one provider; the others stay.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        self._update("SET #part = :part", state.provider.id, {":part": {"M": _facts(state)}})

    def remove(self, provider: str) -> None:
        """Remove a disabled provider, so that answers do not name it any more.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        self._update("REMOVE #part", provider, {})

    def write_networks(self, provider: str, generation: int, networks: Iterable[Network]) -> int:
        """Store the networks of a provider's list.

        Returns:
            The number of chunks written.

        Raises:
            StoreError: the store failed; the caller should retry.
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
        """Read the networks of a provider's list.

        Raises:
            StoreError: the store failed.
        """
        networks: list[Network] = []
        for chunk in range(state.network_chunks):
            key = networks_key(state.provider.id, state.generation, chunk)
            with store_errors():
                # Callers cache the result as long as the list is current, so it must be complete.
                answer = self._client.get_item(
                    TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True
                )
            if "body" in answer.get("Item", {}):
                text = gzip.decompress(bytes(answer["Item"]["body"]["B"])).decode()
                networks += map(Network, text.splitlines())
        return networks

    def retire_networks(self, provider: str, generation: int, chunks: int, now: int) -> None:
        """Let the networks of a replaced list expire.

        They expire later, because look-ups may still read them.

        Args:
            now: milliseconds since the epoch.

        Raises:
            StoreError: the store failed; the networks stay in the table, unused.
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
    effect = "overrule" if provider.overrules else "note" if provider.notes else ""
    texts = {"licence": state.licence, "error": state.error, "effect": effect}
    facts |= {name: {"S": text} for name, text in texts.items() if text}
    flags = {"demand": provider.on_demand, "below": state.below}
    return facts | {name: {"BOOL": True} for name, flag in flags.items() if flag}


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
            overrules=text("effect") == "overrule",
            notes=text("effect") == "note",
        ),
        order=number("order"),
        licence=text("licence"),
        entries=number("entries"),
        generation=number("generation"),
        network_chunks=number("networks"),
        tried=number("tried"),
        error=text("error"),
        below="below" in facts,
    )
