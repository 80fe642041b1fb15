"""One look at everything a healthy installation needs, and what to do where it lacks."""
