"""PyAV, imported when it is first needed: an optional extra, because its wheel bundles x264 and x265 (GPL)."""

import functools
from types import ModuleType

from models.errors import UnsupportedVideo

# decoders that may be reached; FFmpeg has hundreds more, rarely used and rarely looked at
DECODERS = frozenset(
    {
        *("h264", "hevc", "vvc", "libdav1d", "av1", "vp8", "vp9", "libvpx", "libvpx-vp9", "vp6", "vp6f", "vp6a"),
        *("theora", "mpeg1video", "mpeg2video", "mpeg4", "h261", "h263", "h263p", "flv", "wmv1", "wmv2", "wmv3", "vc1"),
        *("msmpeg4v1", "msmpeg4v2", "msmpeg4", "mjpeg", "mjpegb", "prores", "dnxhd", "dvvideo", "cfhd", "ffv1"),
        *("huffyuv", "ffvhuff", "utvideo", "magicyuv", "hap", "svq1", "svq3", "cinepak", "qtrle", "rpza", "indeo3"),
        *("indeo5", "png", "rawvideo", "gif"),
    }
)


@functools.cache
def load() -> ModuleType:
    """The module `av`, silent.

    Raises
    ------
    UnsupportedVideo
        It is not installed; the message says how to get it.
    """
    try:
        import av
    except ImportError as exc:
        raise UnsupportedVideo(
            "video is read only with an optional extra, which this server does not have: send frames as images, or have"
            " its operator run pip install 'daguerre-service[video]'"
        ) from exc
    return av
