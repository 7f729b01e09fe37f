"""Method of the client for the evaluation of findings."""

import os
from collections.abc import Sequence
from typing import Any, Literal

from daguerre.handles.evaluations import evaluation
from daguerre.handles.reported import AsyncEvaluation, reported
from daguerre.results.evaluations import Evaluation
from daguerre.session import Session


class EvaluationMethods(Session):
    """Evaluation of findings against human codes."""

    @reported(AsyncEvaluation)
    async def evaluate(
        self,
        findings: "Any | str | os.PathLike[str]",
        *,
        boxes: Any = None,
        texts: Any = None,
        threshold: float | None = None,
        overlap: float = 0.5,
        labels: Sequence[str] | None = None,
        all_coded: bool = False,
        analyser: str = "objects",
        column: str | None = None,
        blank: Literal["missing", "none"] = "missing",
        ignore_case: bool = False,
        whitespace: Literal["collapse", "remove", "keep"] = "collapse",
        seed: int = 0,
    ) -> Evaluation:
        """Measure findings by boxes and texts that people coded.

        Parameters
        ----------
        findings : a result of `analyse`, `detect` or `read_text`; the file of `analyse_corpus`; or a table with a row
            for each finding (path or DataFrame).
        boxes : coded boxes, in pixels of the upright picture: a table with id (or path), label, x, y, width and height,
            where a row with an id alone is a picture without objects; or COCO's annotations (a .json or a dict).
        texts : the true text of each picture: a table with id and text, a Series, or a mapping of ids to texts.
        threshold : lowest score of boxes that count for precision, recall and counts; None: 0.35, or the lowest score
            of the analysis if that is higher. Average precision needs an analysis with a low `min_score`, such as 0.05.
        overlap : smallest intersection over union of a match there.
        labels : labels that the coders looked for; found boxes of others are left out. None: those that they used.
        all_coded : whether analysed pictures without a coded row were coded, and have no objects.
        analyser : the analyser whose boxes are evaluated.
        column : column of `texts`; None: text, true, target or code.
        blank : "missing": pictures with a blank text were not coded; "none": they have no text.
        ignore_case : compare texts without regard to capitals.
        whitespace : "collapse": runs of spaces and line breaks are one space; "remove": they do not count; "keep".
        seed : of the bootstrap over pictures behind the intervals of counts and error rates.

        Returns
        -------
        Evaluation : `.boxes`, `.labels`, `.texts`, `.to_pandas()`, `.remarks`,
        `.report("evaluation.html", images="photos/")`.

        Raises
        ------
        ValueError : codes or findings that cannot be read, or no picture that both have.
        DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> A = client.detect("photos/", min_score=0.05)
        >>> client.evaluate(A, boxes="coded.csv").labels["person"].ap50
        """
        return await evaluation(
            self,
            findings,
            boxes=boxes,
            texts=texts,
            threshold=threshold,
            overlap=overlap,
            labels=labels,
            all_coded=all_coded,
            analyser=analyser,
            column=column,
            blank=blank,
            ignore_case=ignore_case,
            whitespace=whitespace,
            seed=seed,
        )
