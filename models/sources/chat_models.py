"""Vision-language models of `transformers` as analysers of captions: import, and comparison with `generate`.

The weights stay in their folder; the analyser's own folder has its row alone. Before it is accepted, captions of
photos are compared with those of `generate` token by token, and likelihoods of answers with one forward pass each.
"""

import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image

from models.analysers import vision_language
from models.analysers.folder import AnalyserFolder, install
from models.analysers.spec import AnalyserSpec, Part
from models.analysers.vision_language import JUDGE, WRITE, Turn, packed
from models.catalog.folder import link_source, source_path, write_manifest
from models.catalog.spec import Precision, Source
from models.errors import ModelUnavailable, listed
from models.sources import export, oracle
from models.sources.chat_processors import TASKS, architecture_of, weights_of
from models.sources.chat_session import SEQUENCES, ChatSession
from models.sources.writing_networks import CAPTION_NOTICE

BATCH = 4  # rows on a CPU: the weights are read once for each token of them all
PHOTOS = (0, 3, 4)  # numbers of the pictures of the oracle on which results are compared
TOKENS = 12  # of each of these texts
ANSWERS = ("yes", "no", "cannot tell")
GAP = 1e-4  # of log-probabilities, in fp32


def import_chat_model(
    source: Path,
    home: Path,
    *,
    name: str,
    licence: str | None = None,
    replace: bool = False,
    precision: Precision = "fp32",
) -> AnalyserFolder:
    """Describe a folder of transformers as an analyser named `name`, and return its folder in `home`.

    The weights stay where they are: `home` gets a link to their folder.

    Raises
    ------
    ModelUnavailable : the architecture is not supported, or needs remote code; files are missing or damaged; a caption
        or a likelihood differs from that of transformers.
    """
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging) / "made"
        folder.mkdir()
        export_chat_model(source, folder, name=name, licence=licence, precision=precision)
        made = install(folder, home, replace=replace)
    link_source(source, source_path(name, home))
    return made


def export_chat_model(
    source: Path, folder: Path, *, name: str, licence: str | None = None, precision: Precision = "fp32"
) -> AnalyserSpec:
    """Write the analyser of the folder `source` into the empty `folder`, with its manifest. Raises ModelUnavailable."""
    if precision == "int8":
        raise ModelUnavailable("--precision int8: a vision-language model has fp32, bf16 or fp16; choose one of them")
    architecture = architecture_of(source)
    part = Part(row_bytes=vision_language.row_bytes(), answer_bytes=vision_language.ANSWER_BYTES, cpu_batch=BATCH)
    spec = AnalyserSpec(
        name=name,
        kind="captions",
        description=f"{architecture} from the folder {source.name}.",
        source=Source(kind="folder", locator=source.name, revision=revision_of(source), weights=weights_of(source)),
        licence=licence or licence_of(source) or "not stated; see where the folder came from",
        parts={WRITE: part, JUDGE: part},
        settings={
            "decoder": vision_language.DECODER,
            "chat": int(architecture not in TASKS),
            "tasks": " ".join(TASKS.get(architecture, ())),
        },
        precision=precision,
        notice=CAPTION_NOTICE,
    )
    session = ChatSession(spec, source)
    if session.ignored:
        ignored = f" Its settings {listed(session.ignored, 20)} are not applied."
        spec = AnalyserSpec(**{**vars(spec), "notice": CAPTION_NOTICE + ignored})
    write_manifest(folder, spec, parity=_compare(spec, session), made_with=export.versions())
    return spec


def revision_of(folder: Path) -> str:
    """The commit of a hub that a folder was downloaded at, as the hub's client notes it, or else how its files tell."""
    note = folder / ".cache" / "huggingface" / "download" / "config.json.metadata"
    try:
        commit = note.read_text(encoding="utf-8").split("\n", 1)[0].strip()
    except OSError:
        path = folder.resolve()
        commit = path.name if path.parent.name == "snapshots" else ""
    known = len(commit) == 40 and all(character in "0123456789abcdef" for character in commit)
    return commit if known else "as its files' sha256 say"


def licence_of(folder: Path) -> str | None:
    """The licence in the header of a folder's README.md, if it has one."""
    try:
        head = (folder / "README.md").read_text(encoding="utf-8").split("---", 2)
        values = yaml.safe_load(head[1]) if len(head) == 3 and not head[0].strip() else {}
        named = values.get("license_name") or values.get("license")
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        return None
    return str(named) if named else None


