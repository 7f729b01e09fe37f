"""Methods of the client whose calls are recorded, as a table: how each is called again.

Names of parameters are those of the methods. Whatever is not in the table is recorded as it is given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

VIDEOS = "videos are not recorded yet"
BIOMETRIC = "vectors of faces are biometric data, and no part of a bundle for others"
COLLECTIONS = "items of a collection are not recorded yet; give what its .embeddings() returns"
DROPPED = frozenset({"progress", "wait", "retry_for", "retry_errors", "out", "fingerprint", "on_error"})


@dataclass(frozen=True, kw_only=True)
class RecordedMethod:
    """A method whose calls are steps of a study.

    Attributes
    ----------
    images, texts : parameters whose value is a set of images, or of texts.
    either : parameters whose value is a text, or an image where it is no text.
    per_item : whether the result of an item is independent of the other items, so that some of them can be repeated.
    repeat : the method that repeats the call, where it is another one.
    rename : its parameters in place of those of the call.
    refused : why the call cannot be repeated; None where it can.
    """

    images: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    per_item: bool = False
    repeat: str | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None


_ITEMS = RecordedMethod(images=("images",), texts=("texts",))
_EACH = RecordedMethod(images=("images",), texts=("texts",), per_item=True)
_PICTURES = RecordedMethod(images=("images",), per_item=True)
_TABLES = RecordedMethod()

CLIENT_METHODS: Mapping[str, RecordedMethod] = {
    "embed": _EACH,
    "embed_corpus": RecordedMethod(
        images=("source",), per_item=True, repeat="embed", rename={"source": "images"}
    ),  # the result is read from its file
    "zero_shot": _EACH,
    "describe_images": _PICTURES,
    "label": RecordedMethod(refused="labels of a labeller are not repeated: its model may change; keep its answers"),
    "label_corpus": RecordedMethod(refused="labels of a labeller are not repeated: its model may change"),
    "label_repeats": RecordedMethod(refused="labels of a labeller are not repeated: its model may change"),
    "position_bias": RecordedMethod(refused="position bias of labels is not recorded yet"),
    "compare_labellers": RecordedMethod(refused="comparisons of labels are not recorded yet"),
    "analyse": _PICTURES,
    "read_text": _PICTURES,
    "detect": _PICTURES,
    "faces": _PICTURES,
    "face_vectors": RecordedMethod(refused=BIOMETRIC),
    "read_face_vectors": RecordedMethod(
        refused="vectors of faces are biometric data, and no part of a bundle for others"
    ),
    "face_matches": RecordedMethod(refused=BIOMETRIC),
    "persons": RecordedMethod(refused=BIOMETRIC),
    "verify_faces": RecordedMethod(refused=BIOMETRIC),
    "face_attributes": _PICTURES,
    "classify": _PICTURES,
    "caption": _PICTURES,
    "visual_features": _PICTURES,
    "caption_corpus": RecordedMethod(refused="captions of a corpus in a file are not recorded yet; use caption"),
    "analyse_corpus": RecordedMethod(refused="findings of a corpus in a file are not recorded yet; use analyse"),
    "blur": RecordedMethod(refused="copies of pictures are not results; describe_images and faces are recorded"),
    "cluster": RecordedMethod(images=("images",), texts=("texts", "name_texts")),
    "cluster_grid": _ITEMS,
    "duplicates": _ITEMS,
    "search": RecordedMethod(either=("query",)),
    "sample": RecordedMethod(either=("near",)),
    "draw_pairs": _TABLES,
    "compare": _TABLES,
    "compare_representations": _TABLES,
    "agreement": _TABLES,
    "compare_coder_groups": _TABLES,
    "reconcile": _TABLES,
    "draw_comparisons": _TABLES,
    "scale": _TABLES,
    "validate": _TABLES,
    "estimate": _TABLES,
    "evaluate": _TABLES,
    "multiverse": _ITEMS,
    "train_classifier": _ITEMS,
    "fine_tune": RecordedMethod(refused="fine-tuning is not repeated"),
    "video": RecordedMethod(refused=VIDEOS),
    "create_collection": RecordedMethod(refused=COLLECTIONS),
    "collection": RecordedMethod(refused=COLLECTIONS),
}
CLASSIFIER_METHODS: Mapping[str, RecordedMethod] = {"predict": _EACH, "estimate": _ITEMS}


def recorded_method(operation: str, classifier: str | None) -> RecordedMethod | None:
    """The row of an operation; None for one that is not in the table."""
    return (CLIENT_METHODS if classifier is None else CLASSIFIER_METHODS).get(operation)
