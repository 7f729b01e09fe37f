"""The page of a classifier's report: tables, plots and definitions of its figures."""
