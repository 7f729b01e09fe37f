"""Methods of the client for videos."""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from daguerre.dispatch.retry import retried
from daguerre.errors import APIError, ItemError, ItemFailedError
from daguerre.handles.clip import AsyncClip
from daguerre.inputs.frames import Seconds, sampled, video_options
from daguerre.inputs.videos import VideoLike, VideoUpload, video_name
from daguerre.progress import Progress
from daguerre.results.video import How
from daguerre.session import Session
from daguerre.transport.operations import DELETE_FILE

THUMBNAIL = 160  # pixels of the longest side
UNUSABLE = ("unsupported_video", "invalid_video", "video_too_large", "invalid_file", "file_too_large")


class VideoMethods(Session):
    """Videos."""

    async def video(
        self,
        source: VideoLike,
        *,
        every: Seconds | None = None,
        frames: int | None = None,
        shots: Literal["first", "middle"] | bool = False,
        keyframes: bool | Seconds = False,
        find_shots: bool = False,
        detector: Literal["adaptive", "content"] | Mapping[str, Any] | None = None,
        drop_within: int | None = None,
        pooling: How = "mean",
        top_k: int = 3,
        thumbnail: int | None = THUMBNAIL,
        name: str | None = None,
        progress: bool | None = None,
    ) -> AsyncClip:
        """Upload a video of any size as a stream. Frames are sampled when you call a method of the clip.

        Parameters
        ----------
        source : a path, bytes, or an open binary file, read from its current position.
        every : time between two frames: 2 (seconds), "2s", "500ms", "1m". Without this and the next three: 1 second.
        frames : number of frames, evenly spaced.
        shots : one frame per shot: its "middle" (or True) or its "first".
        keyframes : the keyframes of the file, which is fastest; "5s": at least this far apart.
        find_shots : detect shots as well, for results by shot. This reads the video twice.
        detector : method of shot detection: "adaptive" or "content", or {"method": …, "threshold": …}.
        drop_within : drop a frame whose perceptual hash differs from the previous frame's by at most this many bits
            (0 to 63).
        pooling : how scores of frames are pooled by shot and video: "mean"; "max", whether a label occurs at all; or
            "top_k", the mean of the `top_k` highest. Vectors are always pooled by their mean.
        thumbnail : longest side, in pixels (16 to 512), of a JPEG of each frame, for the timeline; None for none.
        name : name of the video, in place of the file's. It stays on this machine.
        progress : whether to show a progress bar, in place of the client's setting.

        Returns
        -------
        Clip : `.zero_shot(labels)`, `.embed()`, `.predict(classifier)`, `.facts`, `.close()`.

        Raises
        ------
        ItemFailedError : the server cannot read the video, or it is too large.
        DaguerreError : any other subclass in daguerre.errors.
        OSError, TypeError, ValueError : the source does not exist or is not a video, or options contradict each other.

        Examples
        --------
        >>> with client.video("news.mp4", every="2s", find_shots=True) as clip:
        ...     scores = clip.zero_shot(["a street", "a studio"])
        >>> scores.to_pandas()
        """
        sampling = sampled(every=every, frames=frames, shots=shots, keyframes=keyframes) | video_options(
            find_shots, detector, drop_within, pooling, top_k, thumbnail, looked_for=bool(find_shots or shots)
        )
        called = name or video_name(source)
        shown = Progress.wanted(self.progress if progress is None else progress)
        sent = await asyncio.to_thread(VideoUpload, source, called, shown)
        try:
            file = await retried(lambda: self.transport.upload(sent, "video"), retry_for=self.limits.retry_for)
        except APIError as exc:
            if exc.code in UNUSABLE:
                failed = ItemError(0, called, exc.code, exc.message)
                raise ItemFailedError(failed, request_id=exc.request_id) from exc
            raise
        finally:
            sent.close()
        if not file.get("video"):
            await self.transport.call(DELETE_FILE, {"id": file["id"]})
            failed = ItemError(
                0, called, "invalid_file", "is a file of vectors (.npy), and no video; client.upload sends such files"
            )
            raise ItemFailedError(failed)
        clip = AsyncClip(self, file, called, sampling)
        self.clips.add(clip)
        return clip
