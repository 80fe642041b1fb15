"""The log: formats, redaction, writing, and hooks for errors and libraries."""
