"""Items to vectors: each its own, bad ones named and nobody else's, nothing left behind in the queue."""

import asyncio
import base64
import io
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import TextError
from service.errors import ItemsFailed, Overloaded, TooLarge, Unavailable, Unprocessable
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.embeddings import embed
from service.pipelines.encode import check_text, encode
from service.pipelines.items import Item
from tests.service import fakes

SECONDS = 30


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)


def png(seed: int) -> bytes:
    """An image that preprocessing leaves as it is."""
    out = io.BytesIO()
    Image.fromarray(pixels(seed)).save(out, "PNG")
    return out.getvalue()


def run(tmp_path, work, **rest):
    async def main():
        async with fakes.engine(tmp_path, **rest) as engine:
            return await work(engine)

    return asyncio.run(asyncio.wait_for(main(), SECONDS))


def encoded(tmp_path, items, *, on_error="fail", **rest):
    return run(
        tmp_path,
        lambda engine: encode(
            engine, engine.model(None), items, operation="embeddings", decode="exact", on_error=on_error
        ),
        **rest,
    )


def failures(tmp_path, items, **rest) -> ItemsFailed:
    with pytest.raises(ItemsFailed) as caught:
        encoded(tmp_path, items, **rest)
    return caught.value


# vectors


def test_each_item_gets_its_own_unit_vector(tmp_path):
    items = [Item(image=png(i)) if i % 3 else Item(text=f"text {i}" * (i % 5 + 1)) for i in range(60)]
    found = encoded(tmp_path, items)
    wanted = [
        fakes.image_vector(pixels(i)) if item.text is None else fakes.text_vector(item.text)
        for i, item in enumerate(items)
    ]
    np.testing.assert_allclose(found.vectors, wanted, atol=1e-6)
    assert found.vectors.dtype == np.float32
    assert found.failures == {}
    assert found.truncated == ()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 5), st.text(max_size=70)), min_size=1, max_size=12))
def test_whatever_the_mixture_good_items_are_answered_and_bad_ones_named(tmp_path_factory, kinds):
    items = [Item(text=kind) if isinstance(kind, str) else Item(image=png(kind) if kind else b"no") for kind in kinds]
    found = encoded(tmp_path_factory.mktemp("mixture"), items, on_error="skip")
    for i, kind in enumerate(kinds):
        if kind == 0 or (isinstance(kind, str) and not kind.strip()):
            assert found.failures[i].code == ("invalid_text" if isinstance(kind, str) else "unsupported_image")
            assert np.isnan(found.vectors[i]).all()
        else:
            assert i not in found.failures
            wanted = fakes.text_vector(kind) if isinstance(kind, str) else fakes.image_vector(pixels(kind))
            np.testing.assert_allclose(found.vectors[i], wanted, atol=1e-6)


def test_tokens_are_counted_and_cut_texts_are_named(tmp_path):
    found = encoded(
        tmp_path,
        [Item(text="abc"), Item(image=png(1)), Item(text="x" * 64), Item(text="x" * 65), Item(text="y" * 99)],
    )
    assert found.tokens == 3 + 64 + 64 + 64
    assert found.truncated == (3, 4)
    np.testing.assert_allclose(found.vectors[2], found.vectors[3], atol=1e-7)


def test_truncated_texts_are_told_by_their_place_among_all_items(tmp_path):
    found = encoded(tmp_path, [Item(text=" "), Item(image=png(1)), Item(text="x" * 80)], on_error="skip")
    assert found.truncated == (2,)


def test_more_texts_than_are_tokenised_at_once_stay_in_order(tmp_path):
    items = [Item(text=f"text {i}") for i in range(600)]
    np.testing.assert_allclose(
        encoded(tmp_path, items).vectors, [fakes.text_vector(item.text) for item in items], atol=1e-6
    )


# base64

DATA = png(7)
PLAIN = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "given",
    [
        DATA,
        PLAIN,
        f"data:image/png;base64,{PLAIN}",
        f"data:;base64,{PLAIN}",
        "\n".join(PLAIN[i : i + 76] for i in range(0, len(PLAIN), 76)),
        PLAIN.rstrip("="),
        f" {PLAIN}\r\n",
    ],
    ids=["bytes", "base64", "data URI", "no type", "lines", "no padding", "spaces"],
)
def test_an_image_may_come_as_bytes_base64_or_a_data_uri(tmp_path, given):
    np.testing.assert_allclose(
        encoded(tmp_path, [Item(image=given)]).vectors[0], fakes.image_vector(pixels(7)), atol=1e-6
    )


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ("https://example.org/a.jpg", "url_not_fetched", "this service fetches none"),
        ("file:///etc/passwd", "url_not_fetched", "this service fetches none"),
        ("s3://bucket/key", "url_not_fetched", "this service fetches none"),
        ("data:image/png,abc", "invalid_base64", "without ';base64,'"),
        ("data:image/png;base64", "invalid_base64", "without ';base64,'"),
        ("not base64!", "invalid_base64", "is not base64"),
        ("häh?", "invalid_base64", "is not base64"),
        (PLAIN[:5], "invalid_base64", "is not base64"),
        ("", "invalid_image", "0 bytes"),
        (PLAIN[:44], "invalid_image", "cannot be decoded"),
        (base64.b64encode(b"%PDF-1.7").decode(), "unsupported_image", "a PDF document"),
    ],
)
def test_an_image_that_is_none_is_told_why(tmp_path, given, code, message):
    exc = failures(tmp_path, [Item(image=given)])
    assert exc.code == code
    assert message in exc.message


