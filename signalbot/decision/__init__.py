"""Pure decisions: a signal, a user's settings and a book in; a plan or a denial out."""
