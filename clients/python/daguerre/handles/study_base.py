"""The parts of a study as an object that its methods share."""

from collections.abc import Iterable, Mapping
from typing import Any

from daguerre.errors import RemarkWarning
from daguerre.session import Session
from daguerre.types.common import Content


class AsyncStudyBase:
    """A study on the server: its name, and requests about it."""

    def __init__(self, session: Session, card: Content) -> None:
        self._session = session
        self.card = card
        self.name: str = card["name"]

    async def _ask(self, operation: Any, fields: Mapping[str, Any] | None = None) -> Any:
        return await self._session.ask(operation, {**(fields or {}), "name": self.name})

    def _remark(self, remarks: Iterable[str]) -> None:
        for remark in remarks:
            self._session.warn(RemarkWarning(remark))
