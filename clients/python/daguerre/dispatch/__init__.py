"""One call as many requests: chunks, retries, order, joined answers, and vectors that are uploaded first."""
