"""The daemon under load for minutes: nothing grows, nothing is lost, nothing is told twice."""
