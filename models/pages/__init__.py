"""Reports as HTML pages without scripts or requests.

The modules here are elements, style and plots that all pages share; `clusters/` and `classifiers/` are the pages.
"""
