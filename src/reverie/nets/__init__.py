"""Networks with two users or more."""
