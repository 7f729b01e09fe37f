"""Tables in LaTeX, for the package booktabs."""

import re
from collections.abc import Sequence

LONG = 40  # rows from which on a table may break between pages
ESCAPES = {
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", '"': "''", "|": r"\textbar{}"},
    **{"\u00a0": "~", "\u2212": "$-$", "×": r"$\times$", "≥": r"$\geq$", "≤": r"$\leq$", "∞": r"$\infty$"},
    **{"–": "--", "—": "---", "…": r"\ldots{}", "·": r"$\cdot$", "“": "``", "”": "''", "\u2018": "`", "’": "'"},
    **{digit: f"$^{place}$" for place, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{"⁻": "$^-$", "→": r"$\rightarrow$", "←": r"$\leftarrow$", "±": r"$\pm$", "\n": " ", "\r": " ", "\t": " "},
}


def escaped(text: str) -> str:
    """Text with the characters that LaTeX reads as commands escaped, and common symbols as commands."""
    return "".join(
        ESCAPES.get(character, character) for character in text if character.isprintable() or character in ESCAPES
    )


def latex_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Sequence[bool], caption: str, label: str
) -> str:
    """A table with a caption; of more than 40 rows one that breaks between pages (package longtable).

    Letters that pdfLaTeX lacks, such as Chinese ones, stay as they are: use LuaLaTeX or XeLaTeX and a font with them.
    """
    columns = "".join("r" if right else "l" for right in numeric)
    head = f"{_line(heads)}\n\\midrule"
    body = "\n".join(map(_line, rows))
    title = f"\\caption{{{escaped(caption)}}}\\label{{tab:{re.sub(r'[^0-9A-Za-z-]+', '-', label)}}}"
    if len(rows) > LONG:
        return (
            f"% \\usepackage{{booktabs,longtable}}\n\\begin{{longtable}}{{{columns}}}\n{title}\\\\\n\\toprule\n{head}\n"
            f"\\endhead\n{body}\n\\bottomrule\n\\end{{longtable}}\n"
        )
    return (
        f"% \\usepackage{{booktabs}}\n\\begin{{table}}\n\\centering\n{title}\n\\begin{{tabular}}{{{columns}}}\n"
        f"\\toprule\n{head}\n{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def _line(cells: Sequence[str]) -> str:
    """A row; a bracket at its beginning is not an argument of the line break before it."""
    line = " & ".join(map(escaped, cells))
    return ("{}" if line.startswith(("[", "*")) else "") + line + r" \\"
