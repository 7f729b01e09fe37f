"""Results of calls: records, arrays and tables that need no client."""