def test_an_image_that_is_too_large_is_refused_before_it_is_decoded(tmp_path):
    exc = failures(tmp_path, [Item(image="A" * 20_000)], settings={"max_image_bytes": 1000})
    assert (exc.status, exc.code) == (413, "image_too_large")
    assert "about 15,000 bytes, the limit is 1,000" in exc.message
    exc = failures(tmp_path, [Item(image=png(1))], settings={"max_image_bytes": 100})
    assert exc.code == "image_too_large"
    exc = failures(tmp_path, [Item(image=png(1))], settings={"max_image_pixels": 255})
    assert exc.code == "image_too_large"


# texts


@pytest.mark.parametrize("text", ["", "  \n\t", "\u00a0\u2003"])
def test_a_text_of_nothing_has_no_vector(text):
    with pytest.raises(TextError, match="empty"):
        check_text(text, 10)


def test_a_text_is_bounded_and_valid():
    check_text("x" * 10, 10)
    with pytest.raises(TextError, match="has 11 characters, the limit is 10"):
        check_text("x" * 11, 10)
    with pytest.raises(TextError, match="surrogate"):
        check_text("a\udc80b", 10)


# one failure apart from the others


def test_fail_names_every_bad_item_of_both_kinds(tmp_path):
    items = [
        Item(text="good"),
        Item(text="", id="t"),
        Item(image=png(1)),
        Item(image=b"", id="i"),
        Item(image="http://x"),
        Item(text=" "),
    ]
    exc = failures(tmp_path, items)
    assert [(item.index, item.id, item.code) for item in exc.items] == [
        (1, "t", "invalid_text"),
        (3, "i", "invalid_image"),
        (4, None, "url_not_fetched"),
        (5, None, "invalid_text"),
    ]
    assert exc.message.startswith("4 of 6 items cannot be used, the first is input[1]: text is empty")


def test_skip_answers_the_others(tmp_path):
    items = [Item(text="good"), Item(image=b"bad"), Item(image=png(1))]
    found = encoded(tmp_path, items, on_error="skip")
    assert set(found.failures) == {1}
    np.testing.assert_allclose(found.vectors[0], fakes.text_vector("good"), atol=1e-6)
    np.testing.assert_allclose(found.vectors[2], fakes.image_vector(pixels(1)), atol=1e-6)


@pytest.mark.parametrize("items", [[Item(text="")], [Item(image=b"")], [Item(text=""), Item(image=b"")]])
def test_skip_of_nothing_but_bad_items_is_an_answer(tmp_path, items):
    found = encoded(tmp_path, items, on_error="skip")
    assert set(found.failures) == set(range(len(items)))
    assert np.isnan(found.vectors).all()


def test_a_bad_item_fails_no_other_callers_request(tmp_path):
    async def work(engine):
        def one(item):
            return encode(engine, engine.model(None), [item], operation="embeddings", decode="exact", on_error="fail")

        items = [Item(image=b"bad") if i % 4 == 0 else Item(image=png(i)) for i in range(24)]
        return await asyncio.gather(*map(one, items), return_exceptions=True)

    for i, result in enumerate(run(tmp_path, work)):
        if i % 4 == 0:
            assert isinstance(result, ItemsFailed)
        else:
            np.testing.assert_allclose(result.vectors[0], fakes.image_vector(pixels(i)), atol=1e-6)


# requests that cannot be


def test_no_items_and_too_many_are_refused(tmp_path):
    with pytest.raises(Unprocessable, match="input: has no items; send at least one"):
        encoded(tmp_path, [])
    with pytest.raises(TooLarge, match="input: has 4 items, the limit is 3; send several requests") as caught:
        encoded(tmp_path, [Item(text="a")] * 4, settings={"max_items": 3})
    assert (caught.value.code, caught.value.param) == ("too_many_items", "input")


@pytest.mark.parametrize(
    ("lacks", "item", "message"),
    [
        ("image", Item(image=png(1)), "model 'small' takes no images, only texts"),
        ("text", Item(text="a"), "model 'small' takes no texts, only images"),
    ],
)
def test_a_modality_that_the_model_lacks_is_refused(tmp_path, lacks, item, message):
    with pytest.raises(Unprocessable, match=message) as caught:
        encoded(tmp_path, [item, Item(text="b"), Item(image=png(2))], **{lacks: None, "zero_shot": None})
    assert (caught.value.code, caught.value.param) == ("unsupported_modality", "input")


