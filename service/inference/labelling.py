"""The labellers of an entry process, each with its endpoint, whose limits all callers share."""

from service.inference.endpoints import Endpoint
from service.inference.labellers import Labeller, find_labeller, read_labellers
from service.settings import Settings


class Labellers:
    """The labellers of the settings, in the event loop of an entry process."""

    def __init__(self, settings: Settings) -> None:
        self.all = read_labellers(settings)
        self._processes = settings.entry_workers
        self._endpoints: dict[str, Endpoint] = {}

    def find(self, name: str | None) -> Labeller:
        """The labeller of that name, the first for None. Raises Forbidden, NotFound."""
        return find_labeller(self.all, name)

    def endpoint(self, labeller: Labeller) -> Endpoint:
        """The endpoint of a remote labeller."""
        if labeller.name not in self._endpoints:
            self._endpoints[labeller.name] = Endpoint(labeller, self._processes)
        return self._endpoints[labeller.name]

    async def close(self) -> None:
        """Close all connections."""
        for endpoint in self._endpoints.values():
            await endpoint.close()
