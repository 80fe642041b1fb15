"""Commands for strategies of one's own: begin one, try it out."""
