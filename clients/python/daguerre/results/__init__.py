"""What calls return: records, arrays and tables that need no client."""
