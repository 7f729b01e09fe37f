"""Processors of vision-language models, from conversations to the inputs of a network, by those of `transformers`."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from jinja2.exceptions import TemplateError
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, AutoTokenizer

from models.analysers.vision_language import Turn
from models.errors import ModelUnavailable, listed, quoted
from models.sources import describe
from models.sources.classifiers import read_config

CLASSES: Mapping[str, str] = {  # by architecture: the processor of pictures and texts. Videos need no processor here
    "SmolVLMForConditionalGeneration": "Idefics3Processor",
    "Idefics3ForConditionalGeneration": "Idefics3Processor",
    "Qwen2VLForConditionalGeneration": "Qwen2VLProcessor",
    "Qwen2_5_VLForConditionalGeneration": "Qwen2_5_VLProcessor",
    "Qwen3VLForConditionalGeneration": "Qwen3VLProcessor",
    "Gemma3ForConditionalGeneration": "Gemma3Processor",
    "Florence2ForConditionalGeneration": "Florence2Processor",
}
TASKS: Mapping[str, tuple[str, ...]] = {  # prompts of architectures that hold no conversations
    "Florence2ForConditionalGeneration": ("<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>")
}
_OTHERS = (  # files beside the weights that determine a result
    "preprocessor_config.json",
    "processor_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
)
_MARK = "\u2402"  # stands for an answer while the template is asked how it writes one


class Refused(Exception):
    """A row that this model cannot take; the message is for the person who sent it."""


def architecture_of(folder: Path) -> str:
    """The architecture of a folder. Raises ModelUnavailable unless it is supported without remote code."""
    config = read_config(folder)
    names = [str(each) for each in config.get("architectures") or ()]
    known = next((name for name in names if name in CLASSES), None)
    if known is None and config.get("auto_map"):
        raise ModelUnavailable(
            f"{folder.name} needs code of its own (auto_map in config.json), which is never run here; use a model that "
            f"transformers has: {', '.join(CLASSES)}"
        )
    if known is None:
        raise ModelUnavailable(
            f"{folder.name} has the architecture {listed(names) or 'none'}; vision-language models are "
            f"{', '.join(CLASSES)}"
        )
    return known


def weights_of(folder: Path) -> Mapping[str, str]:
    """SHA-256 of all files that determine a result: weights, configuration, tokenizer, processor, chat template."""
    if not any(folder.glob("model*.safetensors")):
        raise ModelUnavailable(f"{folder.name} has no model.safetensors; pickled weights are not read, save it again")
    others = [folder / name for name in _OTHERS if (folder / name).is_file()]
    return {**describe.weights_of(folder), **{path.name: _settled(path) for path in others}}


def _settled(path: Path) -> str:
    """Hash of a file; of its content without its layout and version where it is JSON."""
    content = path.read_bytes()
    if path.suffix == ".json":
        values = json.loads(content)
        kept = {key: value for key, value in values.items() if key != "transformers_version"}
        content = json.dumps(kept, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Processor:
    """The processor of a folder: `of_transformers`, with the prompts of its tasks where it holds no conversations."""

    of_transformers: Any
    tasks: tuple[str, ...]
    ends: tuple[int, ...]  # tokens that end a text
    special: re.Pattern[str] | None  # special tokens in a text

    @property
    def tokenizer(self) -> Any:
        return self.of_transformers.tokenizer

    def inputs(self, turns: Sequence[Turn]) -> dict[str, Tensor]:
        """The inputs of the network for one conversation, the first axis being that of the batch. Raises Refused."""
        pictures = [part for turn in turns for part in turn.parts if isinstance(part, Image.Image)]
        if self.tasks:
            text = next(part for part in turns[-1].parts if isinstance(part, str))
            options: dict[str, Any] = {"images": pictures}
        else:
            text = self.prompt(turns)
            options = {"images": [pictures]} if pictures else {}
            first = self.tokenizer.bos_token
            if first and text.startswith(first):
                options["add_special_tokens"] = False  # the template has written it already
        try:
            made = self.of_transformers(text=[text], return_tensors="pt", **options)
        except (ValueError, TypeError, ZeroDivisionError) as exc:
            raise Refused(f"the model cannot take this picture: {quoted(exc)}; crop it") from exc
        return {name: value for name, value in made.items() if isinstance(value, Tensor)}

    def prompt(self, turns: Sequence[Turn], answer: str | None = None) -> str:
        """The text of a conversation by the chat template, up to the answer, or with it. Raises Refused."""
        messages = [{"role": turn.role, "content": [self._content(part) for part in turn.parts]} for turn in turns]
        if answer is not None:
            messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
        try:
            text: str = self.of_transformers.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=answer is None
            )
        except (TemplateError, TypeError, ValueError) as exc:
            raise Refused(f"the chat template of the model does not take these turns: {quoted(exc)}") from exc
        return text

    def _content(self, part: str | Image.Image) -> dict[str, str]:
        return {"type": "text", "text": self.plain(part)} if isinstance(part, str) else {"type": "image"}

    def plain(self, text: str) -> str:
        """A text whose special tokens are broken by a space, so that it can neither end a turn nor show a picture."""
        return self.special.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text) if self.special else text

    def answers(self, turns: Sequence[Turn], answers: Sequence[str]) -> list[list[int]]:
        """The tokens of each answer as the template writes it after these turns, with the end of the turn."""
        before, lead, end = self.prompt(turns), "", self.ends[0]
        whole = self.prompt(turns, _MARK)
        if whole.startswith(before) and _MARK in whole[len(before) :]:
            lead, _, after = whole[len(before) :].partition(_MARK)
            ends = {str(self.tokenizer.convert_ids_to_tokens(each)): each for each in self.ends}
            end = next((number for token, number in ends.items() if after.lstrip().startswith(token)), end)
        encode = self.tokenizer.encode
        return [[*encode(lead + self.plain(each), add_special_tokens=False), end] for each in answers]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without special ones."""
        text: str = self.tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text.strip()


