"""Methods of the client for what codebook labels tell: position bias, and the same items asked several times."""

from collections.abc import Sequence
from typing import Any

from daguerre.corpus.codebooks import Codebook
from daguerre.corpus.positions import position_fields
from daguerre.errors import RemarkWarning
from daguerre.inputs.items import Images, Texts
from daguerre.resources.labels import LabelMethods
from daguerre.results.labels import CodebookLabels
from daguerre.results.positions import PositionBias
from daguerre.transport.operations import POSITION_BIAS


class LabelReportMethods(LabelMethods):
    """Position bias of labels, and labels that are repeated."""

    async def label_repeats(
        self,
        /,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        codebook: Codebook,
        repeats: int | Sequence[int] = 3,
        **method: Any,
    ) -> dict[str, CodebookLabels]:
        """Label the same items several times, each time with other orders of the categories.

        Each repeat asks about every item and costs as much as one `label`.

        Parameters
        ----------
        repeats : number of repeats, with the seeds 0, 1, …; or the seeds.
        images, texts, codebook, method : as for `label`. `category_order` is "permuted".

        Returns
        -------
        dict : results of `label` by name, "seed 0" and so on, for `position_bias` and `compare_labellers`.

        Raises
        ------
        ValueError : fewer than two repeats, or a seed twice.

        Examples
        --------
        >>> made = client.label_repeats("photos/", codebook="codebook.yaml", repeats=4)
        >>> print(client.position_bias(made))
        """
        seeds = list(range(repeats)) if isinstance(repeats, int) else [int(seed) for seed in repeats]
        if len(seeds) < 2 or len(set(seeds)) < len(seeds):
            raise ValueError(f"repeats: got {repeats!r}; give two repeats or more, or different seeds")
        for name, wanted in (("category_order", "permuted"), ("seed", None)):
            if method.pop(name, wanted) != wanted:
                raise ValueError(f"{name}: repeats differ in it; leave it out, or call label yourself")
        return {
            f"seed {seed}": await self.label(
                images, texts, codebook=codebook, category_order="permuted", seed=seed, **method
            )
            for seed in seeds
        }

    async def position_bias(self, labels: Any, *, confidence: float = 0.95, seed: int = 0) -> PositionBias:
        """Measure whether categories are chosen more often where they stand in the question.

        The orders of the categories were drawn, so that without bias each place is chosen equally often, whatever the
        items are.

        Parameters
        ----------
        labels : a result of `label`, `label_corpus` or `read_labels` with `category_order="permuted"`; or several of
            the same codebook, as those of `label_repeats`, which tell how often an answer stays the same.
        confidence : of the intervals.
        seed : of the test, which draws the orders again.

        Returns
        -------
        PositionBias : `.to_pandas()`, `.clear` (names of variables with a clear bias), `["scene"]`; print it.

        Raises
        ------
        ValueError : categories in a fixed order, or different codebooks.
        DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> L = client.label("photos/", codebook="codebook.yaml", category_order="permuted")
        >>> print(client.position_bias(L))
        """
        fields = {"variables": position_fields(labels), "confidence": confidence, "seed": seed}
        found = PositionBias.of(await self.ask(POSITION_BIAS, fields))
        for remark in found.remarks:
            self.warn(RemarkWarning(remark))
        return found
