"""The steps of a night, between storage and domain: each reads, computes and stages; none publishes."""