def open_processor(folder: Path, ends: Sequence[int]) -> Processor:
    """The processor of a folder; pictures are prepared by Pillow. Raises ModelUnavailable."""
    architecture = architecture_of(folder)
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    kind = getattr(transformers, CLASSES[architecture])
    # a processor of videos would need torchvision, which no picture does
    pictures_only = type(kind.__name__, (kind,), {"check_argument_for_proper_class": lambda *_: None})
    try:
        load_images: Any = AutoImageProcessor.from_pretrained
        load_texts: Any = AutoTokenizer.from_pretrained
        images = load_images(str(folder), backend="pil", **local)
        tokenizer = load_texts(str(folder), **local)
        settings, _ = kind.get_processor_dict(str(folder), local_files_only=True)
        template = settings.get("chat_template") or tokenizer.chat_template
        names = ("image_seq_len", "image_seq_length", "num_additional_image_tokens", "post_processor_config")
        given = {name: settings[name] for name in names if name in settings}
        if architecture not in TASKS:
            given["chat_template"] = template
        made = pictures_only(image_processor=images, tokenizer=tokenizer, **given)
    except Exception as exc:  # tokenizers and transformers raise nearly anything on damaged files
        raise ModelUnavailable(f"{folder.name}: its processor cannot be read ({quoted(exc)}); save it again") from exc
    if architecture not in TASKS and not template:
        raise ModelUnavailable(f"{folder.name} has no chat template; use a model that was tuned for conversations")
    return Processor(made, TASKS.get(architecture, ()), tuple(ends), _special(made))


def _special(processor: Any) -> re.Pattern[str] | None:
    """The tokens that have a meaning of their own: special ones, and those that stand for pictures."""
    added = processor.tokenizer.added_tokens_decoder.values()
    marks = {value for value in vars(processor).values() if isinstance(value, str)}
    found = {token.content for token in added if token.special or token.content in marks}
    longest_first = sorted((each for each in found if len(each) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def filled(rows: Sequence[Mapping[str, Tensor]], length: int, sequences: Sequence[str], pad: int) -> dict[str, Tensor]:
    """The inputs of several rows as one batch: tokens filled up on the left to `length`, pictures one after the other.

    Tiles of pictures, (1, tiles, 3, h, w), are filled up by empty ones, which the network leaves out.
    """
    batch: dict[str, Tensor] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name in sequences:
            values = [_left(value, length, pad if name == "input_ids" else 0) for value in values]
        elif len({value.shape[1:] for value in values}) > 1:
            most = max(value.shape[1] for value in values)
            values = [_more(value, most) for value in values]
        batch[name] = torch.cat(values)
    return batch


def _left(value: Tensor, length: int, fill: int) -> Tensor:
    return torch.nn.functional.pad(value, (length - value.shape[1], 0), value=fill)


def _more(value: Tensor, most: int) -> Tensor:
    empty = torch.zeros((len(value), most - value.shape[1], *value.shape[2:]), dtype=value.dtype)
    return torch.cat([value, empty], dim=1)
