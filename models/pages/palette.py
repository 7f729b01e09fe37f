"""Colours that colour-blind readers can tell apart, as the classes `k0` to `k7` of a stroke."""

# Okabe and Ito (2008) and a grey, without black; the yellow is darker on white, the blue and green are lighter on black
_LIGHT = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#a39a00", "#5f5f5f")
_DARK = ("#4a9fe0", "#e8743b", "#2fc49a", "#d994bb", "#8fd0f5", "#f0b429", "#f0e442", "#b5b5b5")
COLOURS = len(_LIGHT)


def _variables(colours: tuple[str, ...]) -> str:
    return " ".join(f"--k{i}: {colour};" for i, colour in enumerate(colours))


_STROKES = "\n".join(f".k{i} {{ stroke: var(--k{i}); }}" for i in range(COLOURS))

PALETTE_STYLE = f"""
:root {{ {_variables(_LIGHT)} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_variables(_DARK)} }} }}
{_STROKES}
"""
