"""The configuration file: found, read, layered, checked, and handed on as narrow values.

``locate`` needs the standard library only; ``load`` is the way in for everything else, and nothing
outside this package sees pydantic.
"""
