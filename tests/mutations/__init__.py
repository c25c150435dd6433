"""G27: take one guard out of the product at a time, and see a test go red.

    .venv/bin/python -m tests.mutations                  # all of them: permission checks, tenant filters, origin and epoch
                                                         # checks, audit calls
    .venv/bin/python -m tests.mutations --only accounts/members.py
    .venv/bin/python -m tests.mutations --new --write    # those whose test is not known yet; notes what is found
    .venv/bin/python -m tests.mutations --sample 12      # so many of those whose test is known, drawn by SEED

Nothing on disk is changed: modules are altered as they are imported, so that each guard asks whether it is out. The test
that noticed last time is tried first. For what is left, all tests run once with a mark at each guard, which tells which
tests reach it. Then a process that has everything loaded forks for each guard, takes it out and runs those tests until one
fails.
"""
