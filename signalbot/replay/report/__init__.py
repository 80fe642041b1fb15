"""Reports of a replay: metrics, tables, charts, web page."""
