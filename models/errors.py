"""Errors of `models/`, in one tree. A transport picks its status from the class or from `code`.

ModelsError                     code, message; str(error) is written for the person who sent the request
├── ItemError                   one input item is unusable; the other items are not affected
│   ├── ImageError
│   │   ├── UnsupportedImage    "unsupported_image"    415  image format or pixel type is not supported
│   │   ├── ImageTooLarge       "image_too_large"      413  too many bytes or pixels
│   │   └── InvalidImage        "invalid_image"        422  empty, truncated, corrupt, extreme aspect ratio
│   ├── TextError               "invalid_text"         422
│   └── VideoError              "invalid_video"        422
│       ├── UnsupportedVideo    "unsupported_video"    415  container or codec is not supported
│       ├── VideoTooLarge       "video_too_large"      413  too many bytes, pixels, seconds or frames
│       └── InvalidVideo        "invalid_video"        422  empty, truncated, corrupt, no video stream
├── TrainingError               "training_error"       422  examples or targets that cannot be learnt from
├── AgreementError              "invalid_codes"        422  codes from which no agreement can be computed
├── EstimateError              "invalid_sample"       422  a coded sample from which nothing can be estimated
├── IdError                     "missing_id"           422  an item, coder, group or stratum without an id
├── ClusteringError             "clustering_error"     422  vectors or options that are not valid
├── FaceError                   "invalid_faces"        422  vectors, corrections or codes of faces that cannot be used
├── PageError                   "invalid_answer"       422  an answer that contradicts itself, and cannot be drawn
├── AnalysisError               "invalid_options"      422  options of an analyser that cannot be used
├── UnknownClassifier           "unknown_classifier"   404
├── UnknownModel                "unknown_model"        404
└── ModelUnavailable            "model_unavailable"    503  weights, device or precision not available

A message gives the bad value, the rule that it broke and the way out, and nothing internal. An instance's `code` may
name the rule: one_class, nan_targets, too_few_examples, nan_vectors, zero_vectors, …
"""

from collections.abc import Iterable

LONGEST = 1000  # characters of a message
LONGEST_QUOTE = 60  # characters of a value in it


def quoted(value: object) -> str:
    """A caller's value for a message, quoted and shortened."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "…")


def listed(names: Iterable[str], most: int = 5) -> str:
    """The first names of a list for a message, shortened, and how many there are if there are more."""
    every = list(names)
    shown = [name if len(name) <= LONGEST_QUOTE else name[: LONGEST_QUOTE - 3] + "…" for name in every[:most]]
    return ", ".join(shown) if len(every) <= most else f"{', '.join(shown)}, … ({len(every):,} in all)"


def bounded(message: str) -> str:
    """A message without its middle where it is too long: the rule is at its beginning, the way out at its end."""
    if len(message) <= LONGEST:
        return message
    end = LONGEST // 3
    return f"{message[: LONGEST - end - 3]} … {message[-end:]}"


class ModelsError(Exception):
    code = "models_error"

    def __init__(self, message: str, code: str | None = None) -> None:
        message = bounded(message)
        super().__init__(message)  # the only argument, so that it pickles from a worker process
        self.message = message
        if code is not None:
            self.code = code


class ItemError(ModelsError):
    code = "invalid_item"


class ImageError(ItemError):
    code = "invalid_image"


class UnsupportedImage(ImageError):
    code = "unsupported_image"


class ImageTooLarge(ImageError):
    code = "image_too_large"


class InvalidImage(ImageError):
    code = "invalid_image"


class TextError(ItemError):
    code = "invalid_text"


class TrainingError(ModelsError):
    code = "training_error"


class AgreementError(ModelsError):
    code = "invalid_codes"


class EstimateError(ModelsError):
    code = "invalid_sample"


class IdError(ModelsError):
    code = "missing_id"


class ClusteringError(ModelsError):
    code = "clustering_error"


class FaceError(ModelsError):
    code = "invalid_faces"


class PageError(ModelsError):
    code = "invalid_answer"


class AnalysisError(ModelsError):
    code = "invalid_options"


class UnknownClassifier(ModelsError):
    code = "unknown_classifier"


class UnknownModel(ModelsError):
    code = "unknown_model"


class ModelUnavailable(ModelsError):
    code = "model_unavailable"


class VideoError(ItemError):
    code = "invalid_video"


class UnsupportedVideo(VideoError):
    code = "unsupported_video"


class VideoTooLarge(VideoError):
    code = "video_too_large"


class InvalidVideo(VideoError):
    code = "invalid_video"
