"""The declarations of the providers that are switched on."""

from pathlib import Path

from shared.formats.lists.declaration import CATALOG, Declaration, load_catalog
from shared.runtime.provider_settings import ProviderSettings
from shared.runtime.settings import SettingsError


def declared(settings: ProviderSettings) -> dict[str, Declaration]:
    """The declarations of the providers that the settings name, in their order.

    Raises:
        SettingsError: a provider is not declared.
        DeclarationError: a declaration is not valid.
    """
    path = Path(settings.catalog) if settings.catalog else CATALOG
    catalog = load_catalog(path, plain_http=settings.allow_private)
    if missing := [name for name in settings.providers if name not in catalog]:
        raise SettingsError(f"PROVIDERS names what is not declared: {', '.join(missing)}")
    return {name: catalog[name] for name in settings.providers}
