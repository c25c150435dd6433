"""Fixtures that every app's tests share. The scratch folder and the database come from tests/scratch.py."""

pytest_plugins = ["tests.fixtures.people"]
