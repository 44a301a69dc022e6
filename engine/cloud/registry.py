"""Cloud providers by name: `--cloud-provider` chooses one. A new one is a factory and a line here."""

from __future__ import annotations

from collections.abc import Callable

from engine.api.server import Api
from engine.cloud.provider import CloudProvider
from engine.cloud.simulated.provider import SimulatedCloud
from engine.flags import BadFlag, Flags

Factory = Callable[[Api], CloudProvider]

PROVIDERS: dict[str, Factory] = {"simulated": SimulatedCloud}
"""Name → factory. A provider from outside the package puts itself here before a cluster is made
(cloudprovider.RegisterCloudProvider)."""


def chosen_provider(flags: Flags, api: Api) -> CloudProvider | None:
    """The provider of `--cloud-provider`; None when it is empty. Raises BadFlag for one that nobody knows."""
    name = flags.text("cloud-provider")
    if not name:
        return None
    factory = PROVIDERS.get(name)
    if factory is None:
        known = ", ".join(sorted(PROVIDERS))
        raise BadFlag(f'invalid argument "{name}" for "--cloud-provider": unknown cloud provider (known: {known})')
    return factory(api)
