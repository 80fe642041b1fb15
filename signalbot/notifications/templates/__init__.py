"""Texts of notices by topic; ``notice_types`` maps events to them. Pure."""
