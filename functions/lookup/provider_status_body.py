"""State of the other providers, for people and for monitoring. Pure."""

from typing import TYPE_CHECKING, Any

from shared.domain.moment import format_millis

if TYPE_CHECKING:
    from shared.store.providers import ProviderState


def provider_status(state: "ProviderState", now: int) -> dict[str, Any]:
    """One row of the answer to GET /v4/status/providers.

    Args:
        now: milliseconds since the epoch.
    """
    provider = state.provider
    return {
        "id": provider.id,
        "provider": provider.name,
        "types": sorted(provider.types),
        "on_demand": provider.on_demand,
        "last_success": format_millis(provider.updated) if provider.updated else "",
        "age_s": max(0, now - provider.updated) // 1000 if provider.updated else -1,
        "entries": state.entries,
        "error": state.error,
        "licence": state.licence,
    }
