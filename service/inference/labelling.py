"""The labellers of an entry process, each with the limits that all callers share."""

from service.inference.endpoints import Endpoint
from service.inference.fair_turns import FairTurns
from service.inference.labellers import Labeller, LocalLabeller, RemoteLabeller, find_labeller, read_labellers
from service.settings import Settings


class Labellers:
    """The labellers of the settings, in the event loop of an entry process."""

    def __init__(self, settings: Settings) -> None:
        self.all = read_labellers(settings)
        self._processes = settings.entry_workers
        self._endpoints: dict[str, Endpoint] = {}
        self._turns: dict[str, FairTurns] = {}

    def find(self, name: str | None) -> Labeller:
        """The labeller of that name, the first for None. Raises Forbidden, NotFound."""
        return find_labeller(self.all, name)

    def endpoint(self, labeller: RemoteLabeller) -> Endpoint:
        """The endpoint of a remote labeller."""
        if labeller.name not in self._endpoints:
            self._endpoints[labeller.name] = Endpoint(labeller, self._processes)
        return self._endpoints[labeller.name]

    def turns(self, labeller: LocalLabeller) -> FairTurns:
        """The turns at a labeller of this server: items in progress at once."""
        if labeller.name not in self._turns:
            self._turns[labeller.name] = FairTurns(max(1, labeller.concurrency // self._processes))
        return self._turns[labeller.name]

    async def close(self) -> None:
        """Close all connections."""
        for endpoint in self._endpoints.values():
            await endpoint.close()
