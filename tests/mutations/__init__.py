"""G27: take one guard out of the product at a time, and see a test go red.

    .venv/bin/python -m tests.mutations                  # all of them: permission checks, tenant filters, origin and epoch
                                                         # checks, audit calls
    .venv/bin/python -m tests.mutations --sample 12      # so many, drawn by SEED
    .venv/bin/python -m tests.mutations --only accounts/members.py

Nothing on disk is changed: the module is altered as it is imported. First the tests run once with a mark at each guard,
which tells which tests reach it; then each guard is taken out and those tests run until one fails.
"""