def test_a_full_queue_refuses_the_request_and_keeps_nothing_of_it(tmp_path):
    placement = fakes.Here(capacity=5)

    async def work(engine):
        with pytest.raises(Overloaded):
            await encode(
                engine,
                engine.model(None),
                [Item(text="a")] * 3 + [Item(image=png(1))] * 3,
                operation="embeddings",
                decode="exact",
                on_error="fail",
            )
        assert placement.batcher("image").admitted == 0
        await encode(
            engine, engine.model(None), [Item(text="a")] * 5, operation="embeddings", decode="exact", on_error="fail"
        )

    run(tmp_path, work, placement=placement, settings={"queue": 1000})


@pytest.mark.parametrize("error", [Unavailable("the runner is away"), ValueError("bad row")])
@pytest.mark.parametrize("item", [Item(text="a"), Item(image=png(1))], ids=["text", "image"])
def test_an_error_of_the_device_reaches_the_caller_and_frees_the_queue(tmp_path, error, item):
    away = threading.Event()

    def fails(key, row):
        if away.is_set():
            raise error

    placement = fakes.Here(fails=fails)

    async def work(engine):
        away.set()
        with pytest.raises(type(error)):
            await encode(
                engine, engine.model(None), [item] * 9, operation="embeddings", decode="exact", on_error="skip"
            )
        assert placement.batcher("image").admitted == 0

    run(tmp_path, work, placement=placement)


@pytest.mark.parametrize(
    "items", [[Item(text="a")] * 40, [Item(image=png(1))] * 40, [Item(text="a"), Item(image=png(1))] * 20]
)
def test_a_caller_that_goes_away_leaves_nothing_in_the_queue(tmp_path, items):
    placement = fakes.Here(lanes=1)

    async def work(engine):
        placement.open.clear()
        task = asyncio.ensure_future(
            encode(engine, engine.model(None), items, operation="embeddings", decode="exact", on_error="fail")
        )
        batcher = placement.batcher("image")
        while batcher.admitted < len(items):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)  # some have been decoded, and one batch is on the device
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert batcher.admitted == 0
        placement.open.set()
        with batcher.admit(1):
            pass
        await encode(
            engine, engine.model(None), [Item(text="after")], operation="embeddings", decode="exact", on_error="fail"
        )

    run(tmp_path, work, placement=placement)
    assert sum(n for _, n in placement.ran) <= 4 + 1  # the batch that was running, and the one after


def test_no_more_than_a_window_of_images_is_decoded_ahead_of_the_device(tmp_path):
    placement = fakes.Here(lanes=1)

    async def work(engine):
        model = engine.model(None)
        decoded = []
        preprocess = model.images.preprocess
        model.images.preprocess = lambda *args, **rest: decoded.append(1) or preprocess(*args, **rest)
        placement.open.clear()
        task = asyncio.ensure_future(
            encode(engine, model, [Item(image=png(1))] * 30, operation="embeddings", decode="exact", on_error="fail")
        )
        while len(decoded) < 6:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        held = len(decoded)
        placement.open.set()
        await task
        return held, len(decoded)

    assert run(tmp_path, work, placement=placement, settings={"window": 6}) == (6, 30)


# running parts at the same time


def test_the_first_error_ends_the_other_parts_and_comes_as_it_is():
    async def main():
        ended = []

        async def waits():
            try:
                await asyncio.sleep(SECONDS)
            finally:
                ended.append(True)

        async def fails():
            await asyncio.sleep(0)
            raise LookupError("mine")

        before = asyncio.all_tasks()
        with pytest.raises(LookupError, match="mine"):
            await gather_cancelling([waits(), fails(), waits()])
        assert ended == [True, True]
        assert asyncio.all_tasks() == before

    asyncio.run(asyncio.wait_for(main(), SECONDS))


# embeddings


def test_a_dimension_that_the_model_does_not_have_is_refused(tmp_path):
    async def work(engine, dimensions):
        return await embed(
            engine, engine.model(None), [Item(text="a")], dimensions=dimensions, decode="exact", on_error="fail"
        )

    for dimensions in (None, fakes.DIMENSION):
        found = run(tmp_path, lambda engine, d=dimensions: work(engine, d))
        np.testing.assert_allclose(found.vectors[0], fakes.text_vector("a"), atol=1e-6)
    for dimensions in (0, -1, 4, 13):
        with pytest.raises(
            Unprocessable, match=f"dimensions: {dimensions} was asked for, model 'small' has 12"
        ) as caught:
            run(tmp_path, lambda engine, d=dimensions: work(engine, d))
        assert caught.value.param == "dimensions"


def test_a_matryoshka_model_gives_a_prefix_of_length_one(tmp_path):
    async def work(engine):
        return await embed(
            engine, engine.model(None), [Item(text="a"), Item(text="")], dimensions=4, decode="exact", on_error="skip"
        )

    found = run(tmp_path, work, matryoshka=(4,))
    assert found.vectors.shape == (2, 4)
    np.testing.assert_allclose(found.vectors[0], fakes.unit(fakes.text_vector("a")[:4]), atol=1e-6)
    assert np.isnan(found.vectors[1]).all()
