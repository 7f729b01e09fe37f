"""Reports as HTML pages that load nothing and run nothing.

The modules here are elements, style and plots that all pages share; `clusters/` and `classifiers/` are the pages.
"""
