"""The embedded Valkey: one a data folder, shared by every worker that runs on it.

Each worker holds a shared lock on the file `keeper.WORKERS`, which the kernel releases however the
worker ends. The first worker starts a keeper (`keeper`), a process in a session of its own, which
runs Valkey and waits for the exclusive lock: it gets that once no worker is left, and ends Valkey.
"""
