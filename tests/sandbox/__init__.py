"""Strategies of one's own: what they may do, what they may not, and what comes of trying."""
