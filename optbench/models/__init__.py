"""Networks of learning problems, one family a file: plain torch modules."""
