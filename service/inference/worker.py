"""The worker process of BentoML, which ends with its supervisor even while it starts."""

import gc
import os
import runpy

from models.lifetime import SUPERVISOR, WORKER, die_with

if __name__ == "__main__":
    gc.disable()  # while modules are imported, which takes a tenth longer with it; service/app.py enables it
    die_with(int(os.environ[SUPERVISOR]))
    runpy.run_module(WORKER, run_name="__main__", alter_sys=True)
