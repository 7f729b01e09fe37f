"""Estimates for the corpus of a study: its predictions, its columns and its final codes, joined on the server."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import quoted
from service.errors import Unprocessable
from service.inference.engine import Engine
from service.pipelines.estimates import estimated
from service.pipelines.study_finals import FinalCodes, final_codes
from service.pipelines.study_label_columns import LABELS
from service.pipelines.study_results import PREDICT, predicted, prediction_names, values_at, whole
from service.schemas import estimates as schema
from service.schemas.study_results import PredictedColumns, StudyEstimateRequest
from service.schemas.validations import CodeRows, LabelScores, PredictionSet
from service.stores.classifiers import Classifiers
from service.stores.studies import Study
from service.stores.study_items import digest, places_that_fulfil, values_of
from service.stores.study_runs import list_runs, write_run

ESTIMATE = "estimate"
OPTIONS = ("rename", "family", "role", "width", "confidence", "seed")


@dataclass(frozen=True)
class Predicted:
    """One set of predictions of a study: by the places of items, None for no prediction."""

    name: str
    value: Mapping[int, Any] | None
    scores: Mapping[str, Mapping[int, Any]]
    classifier: str | None = None
    asked: frozenset[int] | None = None  # items that a labeller was asked about, also those that it could not tell

    def places(self) -> set[int]:
        """The items that have a prediction, and a score of every label; or that a labeller was asked about."""
        if self.asked is not None:
            return set(self.asked)
        columns = [*([] if self.value is None else [self.value]), *self.scores.values()]
        return set.intersection(*({place for place, cell in each.items() if cell is not None} for each in columns))


async def estimate(
    engine: Engine, classifiers: Classifiers, study: Study, request: StudyEstimateRequest, owner: str | None
) -> schema.EstimateCorpusAnswer:
    """Estimate shares, means or a regression: the answer of POST /v1/estimates.

    Raises the errors of that, and NotFound, Unprocessable for designs that allow no inference.
    """
    if (request.classifier is None) == (request.predictions is None):
        raise Unprocessable("predictions: send either a classifier or predictions", param="predictions")
    final = await engine.in_thread(lambda: final_codes(study, request))
    require_inference(final)
    population = await engine.in_thread(lambda: _population(study, final))
    if request.classifier is not None:
        sets = [await _by_classifier(engine, classifiers, study, request.classifier)]
    else:
        asked = request.predictions or []
        sets = await engine.in_thread(lambda: [_of_columns(study, classifiers, each) for each in asked])

    def work(check: Any) -> schema.EstimateCorpusAnswer:
        sent, remarks = _joined(study, request, final, population, sets)
        check()
        answer = estimated(sent, check, classifiers=classifiers, owner=owner)
        answer = answer.model_copy(update={"remarks": [*final.remarks, *remarks, *answer.remarks]})
        options = {**request.model_dump(), "assignment": final.assignment, "variable": final.variable.name}
        if request.classifier is not None:
            options["classifier"] = sets[0].classifier
        write_run(study, operation=ESTIMATE, options=options, receipt=None, result=answer.model_dump())
        return answer

    return await engine.compute(work)


def require_inference(final: FinalCodes) -> None:
    """Raise Unprocessable for codes of a sample that was not drawn with known probabilities."""
    if final.inclusion_prob is not None and final.design.get("fit"):
        return
    how = {
        "purposive": "was drawn by the highest scores",
        "given": "has items that were named without inclusion probabilities",
    }.get(str(final.design.get("design")), "has items without known inclusion probabilities")
    raise Unprocessable(
        f"assignment: {quoted(final.assignment)} {how}, so that its codes say nothing about the rest of the corpus and "
        "no estimate can be made; assign a sample of design simple, stratified or active, and let it be coded",
        code="not_a_sample",
        param="assignment",
    )


def _population(study: Study, final: FinalCodes) -> dict[int, str]:
    """The items that the sample was drawn from, in the order in which they were added: ids by place.

    Raises Unprocessable where it cannot be told any more.
    """
    with study.database.reading() as db:
        rows = db.execute("SELECT place, id FROM items WHERE added <= ? ORDER BY place", (final.created,)).fetchall()
    population: dict[int, str] = {row["place"]: row["id"] for row in rows}
    filters = final.design.get("filters") or []
    if filters:
        kept = set(places_that_fulfil(study.database, filters))
        population = {place: id for place, id in population.items() if place in kept}
    n = final.design.get("n")
    lost = set(final.ids) - set(population.values())
    drawn_from = final.design.get("population")
    changed = drawn_from is not None and drawn_from != digest((place, None) for place in population)
    if lost or changed or (n is not None and n != len(population)):
        raise Unprocessable(
            f"assignment: {quoted(final.assignment)} was drawn from {n or 0:,} items by the filters "
            f"{', '.join(filters) or 'none'}, which are fulfilled by {len(population):,} of them today, since columns "
            "were changed; write the columns again as they were, or assign a new sample",
            code="population_changed",
            param="assignment",
        )
    return population


async def _by_classifier(engine: Engine, classifiers: Classifiers, study: Study, classifier: str) -> Predicted:
    stored, vectors, found = await predicted(engine, classifiers, study, classifier)
    places = vectors.places.tolist()
    good = [i for i in range(found.n) if i not in found.failures]
    cells: Sequence[Any] = found.chosen or ([] if found.values is None else found.values.tolist())
    value = {places[i]: cells[i] for i in good}
    scores: dict[str, dict[int, Any]] = {}
    if found.probabilities is not None:
        columns = found.probabilities.T.tolist()
        scores = {label: {places[i]: columns[c][i] for i in good} for c, label in enumerate(stored.labels)}
    return Predicted(stored.label, value, scores, stored.label)


def _of_columns(study: Study, classifiers: Classifiers, asked: PredictedColumns) -> Predicted:
    """Predictions from columns; those of a classifier, or of a labeller, have its probabilities."""
    if asked.column is None and not asked.scores:
        raise Unprocessable("predictions: name a column of labels or values, or columns of scores", param="predictions")
    with study.database.reading() as db:
        value = None if asked.column is None else values_of(db, asked.column)
        scores: dict[str, Any] = {label: values_of(db, name) for label, name in (asked.scores or {}).items()}
        classifier = None
        run = next((each for each in list_runs(study) if asked.column in each.columns[:1]), None)
        if run is not None and run.operation == PREDICT and not scores:
            stored = classifiers.open(run.options["classifier"])
            classifier = stored.label
            names = prediction_names(stored, run.columns[0])
            if stored.task == "binary":
                score = values_of(db, names[1])
                positive, negative = stored.labels[1], stored.labels[0]
                scores = {negative: {place: 1 - _number(p) for place, p in score.items()}, positive: score}
            elif stored.labels:
                scores = {label: values_of(db, name) for label, name in zip(stored.labels, names[2:], strict=True)}
        labelled: frozenset[int] | None = None
        if run is not None and run.operation == LABELS and not scores and len(run.columns) > 1:
            labelled = frozenset(place for place, cell in values_of(db, run.columns[1]).items() if cell is not None)
            own = run.result.get("scores") or {}
            if own and set(own.values()) <= set(run.columns):
                found = {label: values_of(db, name) for label, name in own.items()}
                scores = found if all(place in cells for cells in found.values() for place in labelled) else {}
    name = asked.name or asked.column or ", ".join((asked.scores or {}).values())[:200]
    return Predicted(name, value, scores, classifier, labelled)


def _number(cell: Any) -> float:
    return float(cell)


def _joined(
    study: Study,
    request: StudyEstimateRequest,
    final: FinalCodes,
    population: Mapping[int, str],
    sets: Sequence[Predicted],
) -> tuple[schema.EstimateCorpusRequest, list[str]]:
    """The request of POST /v1/estimates, and remarks on items that are left out."""
    there = set.intersection(*(each.places() for each in sets))
    places = [place for place in population if place in there]
    ids = [population[place] for place in places]
    known = set(ids)
    rows = [i for i, id in enumerate(final.ids) if id in known]
    remarks = []
    if len(places) < len(population):
        remarks.append(
            f"{len(population) - len(places):,} of {len(population):,} items have no prediction, since they have no "
            "vector or no value: the estimate is of the others."
        )
    if len(places) < 2 or not rows:
        raise Unprocessable(
            f"predictions: {len(places):,} of {len(population):,} items have predictions, of which {len(rows):,} are "
            "coded; predict the items of the study first",
            code="too_few_codes",
            param="predictions",
        )

    def column(name: str, param: str) -> schema.CorpusColumn:
        return schema.CorpusColumn(name=name, values=values_at(study, name, places, param, ids))

    def values(name: str | None, param: str) -> list[Any] | None:
        return None if name is None else values_at(study, name, places, param, ids)

    strata = final.design.get("strata_column")
    corpus = schema.CorpusRows(
        item=list(ids),
        group=values(request.group, "group"),
        stratum=_strata(study, strata, places, ids, final, population),
        by=[column(name, "by") for name in request.by],
        time=values(request.time, "time"),
        covariates=[column(name, "covariates") for name in request.covariates],
        outcome=values(request.outcome, "outcome"),
    )
    positive = request.positive
    if positive is None and final.labels is not None:
        positive = final.labels[1]
    probabilities = final.inclusion_prob or []
    return schema.EstimateCorpusRequest(
        corpus=corpus,
        predictions=[_sent(each, places, ids) for each in sets],
        codes=CodeRows(
            item=[final.ids[i] for i in rows],
            code=[final.values[i] for i in rows],
            inclusion_prob=[probabilities[i] for i in rows],
        ),
        task=final.task,
        positive=positive,
        missing=[""],
        **{name: getattr(request, name) for name in OPTIONS},
    ), remarks


def _sent(each: Predicted, places: Sequence[int], ids: Sequence[str]) -> PredictionSet:
    return PredictionSet(
        name=each.name,
        item=list(ids),
        value=None if each.value is None else [whole(each.value.get(place)) for place in places],
        scores=[LabelScores(label=label, values=[_number(cells[place]) for place in places])
                for label, cells in each.scores.items()] or None,
        classifier=each.classifier,
    )  # fmt: skip


def _strata(
    study: Study,
    column: str | None,
    places: Sequence[int],
    ids: Sequence[str],
    final: FinalCodes,
    population: Iterable[int],
) -> list[str] | None:
    """The stratum of each item, where the column still has those that were drawn from; None otherwise."""
    if column is None or final.strata is None:
        return None
    with study.database.reading() as db:
        try:
            found = values_of(db, column)
        except Unprocessable:
            return None
    strata = [str(whole(found.get(place))) for place in places]
    then = final.design.get("strata_digest")
    if then is not None and then != digest((place, found.get(place)) for place in population):
        return None
    now = dict(zip(ids, strata, strict=True))
    drawn = dict(zip(final.ids, final.strata, strict=True))
    return strata if all(now.get(id, stratum) == stratum for id, stratum in drawn.items()) else None
