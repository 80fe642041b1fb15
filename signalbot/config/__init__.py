"""The configuration file: located, read, merged in layers, validated, converted to settings.

``locate`` needs the standard library only; ``load`` is the entry point for everything else.
pydantic models stay inside this package and ``api``: ``load`` returns plain dataclasses.
"""
