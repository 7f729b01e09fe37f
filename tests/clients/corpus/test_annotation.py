"""Clusters and coded pairs in tables."""

import pytest

from daguerre.corpus.annotation import majority, read_clusterings, read_known_labels


def test_the_majority_counts_and_ties_do_not():
    assert [majority(votes) for votes in ([True], [True, False], [False, False, True], [])] == [
        True,
        None,
        False,
        None,
    ]


def test_clusterings_have_the_items_that_all_tables_have(tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.tsv"
    one.write_text("id,cluster,error\na,0,\nb,1,\nc,-1,\nd,0,invalid_image\n")
    two.write_text("id\tcluster\nb\t7\na\t7\n")
    read = read_clusterings([str(one), f"other={two}"])
    assert read.ids == ["a", "b"]
    assert {name: labels.tolist() for name, labels in read.labels.items()} == {"one": [0, 1], "other": [7, 7]}
    assert read.left_out == 1
    with pytest.raises(ValueError, match="another clustering is named 'one'"):
        read_clusterings([str(one), str(one)])


def test_known_labels_are_found_by_id_or_path(tmp_path):
    table = tmp_path / "known.csv"
    table.write_text("path,kind\na.jpg,cat\nb.jpg,\n")
    assert read_known_labels(str(table), "kind") == {"a.jpg": "cat", "b.jpg": None}
