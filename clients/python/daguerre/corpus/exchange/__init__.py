"""Codes and pre-labels in the files of other programs. In memory they are tasks of Label Studio."""
