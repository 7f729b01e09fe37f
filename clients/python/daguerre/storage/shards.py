"""The share of a corpus that one of several processes embeds: the items whose id has a hash of one remainder."""

from dataclasses import dataclass

from daguerre.storage.keys import key_of


@dataclass(frozen=True, slots=True)
class Shard:
    """Items whose hash of the id is `index` modulo `count`; numbers begin at 0."""

    index: int
    count: int

    def has(self, id: str) -> bool:
        """Whether an item is one of the shard's. The same on every machine and in every run."""
        return int.from_bytes(key_of(id)[:8], "little") % self.count == self.index

    @property
    def suffix(self) -> str:
        """The end of the names of its parts, such as "-03of16"."""
        return f"-{self.index:02d}of{self.count:02d}"

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def shard_of(given: object) -> Shard | None:
    """A shard from a pair of numbers, a text such as "3/16", or None. Raises ValueError."""
    if given is None or isinstance(given, Shard):
        return given
    parts = given.split("/") if isinstance(given, str) else given
    try:
        index, count = (int(part) for part in parts)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise ValueError(f'shard: got {given!r}; give the number and the count, (3, 16) or "3/16"') from None
    if count < 1 or not 0 <= index < count:
        way = (
            f"the shards of {count} are 0/{count} to {count - 1}/{count}: for tasks that count from 1, take 1 off, as "
            f"with --array=0-{count - 1} or $((SLURM_ARRAY_TASK_ID - 1))"
            if count >= 1
            else "the count is at least 1"
        )
        raise ValueError(f"shard: got {index}/{count}; {way}")
    return Shard(index, count)
