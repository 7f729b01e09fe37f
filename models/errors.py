"""What can go wrong in `models/`, in one tree. A transport picks its status from the class or from `code`.

ModelsError                     code, message; str(error) is written for the person who sent the request
├── ItemError                   one input item is unusable; nobody else's is affected
│   ├── ImageError
│   │   ├── UnsupportedImage    "unsupported_image"    415  not a format or pixel type that is read here
│   │   ├── ImageTooLarge       "image_too_large"      413  too many bytes or pixels
│   │   └── InvalidImage        "invalid_image"        422  empty, truncated, corrupt, extreme aspect ratio
│   ├── TextError               "invalid_text"         422
│   └── VideoError              "invalid_video"        422
│       ├── UnsupportedVideo    "unsupported_video"    415  not a container or codec that is read here
│       ├── VideoTooLarge       "video_too_large"      413  too many bytes, pixels, seconds or frames
│       └── InvalidVideo        "invalid_video"        422  empty, truncated, corrupt, no picture in it
├── TrainingError               "training_error"       422  what was given cannot be learnt from
├── AgreementError              "invalid_codes"        422  a table of codes that says nothing about agreement
├── ClusteringError             "clustering_error"     422  vectors that cannot be grouped, searched or drawn from
├── UnknownClassifier           "unknown_classifier"   404
├── UnknownModel                "unknown_model"        404
└── ModelUnavailable            "model_unavailable"    503  at start-up: weights missing, changed; no provider

A message gives the bad value, the rule it broke and the way out, and nothing internal.
"""


class ModelsError(Exception):
    code = "models_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)  # the only argument, so that it pickles from a worker process
        self.message = message


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
    """An instance's `code` says which rule was broken: one_class, nan_targets, too_few_examples, …"""

    code = "training_error"

    def __init__(self, message: str, code: str = code) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type["TrainingError"], tuple[str, str]]:
        return type(self), (self.message, self.code)


class AgreementError(ModelsError):
    code = "invalid_codes"


class ClusteringError(ModelsError):
    """An instance's `code` says which rule was broken: nan_vectors, zero_vectors, too_few_items, …"""

    code = "clustering_error"

    def __init__(self, message: str, code: str = code) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type["ClusteringError"], tuple[str, str]]:
        return type(self), (self.message, self.code)


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
