"""Reports of a replay: figures, tables, charts, HTML."""
