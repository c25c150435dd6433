"""Copies of everything that lasts, and the way back: `manage.py backup` and `manage.py restore`. Keys are kept apart."""
