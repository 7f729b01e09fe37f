"""Methods of the client for the server and its models."""

from daguerre.session import Session
from daguerre.transport.operations import MODELS
from daguerre.types.models import ModelCard, Ping


class ModelMethods(Session):
    """Models, and whether the server is ready."""

    async def models(self) -> list[ModelCard]:
        """The models that can be asked for, the server's default first.

        Examples
        --------
        >>> client = Client()
        >>> client.models()[0].id
        'embedded'
        """
        return await self.ask(MODELS)

    async def ping(self) -> Ping:
        """The server's version, whether its models are loaded, and the seconds there and back. Asked once.

        Examples
        --------
        >>> client = Client()
        >>> client.ping().ready
        True
        """
        return await self.transport.ping()
