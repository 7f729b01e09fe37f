"""The tasks of the job worker: one module per kind of job, with a function `job(context)`.

service/jobs/kinds.py lists them; service/pipelines/ writes the files that they read.
"""
