"""Bodies of requests and responses. Decimals are text, instants epoch ms UTC."""
