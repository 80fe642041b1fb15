"""An AI's opinion on signals and markets: asked once, paid once, bounded elsewhere."""
