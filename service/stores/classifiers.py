"""The store as the service uses it: versions opened once, whose they are, and whether their encoders run."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import TypeVar

from models.classifiers.network import Network
from models.classifiers.store import Store, Stored
from service.errors import Forbidden, NotFound, quoted
from service.settings import Settings

V = TypeVar("V")
OPEN_HEADS, OPEN_NETWORKS = 64, 4  # kept in memory


class Classifiers:
    """Trained classifiers by name. Thread-safe; every process of the service has one."""

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings.home / "classifiers")
        self._settings = settings
        self._lock = threading.Lock()
        self._heads: OrderedDict[str, Stored] = OrderedDict()
        self._networks: OrderedDict[str, Network] = OrderedDict()

    def open(self, label: str) -> Stored:
        """The classifier called `label`: "posts", its newest version, or "posts@3". Reads files: for a thread.

        Raises UnknownClassifier, NotFound, TrainingError.
        """
        name, number = split(label)
        there = self.store.versions(name)
        if number is None and there:
            number = there[-1]
        key = f"{name}@{number}"
        with self._lock:
            found = self._heads.get(key)
            if found is not None and number in there:
                self._heads.move_to_end(key)
                return found
        found = self.store.load(name, number)  # says what there is, where there is not this one
        with self._lock:
            _put(self._heads, key, found, OPEN_HEADS)
        return found

    def network(self, stored: Stored) -> Network:
        """The network of `stored`, loaded on the service's device. Reads files: for a thread."""
        with self._lock:
            found = self._networks.get(stored.label)
            if found is not None:
                self._networks.move_to_end(stored.label)
                return found
            found = stored.network(device=self._settings.device, threads=self._settings.threads)
            _put(self._networks, stored.label, found, OPEN_NETWORKS)
            return found

    def all(self) -> Iterator[Stored]:
        """The newest version of each name, by name."""
        for name in self.store.names():
            yield self.open(name)

    def check_owner(self, name: str, owner: str | None) -> None:
        """Raise Forbidden where the classifiers called `name` are somebody else's, to whom their number matters."""
        for number in self.store.versions(name)[-1:]:
            theirs = self.open(f"{name}@{number}").manifest.get("owner")
            if theirs is not None and theirs != owner:
                raise Forbidden(f"name: {name!r} belongs to another key; choose another name", param="name")

    def delete(self, label: str, owner: str | None) -> list[str]:
        """Delete a version, or all of a name. What is gone, as names and versions."""
        name, number = split(label)
        self.check_owner(name, owner)
        gone = [f"{name}@{n}" for n in self.store.delete(name, number)]
        with self._lock:
            for key in gone:
                self._heads.pop(key, None)
                self._networks.pop(key, None)
        return gone


def _put(kept: "OrderedDict[str, V]", key: str, value: V, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)


def split(label: str) -> tuple[str, int | None]:
    """Name and version of "posts@3"; None for the newest one."""
    name, at, version = label.partition("@")
    if not at:
        return name, None
    if not version.isascii() or not version.isdecimal() or len(version) > 9:
        raise NotFound(
            f"classifier: {quoted(label)} names no version; write the name alone, or for example {name[:63]}@1",
            code="unknown_classifier",
            param="classifier",
        )
    return name, int(version)
