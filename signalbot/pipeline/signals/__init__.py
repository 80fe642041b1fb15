"""From a closed candle to a signal in every listener."""
