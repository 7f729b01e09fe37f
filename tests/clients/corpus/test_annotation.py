"""Clusters and coded pairs in tables."""

import pytest

from daguerre.corpus.annotation import majority, read_clusterings, read_coded_pairs, read_known_labels


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


def test_clusterings_that_pandas_wrote_again_are_read(tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("id,cluster\n1,0\n2,1\n3,\n".replace("3,\n", "3,-1\n"))
    two.write_text("id;cluster\n1.0;0.0\n2.0;1.0\n3.0;-1.0\n")
    read = read_clusterings([str(one), str(two)])
    assert (read.ids, read.left_out) == (["1", "2", "3"], 0)
    assert {name: labels.tolist() for name, labels in read.labels.items()} == {"one": [0, 1, -1], "two": [0, 1, -1]}
    two.write_text("id,cluster\n001,0\n002,1\n")
    with pytest.raises(ValueError, match=r"no id in common \(zeros at the front were lost"):
        read_clusterings([str(one), str(two)])


def test_a_label_that_contradicts_another_is_refused(tmp_path):
    table = tmp_path / "known.csv"
    table.write_text("path,kind\na.jpg,cat\na.jpg,cat\n")
    assert read_known_labels(str(table), "kind") == {"a.jpg": "cat"}
    table.write_text("path,kind\na.jpg,cat\na.jpg,dog\n")
    with pytest.raises(ValueError, match=r"'a\.jpg' twice, with 'cat' and 'dog'"):
        read_known_labels(str(table), "kind")


@pytest.mark.parametrize("cell", ["1", "1.0", "yes", "TRUE", "Same"])
def test_votes_of_any_program_are_read(tmp_path, cell):
    table = tmp_path / "pairs.csv"
    table.write_text(f"a_id,b_id,Same,stratum,inclusion_prob\n1,2,{cell},within,0.5\n1,3,NA,between,0.5\n")
    read = read_coded_pairs(str(table), ["1", "2", "3"], "singletons")
    assert read.same == [True, None]
