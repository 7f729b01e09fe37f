"""The client's methods for groups of coders, and for codes of a crowd."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from daguerre.corpus.coded import CodedTable
from daguerre.corpus.coder_groups import read_groups
from daguerre.handles.reported import AsyncGroupDifferences, reported
from daguerre.inputs.alignment import Code, missing_texts
from daguerre.resources.agreement import AgreementMethods, coded_columns
from daguerre.results.coders import Crowd, GroupDifferences
from daguerre.transport.operations import CODER_GROUPS, CROWD

if TYPE_CHECKING:
    import pandas as pd


class CoderMethods(AgreementMethods):
    """Groups of coders compared, codes of a crowd reconciled."""

    @reported(AsyncGroupDifferences)
    async def compare_coder_groups(
        self,
        coder: "Sequence[Any] | str | os.PathLike[str] | pd.DataFrame | Mapping[str, Any] | CodedTable",
        item: Sequence[Any] | None = None,
        code: Sequence[Code] | None = None,
        *,
        groups: "Mapping[str, str] | str | os.PathLike[str] | pd.DataFrame | pd.Series[Any]",
        level: Literal["nominal", "ordinal", "interval"] = "nominal",
        missing: Sequence[str] | None = None,
        coders: Sequence[str] = (),
        resamples: int | None = None,
        seed: int = 0,
    ) -> GroupDifferences:
        """Measure differences in annotation between groups of coders, overall and by item, with intervals over coders.

        Parameters
        ----------
        coder, item, code, missing, coders : as for `agreement`: three columns, or a table.
        groups : the group of each coder: a mapping or Series by coder, or a table (a path or a DataFrame) with columns
            coder and group. Coders without one are left out.
        level : nominal: shares of categories are compared; ordinal or interval: means of codes.
        resamples : number of bootstrap resamples of items, for the agreement of coders; None: 1000.

        Returns
        -------
        GroupDifferences : `.overall`, `.between`, `.groups`, `.items` (the most differing first), `.to_pandas()`,
        `.report("groups.html", images="photos/")`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        ValueError : a table without codes or coders, or groups that cannot be read.

        Examples
        --------
        >>> client.compare_coder_groups("codes.csv", groups={"anna": "left", "ben": "right"}).to_pandas()
        """
        columns, remarks = coded_columns(coder, item, code, coders)
        fields: dict[str, Any] = {
            **columns,
            "groups": read_groups(groups),
            "missing": missing_texts(missing),
            "level": level,
            "resamples": resamples,
            "seed": seed,
        }
        result = GroupDifferences.of(await self.ask(CODER_GROUPS, fields), remarks)
        for remark in result.remarks:
            self.warn(remark)
        return result

    async def reconcile(
        self,
        coder: "Sequence[Any] | str | os.PathLike[str] | pd.DataFrame | Mapping[str, Any] | CodedTable",
        item: Sequence[Any] | None = None,
        code: Sequence[Code] | None = None,
        *,
        missing: Sequence[str] | None = None,
        coders: Sequence[str] = (),
    ) -> Crowd:
        """Reconcile the codes of a crowd: the majority, and labels by the model of Dawid & Skene (1979).

        The model estimates each coder's confusion matrix and the probability of each category of an item together, by
        the EM algorithm. Items whose codes or probabilities are tied have no label.

        Parameters
        ----------
        coder, item, code, missing, coders : as for `agreement`: three columns, or a table. Codes are categories.

        Returns
        -------
        Crowd : `.to_pandas()` (an item in each row), `.confusion("anna")`, `.coders`, `.shares`, `.save("labels.csv")`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        ValueError : a table without codes or coders, or of which the columns are not clear.

        Examples
        --------
        >>> client.reconcile("codes.csv").save("labels.csv")
        """
        columns, remarks = coded_columns(coder, item, code, coders)
        result = Crowd.of(await self.ask(CROWD, {**columns, "missing": missing_texts(missing)}), remarks)
        for remark in result.remarks:
            self.warn(remark)
        return result
