"""The way of a signal, one verb per module: the only place where awaiting and deciding meet."""
