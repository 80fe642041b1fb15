"""The log: format, redaction, writing."""
