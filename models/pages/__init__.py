"""Reports as HTML pages that load nothing and run nothing: elements, style, plots and thumbnails that all pages share.

Here too is the page of a clustering; a classifier's is beside what it reports on, in `models/classifiers/`.
"""
