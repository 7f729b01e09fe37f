"""Studies of a collection: its items without pictures, with their metadata, texts and vectors, copied once."""

from models.errors import quoted
from models.stopping import Check
from service.errors import Unprocessable
from service.pipelines.studies import CELL, ROW, card
from service.schemas import studies as schema
from service.stores import study_items, study_vectors
from service.stores.collection_records import CollectionRows
from service.stores.collections import CollectionStore
from service.stores.studies import Studies, Study
from service.stores.study_items import NewItem

AT_ONCE = 20_000  # items whose columns and vectors are written in one transaction


def create(
    studies: Studies, collections: CollectionStore, request: schema.StudyRequest, owner: str | None, check: Check
) -> schema.StudyCard:
    """Make a study of the items that a collection has now; call it in a thread.

    Raises Conflict, NotFound for a collection that the caller does not have, Unprocessable, TooLarge.
    """
    name = request.collection or ""
    if not collections.tables.count(collections.get(name, owner)):
        raise Unprocessable(
            f"collection: {quoted(name)} has no items; store some before you make a study of it", param="collection"
        )
    found = collections.rows(name, owner, check=check)
    study = studies.create(request.name, owner, title=request.title, folder=None, collection=name)
    try:
        _copy(study, found, check)
    except BaseException:
        studies.delete(study)
        raise
    return card(study)


def _copy(study: Study, found: CollectionRows, check: Check) -> None:
    texts = sum(len(text) for text in found.texts if text)
    cells = [value for values in found.metadata.values() for value in values if value is not None]
    size = texts + sum(2 * len(value) for value in cells if isinstance(value, str))  # twice, for the index
    study.require_room(size + ROW * len(found.ids) + CELL * len(cells))
    new = [NewItem(id=id, bytes=0, text=text or None) for id, text in zip(found.ids, found.texts, strict=True)]
    study_items.add_items(study.database, new)
    columns = {
        _column_name(name): values
        for name, values in found.metadata.items()
        if any(each is not None for each in values)
    }
    vectors = study_vectors.open_set(
        study,
        model=found.model,
        fingerprint=found.fingerprint,
        dimension=found.collection.dimension,
        receipt=found.receipt,
        modality=found.modality or "image",
    )
    with study.database.reading() as db:
        places = [row["place"] for row in db.execute("SELECT place FROM items ORDER BY place")]
    for start in range(0, len(found.ids), AT_ONCE):
        check()
        part = slice(start, start + AT_ONCE)
        if columns:
            few = {name: values[part] for name, values in columns.items()}
            study_items.put_columns(study.database, found.ids[part], few)
        study_vectors.append_rows(study, vectors, places[part], found.vectors[part])


def _column_name(field: str) -> str:
    """The name of the column of a field: characters that filters use are replaced, and reserved names get an end."""
    name = study_items.FORBIDDEN.sub("_", field).strip() or "_"
    return f"{name}_" if name in study_items.RESERVED else name
