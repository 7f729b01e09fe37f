"""Trainable classifiers: from coded items to what predicts, with a report that can be published."""
