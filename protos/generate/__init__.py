"""Generates the .proto files from the schemas of the service: `python -m protos.generate`, called by scripts/protos.

`schemas.py` names the modules of the schemas, `table/` declares the messages of gRPC and where they differ from HTTP,
and `protos/lock.json` keeps the number and the type of each field.
"""
