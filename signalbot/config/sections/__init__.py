"""Sections of the configuration file as pydantic models."""
