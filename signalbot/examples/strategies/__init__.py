"""Strategy files to copy: one class each, parameters with bounds, a stop for every entry."""
