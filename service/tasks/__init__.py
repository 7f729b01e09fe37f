"""What the jobs' worker does: a module for each kind of job, with a function `job(context)`. No engine, no transport.

service/jobs/kinds.py names them; service/pipelines/ writes what they read.
"""
