"""Names of clusters from the words of texts, held against class-based TF-IDF computed word by word."""

import re
from collections import Counter
from math import log

import numpy as np
import pytest

from models.clustering.names import words_of_clusters

PROTEST = ["the crowd marches with banners", "banners over a marching crowd", "police watch the crowd and banners"]
FOOD = ["a bowl of soup with bread", "bread and soup on the table", "soup soup bread"]


def test_words_are_ranked_by_class_based_tf_idf():
    texts, labels = [*PROTEST, *FOOD], np.array([0, 0, 0, 1, 1, 1])
    words = [
        [word for word in re.findall(r"\w\w+", text) if word not in {"the", "with", "over", "and", "of", "on"}]
        for text in texts
    ]
    everywhere = Counter(word for each in words for word in each)
    mean = sum(everywhere.values()) / 2
    for c, names in enumerate(words_of_clusters(texts, labels)):
        own = [each for each, label in zip(words, labels, strict=True) if label == c]
        counts = Counter(word for each in own for word in each)
        shared = {word for word in counts if sum(word in each for each in own) > 1}
        expected = {w: counts[w] / sum(counts.values()) * log(1 + mean / everywhere[w]) for w in shared}
        assert {name.label: name.score for name in names} == pytest.approx(expected)
        assert [name.score for name in names] == sorted((name.score for name in names), reverse=True)
        assert all(name.cosine is None for name in names)


def test_words_of_one_text_name_nothing():
    labels = np.array([0, 0, 0, 1])
    names = words_of_clusters([*PROTEST, "Jane Doe spoke about Jane Doe"], labels)
    assert {name.label for name in names[0]} == {"crowd", "banners"}
    assert names[1] == ()


def test_a_word_of_half_of_the_texts_distinguishes_nothing():
    texts = [f"heute {word} wieder" for word in ("protest", "suppe") for _ in range(20)]
    names = words_of_clusters(texts, np.repeat([0, 1], 20))
    assert [[name.label for name in each] for each in names] == [["protest"], ["suppe"]]


def test_items_in_none_count_as_one_more_group():
    texts = [*PROTEST, *FOOD, "soup", "soup"]
    alone = words_of_clusters(texts[:6], np.array([0, 0, 0, 1, 1, 1]))
    among = words_of_clusters(texts, np.array([0, 0, 0, 1, 1, 1, -1, -1]))
    assert among[1][0].score < alone[1][0].score  # soup is less particular


@pytest.mark.parametrize("texts", [["", "", ""], ["the", "and", "of"], ["1", "22", "?"], ["猫", "犬", "猫"]])
def test_texts_without_words_give_no_names(texts):
    assert words_of_clusters(texts, np.array([0, 0, 1])) == ((), ())


def test_no_clusters_have_no_names():
    assert words_of_clusters(PROTEST, np.array([-1, -1, -1])) == ()


def test_words_of_other_scripts_are_words():
    texts = ["протест на площади", "площади протест", "soup bread", "bread soup"]
    names = words_of_clusters(texts, np.array([0, 0, 1, 1]))
    assert {name.label for name in names[0]} == {"протест", "площади"}
