"""Syntax of Stata (.do) and SPSS (.sps) that reads a .csv of statistics and applies the labels."""

from collections.abc import Sequence

from daguerre.corpus.exchange.variables import Variable

LONGEST_SHOWN = 80  # characters of the label of a variable, of Stata


def stata(variables: Sequence[Variable], file: str) -> str:
    """The lines of a .do file. Texts, dates and times stay texts; numbers are doubles."""
    labelled = [variable for variable in variables if variable.labels]
    texts = [str(i) for i, each in enumerate(variables, 1) if each.kind not in ("number", "coded")]
    options = 'varnames(1) case(preserve) encoding("utf-8") bindquote(strict) asdouble'
    options += f" stringcols({' '.join(texts)})" if texts else ""
    lines = [f'import delimited using "{file}", {options} clear']
    lines += [f"label variable {each.name} {_of_stata(each.label[:LONGEST_SHOWN])}" for each in variables]
    for each in labelled:
        told = [f"label define {each.name}_l {n} {_of_stata(text)}, modify" for n, text in each.labels.items()]
        lines += [*told, f"label values {each.name} {each.name}_l"]
    return "\n".join(lines) + "\n"


def spss(variables: Sequence[Variable], file: str) -> str:
    """The lines of an .sps file. Texts are as wide as the longest one."""
    kinds = []
    for each in variables:
        if each.kind in ("number", "coded"):
            kinds.append(f"  {each.name} F40.0")
        else:
            widest = max((len(cell_text(value).encode()) for value in each.values), default=0)
            kinds.append(f"  {each.name} A{min(max(widest, 1), 32767)}")
    lines = ["SET DECIMAL=DOT.", f"GET DATA /TYPE=TXT /FILE={_of_spss(file)} /ENCODING='UTF8'"]
    lines += ["  /DELIMITERS=',' /QUALIFIER='\"' /ARRANGEMENT=DELIMITED /FIRSTCASE=2 /VARIABLES=", *kinds, "  ."]
    lines += [f"VARIABLE LABELS {each.name} {_of_spss(each.label[:LONGEST_SHOWN])}." for each in variables]
    for each in variables:
        if each.labels:
            lines += [
                f"VALUE LABELS {each.name}",
                *(f"  {n} {_of_spss(text)}" for n, text in each.labels.items()),
                "  .",
            ]
    digits = [each.name for each in variables if each.kind == "number" and any(v % 1 for v in each.values if v == v)]
    lines += [f"FORMATS {name} (F16.6)." for name in digits]
    return "\n".join([*lines, "EXECUTE."]) + "\n"


def cell_text(value: object) -> str:
    """The text of a value in a .csv: all digits that the number has and no more, ISO 8601 of dates and times."""
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) <= 2**53 else repr(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    text = str(value)  # of numpy, the digits of its type
    return text.removesuffix(".0") if hasattr(value, "dtype") else text


def _of_stata(text: str) -> str:
    """A string of Stata, in which nothing is a macro."""
    plain = " ".join(text.split()).replace("`", "'").replace("$", "\\$").replace("\"'", "\" '")
    return f'`"{plain}"\''


def _of_spss(text: str) -> str:
    plain = " ".join(text.split()).replace("'", "''")
    return f"'{plain}'"
