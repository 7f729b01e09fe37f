"""The transports: requests to pipelines, and what pipelines return to responses."""
