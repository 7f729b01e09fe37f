"""Methods of the client for the server and its models."""

from daguerre.session import Session
from daguerre.transport.operations import MODELS
from daguerre.types.models import ModelCard, Ping


class ModelMethods(Session):
    """Models of the server, and its state."""

    async def models(self) -> list[ModelCard]:
        """List the models of the server, the default first.

        Examples
        --------
        >>> client = Client()
        >>> client.models()[0].id
        'embedded'
        """
        return await self.ask(MODELS)

    async def ping(self) -> Ping:
        """Check the server once: its version, whether its models are loaded, and the round-trip time in seconds.

        Examples
        --------
        >>> client = Client()
        >>> client.ping().ready
        True
        """
        return await self.transport.ping()
