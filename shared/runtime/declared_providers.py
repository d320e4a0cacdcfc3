"""The declarations of the enabled providers."""

from pathlib import Path

from shared.formats.lists.declaration import CATALOG, Declaration, load_catalog
from shared.runtime.provider_settings import ProviderSettings
from shared.runtime.settings import SettingsError


def declared(settings: ProviderSettings) -> dict[str, Declaration]:
    """Load the declarations of the providers that the settings name, in their order.

    Raises:
        SettingsError: a provider has no declaration in the catalog.
        DeclarationError: a declaration is not valid.
    """
    path = Path(settings.catalog) if settings.catalog else CATALOG
    catalog = load_catalog(path, plain_http=settings.allow_private)
    if missing := [name for name in settings.providers if name not in catalog]:
        raise SettingsError(
            f"PROVIDERS names providers without a declaration: {', '.join(missing)}"
        )
    return {name: catalog[name] for name in settings.providers}
