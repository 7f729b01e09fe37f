"""Trained classifiers with a cache of loaded ones, and their owners."""

import threading
from collections import OrderedDict
from typing import TypeVar

from models.classifiers.conformal import Conformal, check_scores, conformal_of
from models.classifiers.manifest import DamagedClassifier
from models.classifiers.network import Network
from models.classifiers.report import Report
from models.classifiers.store import REPORT, Store, Stored
from models.errors import quoted
from service.errors import Forbidden, NotFound
from service.settings import Settings

V = TypeVar("V")
OPEN_HEADS, OPEN_NETWORKS = 64, 4  # maximum numbers in memory


class Classifiers:
    """Trained classifiers by name. Thread-safe; every process of the service has its own instance."""

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings.home / "classifiers")
        self._settings = settings
        self._lock = threading.Lock()
        self._heads: OrderedDict[str, Stored] = OrderedDict()
        self._networks: OrderedDict[str, Network] = OrderedDict()
        self._scores: OrderedDict[str, Conformal] = OrderedDict()

    def open(self, label: str) -> Stored:
        """The classifier `label`: "posts" for the newest version, or "posts@3". Reads files, so call it in a thread.

        Raises UnknownClassifier, NotFound, TrainingError.
        """
        name, number = split(label)
        versions = self.store.versions(name)
        if number is None and versions:
            number = versions[-1]
        key = f"{name}@{number}"
        with self._lock:
            stored = self._heads.get(key)
            if stored is not None and number in versions:
                self._heads.move_to_end(key)
                return stored
        stored = self.store.load(name, number)  # raises an error that lists the known ones
        with self._lock:
            _put(self._heads, key, stored, OPEN_HEADS)
        return stored

    def network(self, stored: Stored) -> Network:
        """The network of `stored`, loaded on the service's device. Reads files, so call it in a thread."""
        with self._lock:
            network = self._networks.get(stored.label)
            if network is not None:
                self._networks.move_to_end(stored.label)
                return network
            network = stored.network(device=self._settings.device, threads=self._settings.threads)
            _put(self._networks, stored.label, network, OPEN_NETWORKS)
            return network

    def conformal(self, stored: Stored) -> Conformal:
        """The scores of the coded items of `stored`, for prediction sets. Reads files, so call it in a thread.

        Raises DamagedClassifier, TrainingError.
        """
        with self._lock:
            scores = self._scores.get(stored.label)
            if scores is not None:
                self._scores.move_to_end(stored.label)
                return scores
        report = Report.from_json(stored.report())
        try:
            scores = conformal_of(report)
            check_scores(scores, 1 if stored.head is None else len(stored.head.folds))
        except (LookupError, ValueError, TypeError) as exc:
            raise DamagedClassifier(stored.folder, REPORT, "has parts that do not fit together") from exc
        with self._lock:
            _put(self._scores, stored.label, scores, OPEN_HEADS)
        return scores

    def check_owner(self, name: str, owner: str | None) -> None:
        """Raise Forbidden if a classifier called `name` belongs to another owner."""
        require_owner(self.store, name, owner)

    def delete(self, label: str, owner: str | None) -> list[str]:
        """Delete a version, or all versions of a name. Returns the deleted names and versions."""
        name, number = split(label)
        require_owner(self.store, name, owner, number)
        deleted = [f"{name}@{n}" for n in self.store.delete(name, number)]
        with self._lock:
            for key in deleted:
                self._heads.pop(key, None)
                self._networks.pop(key, None)
                self._scores.pop(key, None)
        return deleted


def _put(kept: "OrderedDict[str, V]", key: str, value: V, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)


def require_owner(store: Store, name: str, owner: str | None, number: int | None = None) -> None:
    """Raise Forbidden if version `number` of `name` (None: any version) belongs to another owner."""
    if store.owners(name, number) - {owner}:
        raise Forbidden(f"name: {name!r} belongs to another key; choose another name", param="name")


def is_owner(stored: Stored, owner: str | None) -> bool:
    """Whether `owner` may read the items and codes of `stored`: it trained it, or it was trained without a key."""
    return stored.manifest["owner"] in (None, owner)


def split(label: str) -> tuple[str, int | None]:
    """Split "posts@3" into name and version, which is None without "@"."""
    name, at, version = label.partition("@")
    if not at:
        return name, None
    if not version.isascii() or not version.isdecimal() or len(version) > 9:
        raise NotFound(
            f"classifier: {quoted(label)} has no valid version; write the name alone, or for example {name[:63]}@1",
            code="unknown_classifier",
            param="classifier",
        )
    return name, int(version)
