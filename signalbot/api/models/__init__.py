"""Bodies of requests and answers. Money and quantities are decimal text, instants epoch ms UTC."""