def _compare(spec: AnalyserSpec, session: ChatSession) -> Mapping[str, float]:
    """Agreement with transformers on photos. Raises ModelUnavailable where results in fp32 differ."""
    pictures = oracle.pictures()
    photos = []
    for i in PHOTOS:
        with Image.open(io.BytesIO(pictures[i])) as image:
            photos.append(image.convert("RGB"))
    prompt = session.processor.tasks[0] if session.processor.tasks else vision_language.DEFAULT_PROMPT
    turns = [[Turn("user", (photo, prompt))] for photo in photos]
    answers = _asked(session, WRITE, turns, {"max_tokens": TOKENS})
    equal = 0
    for photo, answer in zip(photos, answers, strict=True):
        theirs = generated(session, photo, prompt, TOKENS)
        if answer["tokens"] == theirs:
            equal += 1
        elif spec.precision == "fp32":
            raise ModelUnavailable(
                f"{spec.source.locator}: tokens of a photo differ from those of transformers ({answer['tokens'][:12]} "
                f"and {theirs[:12]}); it cannot be served exactly"
            )
    parity = {"texts_equal_to_generate": float(equal), "texts_compared": float(len(photos))}
    if session.processor.tasks:
        return parity
    judged = _asked(session, JUDGE, turns, {"answers": list(ANSWERS)})
    gap = 0.0
    for photo, answer, each in zip(photos, judged, turns, strict=True):
        wanted = [forward(session, photo, prompt, ids) for ids in session.processor.answers(each, ANSWERS)]
        found = [total for total, _ in answer["likelihoods"]]
        gap = max(gap, float(np.abs(np.array(found) - np.array(wanted)).max()))
    if spec.precision == "fp32" and not gap < GAP:
        raise ModelUnavailable(
            f"{spec.source.locator}: log-probabilities of answers differ by {gap:.2g} from those of transformers, the "
            f"limit is {GAP}; it cannot be served exactly"
        )
    return {**parity, "likelihoods_largest_difference": gap}


def _asked(
    session: ChatSession, part: str, conversations: Sequence[Sequence[Turn]], options: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The answers of conversations, those of equal shapes in one batch, as a server runs them."""
    rows = [packed(turns, options) for turns in conversations]
    groups: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(tuple(array.shape for array in row), []).append(i)
    answers: dict[int, dict[str, Any]] = {}
    for indices in groups.values():
        (outputs,) = session.compute(part, tuple(map(np.stack, zip(*(rows[i] for i in indices), strict=True))))
        answers |= {i: json.loads(output.tobytes()) for i, output in zip(indices, outputs, strict=True)}
    if problem := next((each["error"] for each in answers.values() if "error" in each), None):
        raise ModelUnavailable(f"a photo could not be captioned: {problem}")
    return [answers[i] for i in range(len(rows))]


def inputs_of_transformers(session: ChatSession, photo: Image.Image, prompt: str) -> dict[str, Any]:
    """The inputs of one picture with an instruction, by the processor of transformers alone and without filling up."""
    processor = session.processor.of_transformers
    if session.processor.tasks:
        made = processor(images=photo, text=prompt, return_tensors="pt")
    else:
        content = [{"type": "image", "image": photo}, {"type": "text", "text": prompt}]
        made = processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
    device, dtype = session.device, session.network.dtype
    return {name: value.to(device, dtype if value.is_floating_point() else None) for name, value in made.items()}


def generated(session: ChatSession, photo: Image.Image, prompt: str, most: int) -> list[int]:
    """The tokens that `generate` writes greedily for one picture, the end included."""
    given = inputs_of_transformers(session, photo, prompt)
    start = {name: value for name, value in session.start.items() if value is not None}
    with torch.inference_mode():
        written = session.network.generate(
            **given,
            max_new_tokens=most,
            do_sample=False,
            eos_token_id=list(session.ends),
            pad_token_id=session.pad,
            **(start if session.network.config.is_encoder_decoder else {}),
        )
    first = 1 if session.network.config.is_encoder_decoder else given["input_ids"].shape[1]
    row: list[int] = written[0, first:].tolist()
    return row


def forward(session: ChatSession, photo: Image.Image, prompt: str, answer: Sequence[int]) -> float:
    """The log-probability of the tokens of an answer after one picture, in one forward pass without a cache."""
    given = inputs_of_transformers(session, photo, prompt)
    ids = torch.tensor([list(answer)], device=session.device)
    first = given["input_ids"].shape[1]
    for name in SEQUENCES:
        if name in given:
            more = ids if name == "input_ids" else torch.full_like(ids, int(name == "attention_mask"))
            given[name] = torch.cat([given[name], more.to(given[name].dtype)], dim=1)
    with torch.inference_mode():
        logits = session.network(**given, use_cache=False).logits[0, first - 1 : -1]
        chances = logits.float().log_softmax(-1).gather(1, ids[0, :, None])
    return float(chances.double().sum())
