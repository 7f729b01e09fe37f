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
        """Send a video ahead: streamed, of any size. Its frames are looked at when you ask about them.

        Parameters
        ----------
        source : a path, bytes, or an open binary file, read from where it stands.
        every : a frame each so many seconds: 2, "2s", "500ms", "1m". Left out like the next three: each second.
        frames : so many, evenly.
        shots : one a shot, at its "middle" (or True) or its "first".
        keyframes : those that are compressed whole, which is fastest; "5s": at least so far apart.
        find_shots : look for shots too, for results by shot. Reads the video twice.
        detector : what counts as a cut: "adaptive" or "content", or {"method": …, "threshold": …}.
        drop_within : drop a frame whose perceptual hash is within so many bits (0 to 63) of the last one's.
        pooling : of frames to shots and to the video: "mean"; "max": does it occur at all; "top_k": the mean of the
            `top_k` highest. Vectors are always pooled by their mean.
        thumbnail : pixels (16 to 512) of the longest side of a small JPEG of each frame, for the timeline; None for
            none.
        name : in place of the file's. It stays on this machine.
        progress : a progress bar, in place of the client's setting.

        Returns
        -------
        Clip : `.zero_shot(labels)`, `.embed()`, `.predict(classifier)`, `.facts`, `.close()`.

        Raises
        ------
        ItemFailedError : it is no video that the server reads, or too large.
        DaguerreError : any other of the tree in daguerre.errors.
        OSError, TypeError, ValueError : for what is not there, is no video, or asks for two things at once.

        Examples
        --------
        >>> with client.video("news.mp4", every="2s", find_shots=True) as clip:
        ...     told = clip.zero_shot(["a street", "a studio"])
        >>> told.to_pandas()
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
            failed = ItemError(0, called, "invalid_file", "is an array, no video; client.upload takes it")
            raise ItemFailedError(failed)
        clip = AsyncClip(self, file, called, sampling)
        self.clips.add(clip)
        return clip
