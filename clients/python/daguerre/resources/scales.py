"""The client's methods for scales from pairwise comparisons."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from daguerre.corpus.comparisons import read_comparisons
from daguerre.inputs.alignment import id_texts, json_value, same_table
from daguerre.resources.coders import CoderMethods
from daguerre.results.scales import ComparisonPairs, Scale
from daguerre.transport.operations import COMPARISON_PAIRS, SCALE

if TYPE_CHECKING:
    import pandas as pd


class ScaleMethods(CoderMethods):
    """Pairs to compare, and the scale that comparisons give."""

    async def draw_comparisons(self, ids: Sequence[Any], *, per_item: int = 10, seed: int = 0) -> ComparisonPairs:
        """Draw pairs of items for people to compare: which of the two has more of something, say violence?

        Each item is in about `per_item` different pairs, and all items are connected by a chain of pairs, so that they
        have a common scale.

        Parameters
        ----------
        ids : from 3 to 2,000 ids of items, each once.
        per_item : number of pairs of each item.

        Returns
        -------
        ComparisonPairs : `.save("pairs.csv", coders=["anna"])`, a table for coders to fill in.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        """
        answer = await self.ask(COMPARISON_PAIRS, {"ids": id_texts(ids, "ids"), "per_item": per_item, "seed": seed})
        pairs = answer["pairs"]
        return ComparisonPairs(
            a=[each["a"] for each in pairs],
            b=[each["b"] for each in pairs],
            per_item=answer["per_item"],
            seed=answer["seed"],
        )

    async def scale(
        self,
        a: "Sequence[Any] | str | os.PathLike[str] | pd.DataFrame | Mapping[str, Any]",
        b: Sequence[Any] | None = None,
        winner: Sequence[Any] | None = None,
        *,
        coders: Sequence[str] = (),
        ridge: float = 0.0,
    ) -> Scale:
        """Make a continuous scale from pairwise comparisons, by the model of Bradley & Terry (1952).

        Parameters
        ----------
        a, b, winner : columns: the two items of each comparison, and the winner: the id of one, "a" or "b", or "tie",
            which is half a win of each; None for no answer. Or a table as the first argument alone, with columns a, b
            and winner, or a column of winners for each coder.
        coders : columns of winners of such a table; none: winner, or all columns that daguerre does not write itself.
        ridge : penalty that draws scores towards 0. With 0 an item that has won all its comparisons is an error, since
            no finite score is the most likely.

        Returns
        -------
        Scale : `.to_pandas()`, `.save("scale.csv")`: id, score, se, low, high; a continuous target for
        `train_classifier`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        ValueError : a table without the columns, or without an answer.

        Examples
        --------
        >>> client.draw_comparisons(ids).save("pairs.csv")
        >>> client.scale("pairs.csv").save("scale.csv")
        """
        remarks: list[str] = []
        if b is None and winner is None:
            table = read_comparisons(a, coders=coders)
            if len(table.coders) > 1:
                remarks.append(f"comparisons of {len(table.coders)} coders count as independent of each other")
            a, b, winner = table.a, table.b, table.winner
        elif b is None or winner is None or coders:
            raise ValueError("give a, b and winner, a column each; or a table alone, whose `coders` may be named")
        columns: Any = a
        same_table(a=columns, b=b, winner=winner)
        fields: dict[str, Any] = {
            "a": id_texts(columns, "a"),
            "b": id_texts(b, "b"),
            "winner": [json_value(each) for each in winner],
            "ridge": ridge,
        }
        result = Scale.of(await self.ask(SCALE, fields), remarks)
        for remark in result.remarks:
            self.warn(remark)
        return result
