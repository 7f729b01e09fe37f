"""Files of the pictures of a study."""

from models.errors import InvalidImage
from service.errors import NotFound
from service.settings import Settings
from service.stores.data_folder import inside
from service.stores.studies import Study
from service.stores.study_items import StudyItem


def original(study: Study, item: StudyItem, settings: Settings) -> bytes:
    """The file of an item. Raises NotFound where it is gone, Unprocessable where its folder is, ItemError."""
    if item.file is None:
        path = study.pictures / item.key
    else:
        root = inside(settings.data, study.folder or "", "folder")
        path = (root / item.file).resolve()
        if not path.is_relative_to(root):
            raise gone()
    try:
        if path.stat().st_size > settings.max_image_bytes:
            raise InvalidImage(f"the picture has more than {settings.max_image_bytes:,} bytes, which is the limit")
        return path.read_bytes()
    except OSError as exc:
        raise gone() from exc


def gone() -> NotFound:
    """The error of a picture whose file is no longer there."""
    return NotFound(
        "picture: the file is no longer there; put it back into the folder", code="picture_gone", param="key"
    )
