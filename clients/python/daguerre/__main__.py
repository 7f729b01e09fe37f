"""`python -m daguerre`: the command line."""

from daguerre.cli import main

main(prog_name="daguerre")
