"""Cuts: the frames that begin a shot. Flashes are none; slow fades and dissolves are not detected."""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from math import ceil, floor, inf
from typing import TYPE_CHECKING, Generic, TypeVar

from models.video.shots import Detector, Hsv, Small, content_value

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

T = TypeVar("T")
MOST_FRAMES = 16  # that are held, at any frame rate, for the time of a flash
RETURN = 0.7  # of the change at one end of a flash, below which the change over all of it is


@dataclass(slots=True)
class Change(Generic[T]):
    """A frame, and by how much it differs from the one before it that belongs to no flash.

    Attributes
    ----------
    value : the content value.
    hsv, before : the small planes of the frame and of the one before it; None once they are of no use.
    item : whatever the caller wants to have back if a shot begins here.
    """

    pts: int
    value: float
    hsv: Hsv | None = None
    before: Hsv | None = None
    item: T | None = None


class CutFinder(Generic[T]):
    """Takes frames one by one and gives those that begin a shot, some frames later.

    Frames of flashes are left out, the method's rule is applied to the changes between the others, and cuts that follow
    one another too soon are left out. A flash is at most `Detector.flash` seconds long, after which the picture is
    again as before: the change from before to after it is less than `RETURN` of that at its beginning, or at its end.
    The small planes of the frames of two such times are held, at most 2 · `MOST_FRAMES`, and the items of possible
    cuts.
    """

    def __init__(self, detector: Detector, time_base: Fraction) -> None:
        self._least = detector.least
        self._flash = floor(Fraction(str(detector.flash)) / time_base)  # the longest flash, in ticks
        self._shot = ceil(Fraction(str(detector.min_shot)) / time_base)  # the shortest shot
        self._small = Small()
        self._start: int | None = None
        self._changed: int | None = None  # the last time of a change that may be a cut
        self._settled: deque[tuple[int, float, Hsv]] = deque()  # the last frames that belong to no flash
        self._recent: deque[Change[T]] = deque()  # those of which it is not known yet
        self._rule: Rule[T] = Rule(detector)
        self._spacing: Spacing[T] = Spacing(self._shot, self._least if detector.flash else 0.0)

    def push(self, frame: "VideoFrame", pts: int, item: T | None = None) -> list[Change[T]]:
        """Take the next frame; the result is the cuts that it decides."""
        return self.take(self._small.hsv(frame), pts, item)

    def take(self, planes: Hsv, pts: int, item: T | None = None) -> list[Change[T]]:
        """Take the next frame as small planes."""
        if self._start is None:
            self._start = pts
            self._spacing.begin(pts)
        value = content_value(self._recent[-1].hsv if self._recent else self._last(), planes)
        if value >= self._least:
            self._changed = pts
        held = self._changed is not None and pts - self._changed <= max(self._flash, self._shot)  # may end a flash
        self._recent.append(Change(pts, value, planes, item=item if held else None))
        cuts = []
        while self._recent and (pts - self._recent[0].pts >= self._flash or len(self._recent) > MOST_FRAMES):
            cuts += self._settle()
        return cuts

    def finish(self, end: int) -> list[Change[T]]:
        """The cuts that are left when there are no more frames and the last leaves the screen at `end`."""
        cuts = []
        while self._recent:
            first = self._recent[0]
            if first.value >= self._least and end - first.pts <= self._flash and not self._returns(first):
                break  # the video is over before it is known whether this is more than a flash
            cuts += self._settle()
        return cuts + self._spacing.close()

    def _last(self) -> Hsv | None:
        return self._settled[-1][2] if self._settled else None

    def _settle(self) -> list[Change[T]]:
        """Leave out the oldest frame and the rest of its flash, or apply the rule to it."""
        change = self._recent[0]
        assert change.hsv is not None
        assert self._start is not None
        if change.value >= self._least:
            if end := self._returns(change):
                while self._recent[0] is not end:
                    self._recent.popleft()
                return []
            if change.pts - self._start <= self._flash:
                change.value = 0.0  # the first frame is a flash, or may be
            else:
                self._look_back(change)
            change.before = self._last()
        self._recent.popleft()
        self._settled.append((change.pts, change.value, change.hsv))
        while len(self._settled) > 1 and (
            change.pts - self._settled[1][0] > self._flash or len(self._settled) > MOST_FRAMES
        ):
            self._settled.popleft()
        if change.value < self._least:
            change.hsv = change.item = None
        decided, is_cut = self._rule.push(change)
        if decided is None:
            return []
        return self._spacing.add(decided) if is_cut else self._spacing.wait(decided.pts)

    def _returns(self, change: Change[T]) -> Change[T] | None:
        """The first frame after the flash that begins with `change`; its change becomes that over the flash."""
        near: list[tuple[float, Change[T]]] = []
        moved, needed = 0.0, (1 - RETURN) * change.value  # no frame is back sooner: content values are distances
        for place, later in enumerate(islice(self._recent, 1, None)):
            apart = later.pts - change.pts
            if apart > self._flash and (place or apart >= self._shot):  # one frame may be longer than a flash
                break
            moved += later.value
            if moved >= needed:
                near.append((distance(self._last(), later.hsv), later))
        least = min((value for value, _ in near), default=change.value)
        if least >= RETURN * change.value:
            return None
        value, end = next(each for each in near if each[0] <= 1.25 * least + 1)  # grain makes equal pictures differ
        end.value = value
        if value >= self._least:
            self._changed = max(self._changed or end.pts, end.pts)
        return end

    def _look_back(self, change: Change[T]) -> None:
        """Lower the change at the end of a flash that came on little by little to that over the flash."""
        least, moved, needed = RETURN * change.value, 0.0, (1 - RETURN) * change.value
        for (begin, value, _), (_, _, planes) in pairwise(reversed(self._settled)):
            if change.pts - begin > self._flash:
                break
            moved += value
            if moved >= needed and (back := distance(planes, change.hsv)) < least:
                change.value = least = back


