"""The client's method for the agreement of coders."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from daguerre.corpus.coded import CodedTable, read_coders
from daguerre.handles.reported import AsyncAgreement, reported
from daguerre.inputs.alignment import Code, id_texts, json_value, missing_texts, same_table
from daguerre.resources.search import SearchMethods
from daguerre.results.agreement import Agreement
from daguerre.transport.operations import AGREEMENT

if TYPE_CHECKING:
    import pandas as pd


class AgreementMethods(SearchMethods):
    """Agreement of coders."""

    @reported(AsyncAgreement)
    async def agreement(
        self,
        coder: "Sequence[Any] | str | os.PathLike[str] | pd.DataFrame | Mapping[str, Any] | CodedTable",
        item: Sequence[Any] | None = None,
        code: Sequence[Code] | None = None,
        *,
        level: Literal["nominal", "ordinal", "interval"] = "nominal",
        missing: Sequence[str] | None = None,
        coders: Sequence[str] = (),
        resamples: int | None = None,
        seed: int = 0,
    ) -> Agreement:
        """Measure the agreement of coders: percent, kappa, alpha, Gwet's AC1, categories, items that differ.

        With level ordinal or interval also weighted kappa and AC2, linear and quadratic; with interval the ICC.

        Parameters
        ----------
        coder, item, code : columns of a long table; a code of None, NaN or pandas.NA, or an absent row, is missing. 1,
            1.0, "1", and True beside 0 and 1, are one code. Or, as the first argument alone, a table: a path (.csv,
            .tsv, .xlsx, .parquet) or a DataFrame, which is long (coder, item or id, code) or wide (id, and a column
            for each coder); or a table for each coder: a list of paths, or a mapping of names to tables, to Series by
            item, or to mappings of items to codes.
        level : level of measurement of the codes.
        missing : texts that are no code; None: NA, N/A, NaN, NULL, None and the like. Empty: blank ones alone.
        coders : the columns of a wide table that are of coders; none: all that daguerre does not write itself.
        resamples : number of bootstrap resamples of items, for the intervals; None: 1000.

        Returns
        -------
        Agreement : `.percent`, `.kappa`, `.alpha`, `.ac1`, each with value, low and high, None if the codes do not
        vary; `.kappa_quadratic`, `.ac2_quadratic`, `.icc` and others by level; `.coefficients`, all by name.
        `.categories`, `.by_coder`, `.pairs`, `.differ`, `.missing`, `.remarks`, `.to_pandas()`,
        `.save_differ("differ.csv")`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        ValueError : a table without codes, or of which the columns are not clear.

        Examples
        --------
        >>> client.agreement(table["coder"], table["item"], table["code"]).alpha.value
        >>> client.agreement("sample.csv").to_pandas()
        >>> client.agreement(["anna.csv", "ben.csv"]).save_differ("differ.csv")
        """
        columns, remarks = coded_columns(coder, item, code, coders)
        fields: dict[str, Any] = {
            **columns,
            "missing": missing_texts(missing),
            "level": level,
            "resamples": resamples,
            "seed": seed,
        }
        result = Agreement.of(await self.ask(AGREEMENT, fields), remarks)
        for remark in result.remarks:
            self.warn(remark)
        return result


def coded_columns(
    coder: Any, item: Sequence[Any] | None, code: Sequence[Code] | None, coders: Sequence[str] = ()
) -> tuple[dict[str, Any], list[str]]:
    """The columns coder, item and code of a request, of three columns or of a table; and remarks on the table.

    Raises ValueError for a table without codes or coders, or of which the columns are not clear.
    """
    remarks: list[str] = []
    if item is None and code is None:
        table = coder if isinstance(coder, CodedTable) else read_coders(coder, coders=coders)
        remarks = [*table.remarks]
        if table.adjudicator is not None:
            remarks.append(f"{table.adjudicator} is the adjudicator, whose codes are not compared")
            table = table.without_adjudicator()
        if not table.coder:
            raise ValueError(f"{table.name} names no coders; give a column coder, or a column for each coder")
        coder, item, code = table.coder, table.item, table.code
    elif item is None or code is None or coders:
        raise ValueError("give coder, item and code, a column each; or a table alone, whose `coders` may be named")
    same_table(coder=coder, item=item, code=code)
    columns = {
        "coder": id_texts(coder, "coder"),
        "item": id_texts(item, "item"),
        "code": [json_value(each) for each in code],
    }
    return columns, remarks
