"""The steps of a run, between storage and domain: each reads, computes and stages; none publishes."""