def distance(before: Hsv | None, after: Hsv | None) -> float:
    """Content value between frames that do not follow one another; infinite if they cannot be compared."""
    if before is None or after is None or before[0].shape != after[0].shape:
        return inf
    return content_value(before, after)


class Rule(Generic[T]):
    """The method's rule for the changes from frame to frame, each decided `Detector.lag` changes later."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._changes: deque[Change[T]] = deque(maxlen=2 * detector.lag + 1)

    def push(self, change: Change[T]) -> tuple[Change[T] | None, bool]:
        """The change that is now decided, and whether it is a cut."""
        self._changes.append(change)
        if len(self._changes) < self._changes.maxlen:  # type: ignore[operator]  # it has one
            return None, False
        decided = self._changes[self._detector.lag]
        return decided, self._exceeds(decided.value)

    def _exceeds(self, value: float) -> bool:
        options = self._detector
        if options.method == "content":
            return value >= options.threshold
        others = sum(other.value for other in self._changes) - value
        return value >= options.min_content and value >= options.ratio * others / (2 * options.window)


class Spacing(Generic[T]):
    """Leaves out cuts that follow one another, or the start, sooner than a shot is long.

    Cuts of which each follows the one before too soon are a sequence. Of a sequence the first is kept, then each that
    is far enough from the last kept, and the last in place of the one kept before it where that is too near: so the
    shot after a rapid sequence begins where it does. A sequence shorter than a shot has one cut, its last, or none if
    the picture is the same before and after it: then something was shown within one shot.

    Parameters
    ----------
    shot : ticks of the shortest shot.
    same : content value below which pictures are the same; 0: none are compared.
    """

    def __init__(self, shot: int, same: float) -> None:
        self._shot, self._same = shot, same
        self._start: Change[T] | None = None
        self._first: Change[T] | None = None  # of the sequence, if it is not given yet
        self._kept: Change[T] | None = None
        self._last: Change[T] | None = None

    def begin(self, pts: int) -> None:
        """Note where the first shot begins: it is no cut, and nothing takes its place."""
        self._start = self._kept = self._last = Change(pts, 0.0)

    def add(self, cut: Change[T]) -> list[Change[T]]:
        """Take the next cut; the result is those that are now certain."""
        given = self.wait(cut.pts)
        if self._last is None or self._kept is None:
            self._first = self._kept = self._last = cut
            return given
        self._last = cut
        if cut.pts - self._kept.pts >= self._shot:
            given += self._without_start(self._kept)
            self._kept, self._first = cut, None
        return given

    def wait(self, pts: int) -> list[Change[T]]:
        """The cuts that are certain if there is no other before `pts`."""
        return self.close() if self._last is not None and pts - self._last.pts >= self._shot else []

    def close(self) -> list[Change[T]]:
        """The cuts that are certain if there is no other."""
        first, kept, last = self._first, self._kept, self._last
        self._first = self._kept = self._last = None
        if kept is None or last is None or kept is self._start:
            return []
        if kept is first and kept is not last and distance(first.before, last.hsv) < self._same:
            return []
        return [last]

    def _without_start(self, cut: Change[T]) -> list[Change[T]]:
        return [] if cut is self._start else [cut]
