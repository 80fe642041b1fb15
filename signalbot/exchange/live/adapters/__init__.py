"""One module per exchange and kind of market; ``registry`` lists them."""
