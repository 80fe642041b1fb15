"""The manual: one Markdown page per topic, with tables rendered from the code."""
