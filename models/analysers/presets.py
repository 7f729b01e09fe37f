"""Zero-shot questions with a name: labels and prompt templates that fit them, for any model that has zero-shot.

A preset is a starting point for a study, and no measure by itself: each has a sentence on what to validate first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from models.errors import AnalysisError, quoted


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A zero-shot question.

    Attributes
    ----------
    name : small letters and hyphens.
    labels : answers; the scores of one picture sum to 1 unless several labels may hold.
    prompts : text for each label that takes its place in the templates.
    templates : prompt templates, each with one {}.
    multi_label : whether several labels may hold for one picture.
    validate : sentence on what the scores are worth before they are validated.
    """

    name: str
    question: str
    labels: tuple[str, ...]
    prompts: tuple[str, ...]
    templates: tuple[str, ...]
    multi_label: bool = False
    validate: str

    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """All prompts of each label, templates filled in."""
        return {
            label: tuple(template.format(prompt) for template in self.templates)
            for label, prompt in zip(self.labels, self.prompts, strict=True)
        }


EMOTIONS = ("amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness")
_ROWS = (
    Preset(
        name="evoked-emotion",
        question="Which feeling may the picture evoke in people who look at it?",
        labels=EMOTIONS,  # of Mikels et al. 2005, Behav. Res. Methods 37:626
        prompts=EMOTIONS,
        templates=("a picture that evokes {}", "a photo that makes people feel {}", "an image full of {}"),
        validate="Validate first: people differ in what they feel, and a model repeats the associations of its "
        "captions. Have several people code a random sample, report their agreement, and compare the scores with their "
        "codes. It is not the feeling of a person in the picture.",
    ),
    Preset(
        name="meme-cartoon-or-photo",
        question="Which kind of picture is it?",
        labels=("meme", "cartoon", "photo"),
        prompts=(
            "a meme with a caption written over the picture",
            "a cartoon, drawing or comic",
            "a photo without added text",
        ),
        templates=("{}", "this is {}", "a post on social media: {}"),
        validate="Validate first: screenshots, posters, collages and charts fit none of the three and get one all the "
        "same. Code a random sample with a category for others, and choose thresholds on it.",
    ),
    Preset(
        name="protest",
        question="Does the picture show a protest?",
        labels=("protest", "other crowd", "no protest"),
        prompts=(
            "people protesting with signs and banners",
            "a crowd at a concert, a sports event or a celebration",
            "something else than a protest",
        ),
        templates=("a photo of {}", "a news photo of {}", "a picture of {}"),
        validate="Validate first: marches, parades and queues look alike, and signs without people are not clear. "
        "Code a random sample by a written definition, report precision and recall, and correct shares for the errors.",
    ),
)
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ROWS}


def preset(name: str) -> Preset:
    """The preset with this name, in capital or small letters, with spaces or other marks in place of hyphens.

    Raises AnalysisError for an unknown name, with the closest one or all of them.
    """
    plain = re.sub(r"[\W_]+", "-", name[:100].casefold()).strip("-")
    if plain in PRESETS:
        return PRESETS[plain]
    near = get_close_matches(plain, PRESETS, 1, 0.5)
    hint = f"close to it: {near[0]}" if near else f"choose one of: {', '.join(PRESETS)}"
    raise AnalysisError(f"preset: got {quoted(name)}, and there is none with this name; {hint}")
